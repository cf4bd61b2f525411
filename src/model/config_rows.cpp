#include <algorithm>

#include "base/nearest.h"
#include "model/recipe.h"

namespace attn {

namespace {

using enum FieldUse;

// Read in transformers 5.24: configuration_utils.py, and the configuration and modeling file of
// each class. Dropout does nothing in evaluation; token ids and labels change no pattern.
constexpr FieldRow kCommon[] = {
    {"model_type", read},
    {"architectures", read},
    {"quantization_config", read},
    {"auto_map", said, "empty", "code that comes with the model and is not run"},
    {"is_encoder_decoder", refused, "false", "an encoder with a decoder"},
    {"add_cross_attention", refused, "false", "cross-attention"},
    {"cross_attention_hidden_size", refused, "", "cross-attention"},
    {"tie_encoder_decoder", refused, "false", "an encoder tied to a decoder"},
    {"per_layer_config", refused, "empty", "a configuration of its own for some layers"},
    {"pruned_heads", refused, "empty", "pruned heads"},
    {"adapters", refused, "empty", "adapters between the layers"},
    {"adapter_fusion", refused, "empty", "adapters between the layers"},
    {"_name_or_path"},
    {"name_or_path"},
    {"_commit_hash"},
    {"transformers_version"},
    {"transformers.js_config"},
    {"unsloth_version"},
    {"unsloth_fixed"},
    {"dtype"},
    {"torch_dtype"},
    {"use_cache"},
    {"use_bfloat16"},
    {"torchscript"},
    {"xla_device"},
    {"tf_legacy_loss"},
    {"gradient_checkpointing"},
    {"output_past"},
    {"output_attentions"},
    {"output_hidden_states"},
    {"return_dict"},
    {"tie_last_hidden_states"},
    {"chunk_size_feed_forward"},
    {"attn_implementation"},
    {"_attn_implementation"},
    {"_attn_implementation_autoset"},
    {"_flash_attn_2_enabled"},
    {"initializer_range"},
    {"initializer_factor"},
    {"id2label", read},
    {"label2id"},
    {"num_labels"},
    {"problem_type", read},
    {"finetuning_task"},
    {"task_specific_params"},
    {"tokenizer_class"},
    {"prefix"},
    {"classifier_dropout"},
    {"pad_token_id"},
    {"bos_token_id"},
    {"eos_token_id"},
    {"sep_token_id"},
    {"cls_token_id"},
    {"unk_token_id"},
    {"mask_token_id"},
    {"decoder_start_token_id"},
    // Generation.
    {"max_length"},
    {"max_new_tokens"},
    {"min_length"},
    {"do_sample"},
    {"early_stopping"},
    {"num_beams"},
    {"num_beam_groups"},
    {"diversity_penalty"},
    {"temperature"},
    {"top_k"},
    {"top_p"},
    {"typical_p"},
    {"epsilon_cutoff"},
    {"eta_cutoff"},
    {"repetition_penalty"},
    {"encoder_repetition_penalty"},
    {"length_penalty"},
    {"no_repeat_ngram_size"},
    {"encoder_no_repeat_ngram_size"},
    {"bad_words_ids"},
    {"num_return_sequences"},
    {"output_scores"},
    {"return_dict_in_generate"},
    {"forced_bos_token_id"},
    {"forced_eos_token_id"},
    {"remove_invalid_values"},
    {"exponential_decay_length_penalty"},
    {"suppress_tokens"},
    {"begin_suppress_tokens"},
    {"num_assistant_tokens"},
    {"num_assistant_tokens_schedule"},
    {"assistant_confidence_threshold"},
    {"assistant_lookbehind"},
    {"target_lookbehind"},
};

const FieldRow* find_row(FieldTables tables, std::string_view name) {
  for (const auto& rows : tables) {
    const auto row = std::ranges::find(rows, name, &FieldRow::name);
    if (row != rows.end()) return &*row;
  }
  return nullptr;
}

// The value, to be quoted in a sentence.
std::string shown_value(const Json& value) {
  if (value.is_null()) return "null";
  if (const auto text = value.text()) return json_quote(*text);
  if (const auto flag = value.boolean()) return *flag ? "true" : "false";
  if (const auto whole = value.integer()) return std::to_string(*whole);
  return value.number() ? std::to_string(*value.number()) : "set";
}

bool is_one(const Json& config, const Json& value, std::string_view neutral) {
  if (neutral == "empty") return value.size() == 0 && (value.is_object() || value.is_array());
  if (neutral == "true" || neutral == "false") return value.boolean() == (neutral == "true");
  if (neutral == "full") {
    bool all = value.is_array();
    value.each([&](std::string_view, const Json& kind) {
      return all = all && (kind.text() == "full_attention" || kind.text() == "attention");
    });
    return all;
  }
  if (neutral == "=d_head") {
    const auto d_model = config.at("hidden_size").integer();
    const auto n_heads = config.at("num_attention_heads").integer();
    const auto d_head = value.integer();
    return d_head && d_model && n_heads && *d_head * *n_heads == *d_model;
  }
  if (neutral.starts_with('=')) return value.number() == config.at(neutral.substr(1)).number();
  return value.text() == neutral;
}

// The recipe of the class that `architecture` names; null if there is none.
const Recipe* recipe_of_class(std::string_view architecture) {
  for (const Recipe* recipe : recipes()) {
    const std::string_view name = recipe->class_name;
    if (!architecture.starts_with(name)) continue;
    const std::string_view rest = architecture.substr(name.size());
    if (rest == "EncoderModel" && recipe->encoder && recipe->encoder->layout)
      return recipe->encoder;
    if (rest == "Model" || rest == "TextModel" || rest == "LMHeadModel" ||
        rest == "DoubleHeadsModel" || rest == "MTModel" || rest == "ModelWithProjection" ||
        rest.starts_with("For"))
      return recipe;
  }
  return nullptr;
}

// The recipe, or that of its encoder where the class is that alone.
const Recipe* of_class(const Recipe* recipe, const ConfigSource& config) {
  const auto name = config.json.at("architectures").at(size_t(0)).text().value_or("");
  const Recipe* const alone = name.ends_with("EncoderModel") ? recipe->encoder : nullptr;
  return alone && alone->layout ? alone : recipe;
}

// Classes of the configuration that are not of the recipe's family.
void check_classes(const Recipe& recipe, const ConfigSource& config,
                   std::vector<std::string>& warnings) {
  config.json.at("architectures").each([&](std::string_view, const Json& name) {
    const std::string_view given = name.text().value_or("");
    const Recipe* const named = recipe_of_class(given);
    if (given.empty() || (named && named->binds.data() == recipe.binds.data())) return true;
    warnings.push_back(config.file + ": architectures names " + json_quote(given) +
                       ", which is no class of type " + recipe.model_type +
                       " in transformers; attention is computed as in " + recipe.model_type);
    return true;
  });
}

}  // namespace

std::span<const FieldRow> common_fields() { return kCommon; }

bool is_neutral(const Json& config, const FieldRow& row) {
  const Json value = config.at(row.name);
  // Python takes None for false.
  if (value.is_null()) return row.use != FieldUse::refused || row.neutral != "true";
  return !row.neutral.empty() && is_one(config, value, row.neutral);
}

Status check_rows(FieldTables tables, const Json& config, const std::string& file,
                  const std::string& reader, std::vector<std::string>& notes) {
  Status refused;
  std::string unknown;
  config.each([&](std::string_view name, const Json& value) {
    const FieldRow* row = find_row(tables, name);
    if (!row) {
      if (!value.is_null()) unknown += (unknown.empty() ? "" : ", ") + std::string(name);
      return true;
    }
    if (row->use == FieldUse::read || row->use == FieldUse::harmless) return true;
    if (is_neutral(config, *row)) return true;
    const std::string is = file + ": " + std::string(name) + " is " + shown_value(value);
    if (row->use == FieldUse::refused) {
      refused = Error{is + " (" + std::string(row->what) + "), which is not supported"};
    } else {
      notes.push_back(is + " (" + std::string(row->what) + "), which " + reader + " do not use");
    }
    return !refused;
  });
  if (!unknown.empty()) {
    notes.push_back(file + ": fields that are not known and not used: " + unknown);
  }
  return refused;
}

Status check_fields(const Recipe& recipe, const ConfigSource& config,
                    std::vector<std::string>& notes) {
  const std::span<const FieldRow> tables[] = {recipe.more_fields, recipe.fields, kCommon};
  return check_rows(tables, config.json, config.file,
                    std::string("models of type ") + recipe.model_type, notes);
}

Result<const Recipe*> find_recipe(const ConfigSource& config) {
  std::vector<std::string> known;
  const std::optional<std::string_view> type = config.json.at("model_type").text();
  for (const Recipe* recipe : recipes()) {
    if (type == recipe->model_type) return of_class(recipe, config);
    known.emplace_back(recipe->model_type);
  }
  const std::string families = std::to_string(known.size()) +
                               " types of the families of BERT, T5, BART, GPT-2, GPT-NeoX, Llama, "
                               "Gemma, Phi, BLOOM and Mixtral";
  if (!type) {
    const auto name = config.json.at("architectures").at(size_t(0)).text();
    if (const Recipe* named = recipe_of_class(name.value_or(""))) return named;
    return Error{config.file +
                 ": model_type is missing; set it to the architecture of the weights. Supported: " +
                 families};
  }
  if (const std::string_view why = why_not(*type); !why.empty())
    return Error{config.file + ": model_type " + quoted_name(*type) +
                 " is not supported: " + std::string(why)};
  const bool own_code = config.json.at("auto_map").size() > 0;
  return Error{config.file + ": model_type " + quoted_name(*type) +
               (own_code ? ", whose code comes with the model (auto_map)," : "") +
               " is not supported; supported are " + families + did_you_mean(*type, known)};
}

bool has_two_towers(const Json& config) {
  const auto type = config.at("model_type").text();
  return type == "clip" || type == "siglip";
}

ConfigSource unwrapped(const ConfigSource& config, bool reads_text) {
  const bool pictures = has_two_towers(config.json) && !reads_text;
  const Json inner = config.json.at(pictures ? "vision_config" : "text_config");
  const auto is_known = [&](const Json& json) {
    const auto type = json.at("model_type").text();
    return std::ranges::any_of(recipes(), [&](const Recipe* r) { return type == r->model_type; });
  };
  if (!inner.is_object() || is_known(config.json) || !is_known(inner) ||
      !config.json.at("quantization_config").is_null())
    return config;
  ConfigSource out(inner);
  out.file = config.file;
  out.wrapper = config.json.at("model_type").text().value_or("multimodal");
  out.outer = config.json;
  if (has_two_towers(config.json))
    out.twin = config.json.at(pictures ? "vision_config_dict" : "text_config_dict");
  return out;
}

// A field that ConfigSource::twin has otherwise.
static Status check_twin(const Recipe& recipe, const ConfigSource& config) {
  const std::span<const FieldRow> tables[] = {recipe.more_fields, recipe.fields};
  Status differs;
  config.twin.each([&](std::string_view name, const Json& value) {
    const FieldRow* row = find_row(tables, name);
    const Json own = config.json.at(name);
    const bool same = value.number() == own.number() && value.text() == own.text() &&
                      value.boolean() == own.boolean();
    if (row && row->use == FieldUse::read && !value.is_null() && !same)
      differs = Error{config.file + ": " + std::string(name) + " is " + shown_value(own) +
                      " in one place and " + shown_value(value) +
                      " in text_config_dict or vision_config_dict; write the latter, which "
                      "transformers takes, into text_config or vision_config"};
    return !differs;
  });
  return differs;
}

Result<Layout> read_layout(const Recipe& recipe, const ConfigSource& config) {
  if (const Status differs = check_twin(recipe, config)) return *differs;
  Result<Layout> layout = recipe.layout(config);
  if (!layout) return layout;
  if (!config.wrapper.empty())
    layout->notes.push_back(config.file + ": of this " + config.wrapper +
                            " model, the part that reads " +
                            (layout->config.reads_pictures()
                                 ? "pictures is opened (vision_config); the other reads text"
                                 : "text is opened (text_config)"));
  layout->config.family = recipe.model_type;
  // Which names the class, and its labels.
  layout->fields = has_two_towers(config.outer) ? config.outer : config.json;
  if (config.json.at("model_type").is_null())
    layout->notes.push_back(config.file + ": model_type is missing; taken as " + recipe.model_type +
                            ", the type of " +
                            std::string(*config.json.at("architectures").at(size_t(0)).text()));
  if (config.wrapper == "paligemma")
    layout->warnings.push_back(
        config.file +
        ": paligemma reads its prompt in both directions; here each token attends to earlier ones");
  check_classes(recipe, config, layout->warnings);
  if (const Status refused = check_fields(recipe, config, layout->notes)) return *refused;
  return layout;
}

}  // namespace attn
