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

void ConfigFields::refuse(const char* key, const char* what) {
  if (flag(key, false)) fail(std::string(key) + " is true, but " + what + " is not supported");
}

void ConfigFields::rotary(Config& c, const char* theta_key, const char* fraction_key,
                          double fraction) {
  c.position = Position::rotary;
  // transformers 5 has everything in rope_parameters; before, rope_scaling was null without
  // scaling.
  const bool scaled = !json().at("rope_scaling").is_null();
  const char* const place = scaled ? "rope_scaling" : "rope_parameters";
  const Json rope = json().at(place);
  if (!rope.is_null() && !rope.is_object()) {
    fail(std::string(place) + " must be an object or null");
  }

  ConfigSource inner = source_;
  inner.json = rope;
  ConfigFields in(inner);
  c.rope_theta = in.positive("rope_theta", positive(theta_key, 10000.));
  if (fraction_key) fraction = positive(fraction_key, fraction);
  fraction = in.positive("partial_rotary_factor", positive("partial_rotary_factor", fraction));
  if (fraction > 1 || (!fraction_key && fraction != 1)) {
    fail("partial_rotary_factor " + std::to_string(fraction) +
         " is not supported for this model type");
  }
  c.rope_dims = int(c.d_head * std::min(fraction, 1.));
  if (c.rope_dims % 2 != 0 || c.rope_dims < 2) {
    fail("rotary embeddings need an even number of dimensions per head, at least 2, not " +
         std::to_string(c.rope_dims));
  }

  const Json type = rope.at("rope_type").is_null() ? rope.at("type") : rope.at("rope_type");
  const std::string_view name = type.is_null() ? "default" : type.text().value_or("");
  if (name == "linear") {
    c.rope_scaling = RopeScaling::linear;
    c.rope_factor = in.positive("factor");
  } else if (name == "llama3") {
    c.rope_scaling = RopeScaling::llama3;
    c.rope_factor = in.positive("factor");
    c.rope_low_freq_factor = in.positive("low_freq_factor");
    c.rope_high_freq_factor = in.positive("high_freq_factor");
    c.rope_original_n_ctx = in.size("original_max_position_embeddings", kMostPositions, c.n_ctx);
    if (c.rope_high_freq_factor <= c.rope_low_freq_factor) {
      in.fail("high_freq_factor must be above low_freq_factor");
    }
  } else if (name != "default") {
    in.fail("rope_type " + quoted_name(name) + " is not supported; default, linear and llama3 are");
  }
  if (in.error()) {
    const std::string_view message = in.error()->message;
    fail(std::string(place) + ": " + std::string(message.substr(source_.file.size() + 2)));
  }
}

}  // namespace attn
