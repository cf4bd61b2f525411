// gguf_config.cpp - what the metadata of a GGUF file says of the model, as fields of config.json.
#include <algorithm>
#include <cmath>

#include "files/gguf.h"

namespace attn {

namespace {

// An entry, without "llama." before it, and the field of config.json that it becomes. An empty
// field: it is read here, or changes nothing.
struct EntryRow {
  std::string_view entry, field;
};
constexpr EntryRow kEntries[] = {
    {"context_length", "max_position_embeddings"},
    {"block_count", "num_hidden_layers"},
    {"embedding_length", "hidden_size"},
    {"feed_forward_length", "intermediate_size"},
    {"attention.head_count", "num_attention_heads"},
    {"attention.head_count_kv", "num_key_value_heads"},
    {"attention.key_length", "head_dim"},
    {"attention.layer_norm_epsilon", "layer_norm_eps"},
    {"attention.layer_norm_rms_epsilon", "rms_norm_eps"},
    {"attention.sliding_window", "sliding_window"},
    {"attention.sliding_window_pattern", "sliding_window_pattern"},
    {"attn_logit_softcapping", "attn_logit_softcapping"},
    {"final_logit_softcapping", "final_logit_softcapping"},
    {"rope.freq_base", "rope_theta"},
    {"rope.freq_base_swa", "rope_local_base_freq"},
    {"use_parallel_residual", "use_parallel_residual"},
};
constexpr EntryRow kGpt2Entries[] = {
    {"context_length", "n_positions"},  {"block_count", "n_layer"},
    {"embedding_length", "n_embd"},     {"feed_forward_length", "n_inner"},
    {"attention.head_count", "n_head"}, {"attention.layer_norm_epsilon", "layer_norm_epsilon"},
};
constexpr std::string_view kReadHere[] = {
    "attention.value_length",
    "rope.dimension_count",
    "rope.scaling.attn_factor",
    "rope.scaling.factor",
    "rope.scaling.finetuned",
    "rope.scaling.original_context_length",
    "rope.scaling.type",
    "tensor_data_layout",  // names the order of rows that all files of the architecture have
    "vocab_size",
};
// What is not computed, unless it has this value.
struct RefusedRow {
  std::string_view entry;
  double neutral;
};
constexpr RefusedRow kRefused[] = {
    {"attention.causal", 1},
    {"attention.clamp_kqv", 0},
    {"attention.max_alibi_bias", 0},
    {"attention.scale", 0},
    {"embedding_scale", 0},
    {"expert_count", 0},
    {"expert_used_count", 0},
    {"logit_scale", 0},
    {"nextn_predict_layers", 0},
    {"residual_scale", 0},
    {"rope.scale_linear", 1},
    {"rope.scaling.yarn_attn_factor", 1},
    {"rope.scaling.yarn_beta_fast", 32},
    {"rope.scaling.yarn_beta_slow", 1},
    {"rope.scaling.yarn_ext_factor", 1},
    {"rope.scaling.yarn_log_multiplier", 0},
};

struct Family {
  std::string_view architecture, model_type;
  bool windows = false;        // has attention.sliding_window
  bool rotates_parts = false;  // rope.dimension_count may be less than a head has
};
constexpr Family kFamilies[] = {
    {"gpt2", "gpt2"},
    {"llama", "llama"},
    {"qwen2", "qwen2"},
    {"qwen3", "qwen3"},
    {"gemma", "gemma"},
    {"gemma2", "gemma2", true},
    {"gemma3", "gemma3_text", true},
    {"phi3", "phi3", true, true},
    {"stablelm", "stablelm", false, true},
};

std::string shown(double x) {
  return x == std::trunc(x) && std::abs(x) < 1e9 ? std::to_string(int64_t(x)) : std::to_string(x);
}

constexpr char kOtherFile[] = "; use the model.safetensors of the same model";

struct Writer {
  const NamedTensors& file;
  const Family& family;
  JsonBuilder out = {};
  Status error = {};

  Json get(std::string_view entry) const {
    return file.metadata.at(std::string(family.architecture) + "." + std::string(entry));
  }
  double number(std::string_view entry, double otherwise = 0) const {
    Json value = get(entry);
    if (value.is_array()) value = value.at(size_t(0));
    if (const auto flag_value = value.boolean()) return *flag_value ? 1 : 0;
    const double x = value.number().value_or(otherwise);
    return std::isfinite(x) ? x : otherwise;
  }
  bool is(std::string_view architecture) const { return family.architecture == architecture; }
  bool has(const char* tensor) const { return file.find(tensor) != nullptr; }
  void fail(std::string_view entry, const std::string& what) {
    if (!error)
      error = Error{file.file + ": " + std::string(family.architecture) + "." + std::string(entry) +
                    " " + what + kOtherFile};
  }
  void field(std::string_view name, double value) {
    out.key(name);
    if (std::abs(value) < 0x1p53 && value == std::trunc(value))
      out.integer(int64_t(value));
    else
      out.number(value);
  }
  void flag(std::string_view name, bool value) {
    out.key(name);
    out.boolean(value);
  }
  void text(std::string_view name, std::string_view value) {
    out.key(name);
    out.text(value);
  }

