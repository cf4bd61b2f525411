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
  c.d_model = size(names.d_model, kMostWidth);
  c.n_layers = size(names.n_layers, kMostLayers);
  c.n_heads = c.n_kv_heads = size(names.n_heads, kMostHeads);
  if (names.n_kv_heads) c.n_kv_heads = size(names.n_kv_heads, kMostHeads, c.n_heads);
  if (c.n_heads % c.n_kv_heads != 0)
    fail(std::string(names.n_heads) + " must be a multiple of " + names.n_kv_heads);
  const bool divided =
      names.d_head_else == 0 && (!names.d_head || json().at(names.d_head).is_null());
  if (divided && c.d_model % c.n_heads != 0)
    fail(std::string(names.d_model) + " must be a multiple of " + names.n_heads +
         (names.d_head ? std::string(" where ") + names.d_head + " is missing" : ""));
  c.d_head = names.d_head_else > 0 ? names.d_head_else : std::max(1, c.d_model / c.n_heads);
  if (names.d_head) c.d_head = size(names.d_head, kMostHeadSize, c.d_head);
  std::optional<int> d_mlp;
  if (names.mlp_ratio > 0) d_mlp = names.mlp_ratio * c.d_model;
  c.d_mlp = size(names.d_mlp, kMostHidden, d_mlp);
  c.n_ctx = size(names.n_ctx, kMostPositions);
  c.d_vocab = size("vocab_size", kMostVocabulary);
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

void ConfigFields::window(Config& c, int size) {
  c.reach = c.mask == Mask::causal ? size - 1 : size;
}

Result<Layout> ConfigFields::take(Layout layout) {
  if (error_) return *error_;
  layout.notes.insert(layout.notes.end(), notes_.begin(), notes_.end());
  return layout;
}

void ConfigFields::rotary(Config& c, const char* theta_key, const char* fraction_key,
                          double fraction, double theta) {
  c.position = Position::rotary;
  const Json scaling = json().at("rope_scaling"), parameters = json().at("rope_parameters");
  for (const auto& [name, value] :
       {std::pair("rope_scaling", scaling), std::pair("rope_parameters", parameters)}) {
    if (!value.is_null() && !value.is_object())
      fail(std::string(name) + " must be an object or null");
  }
  const bool scaled = scaling.size() > 0;
  const char* const place = scaled ? "rope_scaling" : "rope_parameters";
  const Json rope = scaled ? scaling : parameters;
  if (scaled && parameters.size() > 0)
    note("rope_scaling is used, and rope_parameters beside it is not");

  ConfigSource inner = source_;
  inner.json = rope;
  ConfigFields in(inner);
  const auto both = [&](const char* key, const char* outer) {
    const std::optional<double> mine = rope.at(key).number(), other = json().at(outer).number();
    if (mine && other && *mine != *other)
      note(std::string(outer) + " is not used, for " + place + " has a " + key + " of its own");
  };
  c.rope_theta = in.positive("rope_theta", positive(theta_key, theta));
  both("rope_theta", theta_key);
  // Families with a key of their own for the share of the head do not read the common one.
  const char* const share_key = fraction_key ? fraction_key : "partial_rotary_factor";
  fraction = in.positive("partial_rotary_factor", positive(share_key, fraction));
  both("partial_rotary_factor", share_key);
  if (fraction > 1 || (!fraction_key && fraction != 1)) {
    fail("partial_rotary_factor " + std::to_string(fraction) +
         " is not supported for this model type");
  }
  c.rope_dims = int(c.d_head * std::min(fraction, 1.));
  if (c.rope_dims % 2 != 0 || c.rope_dims < 2) {
    fail("rotary embeddings need an even number of dimensions per head, at least 2, not " +
         std::to_string(c.rope_dims));
  }
  in.scaled_rotary(c, rope, place);
  if (c.rope_scaling == RopeScaling::llama3 &&
      !json().at("original_max_position_embeddings").is_null()) {
    c.rope_original_n_ctx = size("original_max_position_embeddings", kMostPositions);
  }
  notes_.insert(notes_.end(), in.notes_.begin(), in.notes_.end());
  if (in.error()) {
    const std::string_view message = in.error()->message;
    fail(std::string(place) + ": " + std::string(message.substr(source_.file.size() + 2)));
  }
}

// What `rope`, the object at `place`, says of how wavelengths are scaled.
void ConfigFields::scaled_rotary(Config& c, const Json& rope, const char* place) {
  const Json type = rope.at("rope_type").is_null() ? rope.at("type") : rope.at("rope_type");
  const std::string_view name = type.is_null() ? "default" : type.text().value_or("");
  if (name == "linear") {
    c.rope_scaling = RopeScaling::linear;
    c.rope_factor = positive("factor");
  } else if (name == "llama3") {
    c.rope_scaling = RopeScaling::llama3;
    c.rope_factor = positive("factor");
    c.rope_low_freq_factor = positive("low_freq_factor");
    c.rope_high_freq_factor = positive("high_freq_factor");
    c.rope_original_n_ctx = size("original_max_position_embeddings", kMostPositions, c.n_ctx);
    if (c.rope_high_freq_factor <= c.rope_low_freq_factor) {
      fail("high_freq_factor must be above low_freq_factor");
    }
  } else if (name != "default") {
    fail("rope_type " + quoted_name(name) + " is not supported; default, linear and llama3 are");
  }
  static constexpr std::string_view kLlama3[] = {"low_freq_factor", "high_freq_factor",
                                                 "original_max_position_embeddings"};
  std::string unused;
  rope.each([&](std::string_view key, const Json& value) {
    if (value.is_object())
      fail(std::string(key) + ": rotary settings per kind of layer are not " + "supported");
    const bool used = key == "rope_type" || key == "type" || key == "rope_theta" ||
                      key == "partial_rotary_factor" || value.is_null() ||
                      (key == "factor" && name != "default") ||
                      (name == "llama3" && std::ranges::find(kLlama3, key) != std::end(kLlama3));
    if (!used) unused += (unused.empty() ? "" : ", ") + std::string(key);
    return true;
  });
  if (!unused.empty())
    note(std::string(place) + ": not used with rope_type " + std::string(name) + ": " + unused);
}

}  // namespace attn
