#include <algorithm>
#include <cmath>

#include "model/recipe.h"

namespace attn {

void ConfigFields::fail(const std::string& what) {
  if (!error_) error_ = Error{source_.file + ": " + what};
}

int ConfigFields::size(const char* key, int most, std::optional<int> otherwise) {
  const Json field = json().at(key);
  if (field.is_null() && otherwise) return *otherwise;
  const std::optional<int64_t> value = field.integer();
  if (field.is_null()) {
    fail(std::string(key) + (source_.in_weights
                                 ? " is missing; use a file that describes its model"
                                 : " is missing; use the config.json that came with the weights"));
  } else if (!value || *value < 1 || *value > most) {
    fail(std::string(key) + " must be a whole number from 1 to " + std::to_string(most));
  } else {
    return int(*value);
  }
  return 1;
}

void ConfigFields::sizes(Config& c, const SizeFields& names) {
  const auto size_or = [&](const char* key, int most, int otherwise) {
    return size(key, most, otherwise > 0 ? std::optional(otherwise) : std::nullopt);
  };
  c.d_model = size_or(names.d_model, kMostWidth, names.d_model_else);
  c.n_layers = size_or(names.n_layers, kMostLayers, names.n_layers_else);
  c.n_heads = c.n_kv_heads = size_or(names.n_heads, kMostHeads, names.n_heads_else);
  if (names.n_kv_heads)
    c.n_kv_heads = size_or(names.n_kv_heads, kMostHeads,
                           names.n_kv_heads_else > 0 ? names.n_kv_heads_else : c.n_heads);
  if (c.n_heads % c.n_kv_heads != 0)
    fail(std::string(names.n_heads) + " must be a multiple of " + names.n_kv_heads);
  const bool divided =
      names.d_head_else == 0 && (!names.d_head || json().at(names.d_head).is_null());
  if (divided && c.d_model % c.n_heads != 0)
    fail(std::string(names.d_model) + " must be a multiple of " + names.n_heads +
         (names.d_head ? std::string(" where ") + names.d_head + " is missing" : ""));
  c.d_head = names.d_head_else > 0 ? names.d_head_else : std::max(1, c.d_model / c.n_heads);
  if (names.d_head) c.d_head = size(names.d_head, kMostHeadSize, c.d_head);
  c.d_mlp = names.d_mlp_else > 0 ? names.d_mlp_else : names.mlp_ratio * c.d_model;
  if (names.d_mlp) c.d_mlp = size_or(names.d_mlp, kMostHidden, c.d_mlp);
  c.n_ctx = size_or(names.n_ctx, kMostPositions, names.n_ctx_else);
  c.d_vocab = size_or("vocab_size", kMostVocabulary, names.d_vocab_else);
}

double ConfigFields::positive(const char* key, std::optional<double> otherwise) {
  const Json field = json().at(key);
  if (field.is_null() && otherwise) return *otherwise;
  const std::optional<double> value = field.number();
  if (value && std::isfinite(*value) && *value > 0) return *value;
  fail(std::string(key) + (field.is_null() ? " is missing" : " must be a number above 0"));
  return 1;
}

bool ConfigFields::flag(const char* key, bool otherwise) {
  const Json field = json().at(key);
  if (field.is_null()) return otherwise;
  const std::optional<bool> value = field.boolean();
  if (!value) fail(std::string(key) + " must be true or false");
  return value.value_or(otherwise);
}

Activation ConfigFields::activation(const char* key, const char* otherwise) {
  static constexpr struct {
    std::string_view name;
    Activation activation;
  } kNames[] = {
      {"gelu", Activation::gelu},
      {"gelu_python", Activation::gelu},
      {"gelu_new", Activation::gelu_tanh},
      {"gelu_fast", Activation::gelu_tanh},
      {"gelu_pytorch_tanh", Activation::gelu_tanh},
      {"gelu_python_tanh", Activation::gelu_tanh},
      {"gelu_accurate", Activation::gelu_tanh},
      {"quick_gelu", Activation::quick_gelu},
      {"silu", Activation::silu},
      {"swish", Activation::silu},
      {"relu", Activation::relu},
  };
  const Json field = json().at(key);
  const std::string_view name = field.is_null() ? otherwise : field.text().value_or("");
  for (const auto& row : kNames) {
    if (row.name == name) return row.activation;
  }
  fail(std::string(key) + " " + quoted_name(name) +
       " is not supported; gelu, gelu_new, silu and relu are");
  return Activation::gelu;
}

bool ConfigFields::written(std::string_view key) const {
  bool found = false;
  json().each([&](std::string_view name, const Json&) { return !(found = name == key); });
  return found;
}

void ConfigFields::causal(Config& c) {
  // transformers asks whether it is true, and takes only an absent field for true.
  const bool null = written("is_causal") && json().at("is_causal").is_null();
  if (!null && flag("is_causal", true)) return;
  c.mask = Mask::none;
  note(std::string("is_causal is ") + (null ? "null" : "false") +
       ": every token attends to all tokens, later ones too");
}

bool ConfigFields::layer_types(Config& c) {
  const Json kinds = json().at("layer_types");
  if (kinds.is_null()) return false;
  c.local_layers.clear();
  kinds.each([&](std::string_view, const Json& kind) {
    const std::string_view name = kind.text().value_or("");
    c.local_layers.push_back(name == "sliding_attention");
    if (name != "sliding_attention" && name != "full_attention")
      fail("layer_types: " + quoted_name(name) +
           " is not supported; full_attention and sliding_attention are");
    return true;
  });
  if (!kinds.is_array() || int(c.local_layers.size()) != c.n_layers) {
    fail("layer_types must name the kind of each of the " + std::to_string(c.n_layers) + " layers");
    c.local_layers.assign(size_t(c.n_layers), false);
  }
  return true;
}

void ConfigFields::writing(Config& c, const Writing& otherwise) {
  Writing& w = c.writes = otherwise;
  const auto id = [&](const char* key, int& to) {
    const Json all = json().at(key), field = all.is_array() ? all.at(size_t(0)) : all;
    if (all.is_null() && written(key)) to = -1;  // rather than the default
    const int64_t value = field.integer().value_or(to);
    if (!field.is_null() && !field.integer()) fail(std::string(key) + " must be a token's number");
    if (value < -1 || value >= c.d_vocab)
      fail(std::string(key) + " is " + std::to_string(value) + ", but there are " +
           std::to_string(c.d_vocab) + " tokens");
    to = int(value);
  };
  id("decoder_start_token_id", w.start_id);
  id("forced_bos_token_id", w.first_id);
  id("eos_token_id", w.end_id);
  json().at("bad_words_ids").each([&](std::string_view, const Json& word) {
    if (const auto only = word.at(size_t(0)).integer(); only && word.size() == 1)
      w.never.push_back(int(*only));
    return true;
  });
  w.most = std::min(256, size("max_length", kMostPositions, w.most));
}

void ConfigFields::window(Config& c, int size) {
  c.reach = c.mask == Mask::causal ? size - 1 : size;
}

Result<Layout> ConfigFields::take(Layout layout) {
  if (error_) return *error_;
  layout.notes.insert(layout.notes.end(), notes_.begin(), notes_.end());
  return layout;
}

void ConfigFields::rotary(Config& c, const RotaryFields& fields) {
  c.position = Position::rotary;
  const Json scaling = json().at("rope_scaling"), parameters = json().at("rope_parameters");
  for (const auto& [name, value] :
       {std::pair("rope_scaling", scaling), std::pair("rope_parameters", parameters)}) {
    if (!value.is_null() && !value.is_object())
      fail(std::string(name) + " must be an object or null");
  }
  const bool scaled = scaling.size() > 0;
  const char* const place = scaled ? "rope_scaling" : "rope_parameters";
  Json rope = scaled ? scaling : parameters;
  if (scaled && parameters.size() > 0)
    note("rope_scaling is used, and rope_parameters beside it is not");
  if (fields.local_theta > 0) {
    if (scaled && parameters.size() > 0)
      fail("rope_scaling beside rope_parameters is not supported for this model type");
    const Json local = rope.at("sliding_attention");
    if (rope.at("full_attention").is_object()) rope = rope.at("full_attention");
    const Json type = local.at("rope_type"), theta = local.at("rope_theta");
    if (!type.is_null() && type.text() != "default")
      fail("rope_parameters: sliding_attention: rope_type " +
           quoted_name(type.text().value_or("")) + " is not supported; default is");
    c.rope_local_theta = positive(fields.local_theta_key, fields.local_theta);
    if (!theta.is_null()) c.rope_local_theta = theta.number().value_or(0);
    if (!(c.rope_local_theta > 0)) fail("rope_theta must be a number above 0");
  }

  ConfigSource inner = source_;
  inner.json = rope;
  ConfigFields in(inner);
  const auto both = [&](const char* key, const char* outer) {
    const std::optional<double> mine = rope.at(key).number(), other = json().at(outer).number();
    if (mine && other && *mine != *other)
      note(std::string(outer) + " is not used, for " + place + " has a " + key + " of its own");
  };
  c.rope_theta = in.positive("rope_theta", positive(fields.theta_key, fields.theta));
  both("rope_theta", fields.theta_key);
  // Families with a key of their own for the share of the head do not read the common one.
  const char* const share_key = fields.fraction_key ? fields.fraction_key : "partial_rotary_factor";
  const double fraction =
      in.positive("partial_rotary_factor", positive(share_key, fields.fraction));
  both("partial_rotary_factor", share_key);
  if (fraction > 1 || (!fields.fraction_key && fraction != 1)) {
    fail("partial_rotary_factor " + std::to_string(fraction) +
         " is not supported for this model type");
  }
  c.rope_dims = int(c.d_head * std::min(fraction, 1.));
  if (c.rope_dims % 2 != 0 || c.rope_dims < 2) {
    fail("rotary embeddings need an even number of dimensions per head, at least 2, not " +
         std::to_string(c.rope_dims));
  }
  in.scaled_rotary(c, rope, place, fields.any_is_longrope);
  const bool has_original = c.rope_scaling == RopeScaling::llama3 ||
                            c.rope_scaling == RopeScaling::yarn ||
                            c.rope_scaling == RopeScaling::longrope;
  const char* const original = "original_max_position_embeddings";
  if (has_original && (fields.original_n_ctx > 0 || !json().at(original).is_null())) {
    const int inside = c.rope_original_n_ctx;
    c.rope_original_n_ctx = size(original, kMostPositions, fields.original_n_ctx);
    if (!rope.at(original).is_null() && inside != c.rope_original_n_ctx)
      note(std::string(place) + ": " + original + " is not used; it is " +
           std::to_string(c.rope_original_n_ctx) + ", as in transformers");
  }
  if (c.rope_scaling == RopeScaling::yarn || c.rope_scaling == RopeScaling::longrope)
    in.amplitude(c);
  notes_.insert(notes_.end(), in.notes_.begin(), in.notes_.end());
  if (in.error()) {
    const std::string_view message = in.error()->message;
    fail(std::string(place) + ": " + std::string(message.substr(source_.file.size() + 2)));
  }
}

std::vector<float> ConfigFields::factors(const char* key, int n) {
  std::vector<float> out;
  json().at(key).each([&](std::string_view, const Json& x) {
    const double value = x.number().value_or(0);
    if (!(value > 0)) fail(std::string(key) + " must be a list of numbers above 0");
    out.push_back(float(value));
    return true;
  });
  if (int(out.size()) != n)
    fail(std::string(key) + " must have " + std::to_string(n) + " numbers, one for each pair");
  out.resize(size_t(n), 1);
  return out;
}

// By what yarn and longrope multiply cosines and sines, and the factor where it follows from sizes.
void ConfigFields::amplitude(Config& c) {
  const double original = std::max(2, c.rope_original_n_ctx);
  c.rope_factor = positive("factor", c.n_ctx / original);
  const double factor = c.rope_factor;
  const auto grown = [&](double by) { return factor <= 1 ? 1 : 0.1 * by * std::log(factor) + 1; };
  const auto written = [&](const char* key) { return json().at(key).number().value_or(0); };
  const double mscale = written("mscale"), all = written("mscale_all_dim");
  const bool longrope = c.rope_scaling == RopeScaling::longrope;
  const double usual = longrope ? std::sqrt(1 + std::log(std::max(1., factor)) / std::log(original))
                       : mscale && all ? grown(mscale) / grown(all)
                                       : grown(1);
  c.rope_amplitude = positive("attention_factor", usual);
}

// What `rope`, the object at `place`, says of how wavelengths are scaled.
void ConfigFields::scaled_rotary(Config& c, const Json& rope, const char* place,
                                 bool any_is_longrope) {
  using enum RopeScaling;
  static constexpr struct {
    std::string_view name;
    RopeScaling scaling;
  } kKinds[] = {{"default", none},  {"linear", linear}, {"dynamic", dynamic},
                {"llama3", llama3}, {"yarn", yarn},     {"longrope", longrope}};
  const auto bit = [](RopeScaling scaling) constexpr { return 1u << unsigned(scaling); };
  // Which kinds read a key.
  static constexpr unsigned kAll = ~0u,
                            kStretched = 1u << unsigned(yarn) | 1u << unsigned(longrope);
  static constexpr struct {
    std::string_view name;
    unsigned kinds;
  } kKeys[] = {
      {"rope_type", kAll},
      {"type", kAll},
      {"rope_theta", kAll},
      {"partial_rotary_factor", kAll},
      {"factor", ~1u},
      {"low_freq_factor", 1u << unsigned(llama3)},
      {"high_freq_factor", 1u << unsigned(llama3)},
      {"original_max_position_embeddings", kStretched | 1u << unsigned(llama3)},
      {"attention_factor", kStretched},
      {"mscale", 1u << unsigned(yarn)},
      {"mscale_all_dim", 1u << unsigned(yarn)},
      {"beta_fast", 1u << unsigned(yarn)},
      {"beta_slow", 1u << unsigned(yarn)},
      {"truncate", 1u << unsigned(yarn)},
      {"short_factor", 1u << unsigned(longrope)},
      {"long_factor", 1u << unsigned(longrope)},
  };
  const Json type = rope.at("rope_type").is_null() ? rope.at("type") : rope.at("rope_type");
  std::string_view name = type.is_null() ? "default" : type.text().value_or("");
  if (any_is_longrope && (name == "su" || name == "yarn")) name = "longrope";
  const auto* kind = std::ranges::find(kKinds, name, [](const auto& k) { return k.name; });
  if (kind == std::end(kKinds)) {
    fail("rope_type " + quoted_name(name) +
         " is not supported; default, linear, dynamic, llama3, yarn and longrope are");
    kind = kKinds;
  }
  c.rope_scaling = kind->scaling;
  switch (kind->scaling) {
    case RopeScaling::none:
      break;
    case RopeScaling::linear:
      c.rope_factor = positive("factor");
      break;
    case RopeScaling::dynamic:
      c.rope_factor = positive("factor");
      c.rope_original_n_ctx = c.n_ctx;
      c.n_ctx = int(std::min<double>(kMostPositions, c.n_ctx * std::max(1., c.rope_factor)));
      if (c.rope_dims <= 2) fail("dynamic needs more than 2 rotated dimensions per head");
      break;
    case RopeScaling::llama3:
      c.rope_factor = positive("factor");
      c.rope_low_freq_factor = positive("low_freq_factor");
      c.rope_high_freq_factor = positive("high_freq_factor");
      if (c.rope_high_freq_factor <= c.rope_low_freq_factor)
        fail("high_freq_factor must be above low_freq_factor");
      break;
    case RopeScaling::yarn:
      c.rope_beta_fast = positive("beta_fast", 32);
      c.rope_beta_slow = positive("beta_slow", 1);
      c.rope_truncates = flag("truncate", true);
      break;
    case RopeScaling::longrope:
      c.rope_short = factors("short_factor", c.rope_dims / 2);
      c.rope_long = factors("long_factor", c.rope_dims / 2);
      break;
  }
  if (bit(kind->scaling) & (kStretched | bit(llama3)))
    c.rope_original_n_ctx = size("original_max_position_embeddings", kMostPositions, c.n_ctx);
  std::string unused;
  rope.each([&](std::string_view key, const Json& value) {
    if (value.is_object())
      fail(std::string(key) + ": rotary settings per kind of layer are not supported");
    const bool used = value.is_null() || std::ranges::any_of(kKeys, [&](const auto& row) {
                        return row.name == key && (row.kinds & bit(kind->scaling)) != 0;
                      });
    if (!used) unused += (unused.empty() ? "" : ", ") + std::string(key);
    return true;
  });
  if (!unused.empty())
    note(std::string(place) + ": not used with rope_type " + std::string(name) + ": " + unused);
}

}  // namespace attn