  void entry(std::string_view name, const Json& value);
  void copy(std::string_view name, std::string_view as, Json value);
  int head_size();
  void sizes();
  void rotary();
  void factors(const char* name, const char* tensor);
};

// A number for each layer is one for all where they are equal.
void Writer::copy(std::string_view name, std::string_view as, Json value) {
  if (value.is_array()) {
    const Json first = value.at(size_t(0));
    bool same = value.size() > 0;
    value.each([&](std::string_view, const Json& one) {
      return same = same && one.number() && one.number() == first.number();
    });
    if (!same) return fail(name, "differs between layers, which is not supported");
    value = first;
  }
  if (const auto flag_value = value.boolean()) return flag(as, *flag_value);
  if (const auto number_value = value.number()) return field(as, *number_value);
  if (const auto words = value.text()) text(as, *words);
}

void Writer::entry(std::string_view name, const Json& value) {
  if (const auto row = std::ranges::find(kRefused, name, &RefusedRow::entry);
      row != std::end(kRefused)) {
    const double x = number(name, row->neutral);
    if (x != row->neutral) fail(name, "is " + shown(x) + ", which is not supported");
    return;
  }
  if (value.is_null()) return fail(name, "is longer than any that is known");
  if (std::ranges::find(kReadHere, name) != std::end(kReadHere)) return;
  if (name == "attention.sliding_window" && !family.windows) {
    if (number(name) > 0) fail(name, "is set, which is not supported for this architecture");
    return;
  }
  if (name == "attention.sliding_window" && number(name) == 0) return;  // none
  const std::span<const EntryRow> rows =
      is("gpt2") ? std::span<const EntryRow>(kGpt2Entries) : std::span<const EntryRow>(kEntries);
  const auto row = std::ranges::find(rows, name, &EntryRow::entry);
  // What is not known keeps its name, which then is named among the fields that are not used.
  const std::string whole = std::string(family.architecture) + "." + std::string(name);
  copy(name, row != rows.end() ? row->field : std::string_view(whole), value);
}

int Writer::head_size() {
  const double n_heads = std::max(1., number("attention.head_count", 1));
  const double size = number("attention.key_length", number("embedding_length") / n_heads);
  if (const double other = number("attention.value_length", size); other != size)
    fail("attention.value_length",
         "is not attention.key_length, and values of another size are not supported");
  return int(std::clamp(size, 0., 1e6));
}

void Writer::sizes() {
  // The embedding is as long as the vocabulary, and is in the first part of a model.
  const StoredTensor* embed = file.find("token_embd.weight");
  double rows = number("vocab_size");
  if (embed && embed->shape.size() == 2)
    rows = double(embed->shape[0]);
  else if (rows == 0)
    rows = double(gguf_list(file, "tokenizer.ggml.tokens").value_or(GgufList{}).size());
  if (rows > 0) field("vocab_size", rows);
  flag("tie_word_embeddings", false);  // without a head, the loader ties it
  if (!is("gpt2")) {
    if (get("attention.key_length").is_null()) field("head_dim", head_size());
    if (get("attention.head_count_kv").is_null())
      field("num_key_value_heads", number("attention.head_count"));
  }
  if (is("llama") || is("qwen3") || family.architecture.starts_with("gemma"))
    flag("attention_bias", has("blk.0.attn_q.bias"));
  if (is("llama")) flag("mlp_bias", has("blk.0.ffn_up.bias"));
  if (is("stablelm")) {
    flag("use_qkv_bias", has("blk.0.attn_q.bias"));
    if (get("use_parallel_residual").is_null())
      flag("use_parallel_residual", !has("blk.0.ffn_norm.weight"));
    if (has("blk.0.attn_q_norm.weight"))
      error = Error{file.file + ": has norms of every head's queries, which are not supported" +
                    kOtherFile};
  }
  // llama.cpp divides scores by the root of this, by the size of the model.
  const double n_layers = number("block_count");
  if ((is("gemma2") && n_layers == 46) || (is("gemma3") && n_layers == 62))
    field("query_pre_attn_scalar",
          number("embedding_length") / std::max(1., number("attention.head_count", 1)));
  else if (is("gemma2") || is("gemma3"))
    field("query_pre_attn_scalar", head_size());
}

// A tensor with a number for each pair of dimensions.
void Writer::factors(const char* name, const char* tensor) {
  out.key(name);
  out.begin_array();
  const Result<Tensor> floats = to_floats(file, *file.find(tensor));
  if (!floats) error = floats.error();
  if (floats)
    for (const float x : floats->vec()) out.number(double(x));
  out.end();
}

void Writer::rotary() {
  const int head = head_size();
  const int rotated = int(std::clamp(number("rope.dimension_count", head), 0., 1e6));
  if (rotated != head && family.rotates_parts && rotated > 0 && rotated < head)
    // A quarter more, so that it is this number again when it is multiplied and rounded down.
    field("partial_rotary_factor", (rotated + 0.25) / head);
  else if (rotated != head)
    fail("rope.dimension_count", "is " + std::to_string(rotated) + ", where a head has " +
                                     std::to_string(head) + " dimensions, which is not supported");
  const std::string type(get("rope.scaling.type").text().value_or("none"));
  const double original = number("rope.scaling.original_context_length", number("context_length"));
  const double factor = number("rope.scaling.factor", 1),
               loud = number("rope.scaling.attn_factor", 1);
  const bool all = has("rope_freqs.weight");
  const bool two = has("rope_factors_short.weight") && has("rope_factors_long.weight");
  const bool plain = type == "none" || type == "longrope";
  if (!plain && type != "linear" && type != "yarn")
    return fail("rope.scaling.type", "is " + quoted_name(type) + ", which is not supported");
  if (has("rope_factors_short.weight") != has("rope_factors_long.weight"))
    return fail("rope.scaling", "has factors for short texts or long ones, but not for both");
  if ((all || two) && !plain)
    return fail("rope.scaling.type",
                "is " + quoted_name(type) + " beside factors, which is not supported");
  if (type == "longrope" && !all && !two)
    return fail("rope.scaling.type", "is longrope, but the file has no factors");
  if (!two && loud != 1)
    return fail("rope.scaling.attn_factor", "is not 1, which is not supported");
  if (!all && !two && (plain || factor == 1)) return;
  if (two && is("phi3")) field("original_max_position_embeddings", original);
  out.key("rope_scaling");
  out.begin_object();
  text("rope_type", plain ? "longrope" : type);
  if (plain) {
    factors("short_factor", all ? "rope_freqs.weight" : "rope_factors_short.weight");
    factors("long_factor", all ? "rope_freqs.weight" : "rope_factors_long.weight");
    if (all || !get("rope.scaling.attn_factor").is_null()) field("attention_factor", loud);
  } else {
    field("factor", factor);
  }
  if (type != "linear") field("original_max_position_embeddings", original);
  out.end();
}

}  // namespace

Result<Json> gguf_config(const NamedTensors& file) {
  const std::string name(file.metadata.at("general.architecture").text().value_or(""));
  const std::string kind(file.metadata.at("general.type").text().value_or("model"));
  if (kind != "model")
    return Error{file.file + ": general.type is " + quoted_name(kind) +
                 ": not a whole model; leave this file out, or drop the model's own file"};
  if (const auto part = file.metadata.at("split.no").integer(); name.empty() && part)
    return Error{file.file + ": part " + std::to_string(*part + 1) +
                 " of a model, of which the first part describes it; drop all parts together"};
  const auto family = std::ranges::find(kFamilies, name, &Family::architecture);
  if (family == std::end(kFamilies)) {
    std::string known;
    for (const Family& one : kFamilies)
      known += (known.empty() ? "" : ", ") + std::string(one.architecture);
    return Error{file.file + ": general.architecture " +
                 (name.empty() ? "is missing" : quoted_name(name) + " is not supported in GGUF") +
                 kOtherFile + "; supported are " + known};
  }
  if (file.tensors.empty() && file.metadata.at("split.count").is_null())
    return Error{file.file +
                 ": it has a vocabulary and no weights; drop the .gguf file of a model"};
  Writer w{file, *family};
  w.out.begin_object();
  w.text("model_type", family->model_type);
  const std::string prefix = name + ".";
  file.metadata.each([&](std::string_view key, const Json& value) {
    if (key.starts_with(prefix)) w.entry(key.substr(prefix.size()), value);
    return true;
  });
  w.sizes();
  if (!w.is("gpt2")) w.rotary();
  w.out.end();
  if (w.error) return *w.error;
  const std::optional<Json> json = w.out.take();
  if (!json) return Error{file.file + ": its metadata is too large"};
  return *json;
}

bool gguf_pairs_rows(const NamedTensors& file) {
  return file.metadata.at("general.architecture").text() == "llama";
}

}  // namespace attn
