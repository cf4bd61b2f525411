// gguf_names.cpp - names of tensors in GGUF files, and in the files of transformers.
#include <algorithm>
#include <iterator>

#include "files/gguf.h"

namespace attn {

namespace {

struct NameRow {
  std::string_view gguf, hf;
  std::string_view only = {};  // the architecture of which it is; the first row that fits counts
};

// Without "blk.N." and "model.layers.N.".
constexpr NameRow kOfLayers[] = {
    {"ffn_norm", "pre_feedforward_layernorm", "gemma2"},
    {"ffn_norm", "pre_feedforward_layernorm", "gemma3"},
    {"ffn_up", "mlp.gate_up_proj", "phi3"},
    {"attn_norm", "input_layernorm"},
    {"attn_q", "self_attn.q_proj"},
    {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},
    {"attn_qkv", "self_attn.qkv_proj"},
    {"attn_q_norm", "self_attn.q_norm"},
    {"attn_k_norm", "self_attn.k_norm"},
    {"attn_output", "self_attn.o_proj"},
    {"ffn_norm", "post_attention_layernorm"},
    {"post_attention_norm", "post_attention_layernorm"},
    {"post_ffw_norm", "post_feedforward_layernorm"},
    {"ffn_gate", "mlp.gate_proj"},
    {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"},
};
constexpr NameRow kOutside[] = {
    {"token_embd", "model.embed_tokens"},
    {"output_norm", "model.norm"},
    {"output", "lm_head"},
};
constexpr NameRow kGpt2OfLayers[] = {
    {"attn_norm", "ln_1"}, {"attn_qkv", "attn.c_attn"}, {"attn_output", "attn.c_proj"},
    {"ffn_norm", "ln_2"},  {"ffn_up", "mlp.c_fc"},      {"ffn_down", "mlp.c_proj"},
};
constexpr NameRow kGpt2Outside[] = {
    {"token_embd", "transformer.wte"},
    {"position_embd", "transformer.wpe"},
    {"output_norm", "transformer.ln_f"},
    {"output", "lm_head"},
};

std::string_view renamed(std::span<const NameRow> rows, std::string_view name,
                         std::string_view architecture) {
  for (const NameRow& row : rows)
    if (row.gguf == name && (row.only.empty() || row.only == architecture)) return row.hf;
  return name;
}

// "blk.0.attn_q.weight" -> "model.layers.0.self_attn.q_proj.weight"
std::string name_in_transformers(std::string_view name, std::string_view architecture) {
  const bool gpt2 = architecture == "gpt2";
  const size_t dot = std::min(name.rfind('.'), name.size());
  const std::string end(name.substr(dot));
  name = name.substr(0, dot);
  constexpr std::string_view kBlock = "blk.";
  if (!name.starts_with(kBlock))
    return std::string(renamed(
               gpt2 ? std::span<const NameRow>(kGpt2Outside) : std::span<const NameRow>(kOutside),
               name, architecture)) +
           end;
  name.remove_prefix(kBlock.size());
  const size_t number = std::min(name.find('.'), name.size());
  std::string out = gpt2 ? "transformer.h." : "model.layers.";
  out += std::string(name.substr(0, number)) + ".";
  name.remove_prefix(std::min(number + 1, name.size()));
  out +=
      renamed(gpt2 ? std::span<const NameRow>(kGpt2OfLayers) : std::span<const NameRow>(kOfLayers),
              name, architecture);
  return out + end;
}

}  // namespace

Status join_gguf(std::vector<NamedTensors>& files) {
  const NamedTensors& first = files[0];
  const auto n_parts = first.metadata.at("split.count").integer().value_or(1);
  if (n_parts > 1 && n_parts != int64_t(files.size()))
    return Error{first.file + ": one of " + std::to_string(n_parts) + " parts of a model, but " +
                 std::to_string(files.size()) + (files.size() == 1 ? " is" : " are") +
                 " here; drop all parts together, under the names that they were published with"};
  const std::string architecture(first.metadata.at("general.architecture").text().value_or(""));
  for (NamedTensors& file : files) {
    // The configuration has these already.
    constexpr std::string_view kFactors[] = {"rope_freqs.weight", "rope_factors_long.weight",
                                             "rope_factors_short.weight"};
    for (const std::string_view name : kFactors)
      if (&file != &first && file.find(std::string(name)))
        return Error{file.file + ": has " + std::string(name) +
                     ", which is read only from the first part of a model"};
    std::erase_if(file.tensors, [&](const StoredTensor& t) {
      return std::ranges::find(kFactors, t.name) != std::end(kFactors);
    });
    file.index.clear();
    for (StoredTensor& tensor : file.tensors)
      tensor.name = name_in_transformers(tensor.name, architecture);
    if (Status twice = index_tensors(file, "; use another file of the same model")) return twice;
  }
  return {};
}

}  // namespace attn
