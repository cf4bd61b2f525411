// model.h - a loaded checkpoint: configuration, named weights, tokenizer.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/config.h"
#include "tensor/packed.h"
#include "tensor/tensor.h"
#include "text/tokenizer.h"

namespace attn {

struct Linear {
  PackedMatrix w;  // [d_out, d_in]
  Tensor b;        // [d_out], or empty
};

struct NormWeights {
  Tensor gamma, beta;  // [d_model]; beta empty for RMSNorm, both empty where there is no norm
};

struct Expert {
  Linear in, gate, out;  // in and gate [d_expert, d_model], out [d_model, d_expert]
};

struct Block {
  NormWeights ln1, ln2;
  // [d_head] of every head's q and k before the rotation, [heads * d_head] with
  // Config::qk_norm_whole or qk_norm_own, or empty.
  NormWeights q_norm, k_norm;
  Tensor sinks;          // [n_heads], with Config::sinks
  Tensor relative_bias;  // [n_relative_buckets, n_heads], with Config::relative_by_layer
  NormWeights ln_attn_out, ln_mlp_out;  // of what attention and MLP add, with writes_normed
  Linear q, k, v, o;  // q [n_heads * d_head, d_model], k and v [n_kv_heads * d_head, d_model]
  // Of Weights::places, shapes as of q; empty: k and q themselves.
  Linear place_k, place_q;
  // Of cross-attention, between attention and MLP, where Config::encoder; k and v are of its
  // output.
  NormWeights ln_cross;
  Linear cross_q, cross_k, cross_v, cross_o;
  Linear mlp_in, mlp_gate, mlp_out;
  // In place of these where Config::has_experts.
  Linear router;  // [n_experts, d_model]
  std::vector<Expert> experts;
};

struct Weights {
  // embed_width() columns each: d_model, unless embed_project follows.
  Table embed;  // W_E [d_vocab, embed_width]
  // W_pos [first_position + n_ctx, embed_width], for learned positions, and for sinusoids that the
  // files have.
  Table positions;
  Table token_types;      // [n_token_types, embed_width]
  Table relative_bias;    // [n_relative_buckets, n_heads], unless relative_by_layer
  Table places;           // [n_places, d_model], the key farthest behind the query last
  NormWeights ln_places;  // of these, or empty
  NormWeights ln_embed;   // where Config::embed_norm
  Linear embed_project;   // [d_model, embed_width], where Config::d_embed
  // Of models that read pictures: what [CLS] and the tokens behind it begin as, and positions.
  Tensor class_token, extra_tokens, patch_positions;  // [1 | n_extra | rows, d_model]
  std::vector<Block> blocks;
  NormWeights ln_final;
  // With Config::pools: the query, [1, d_model], before W_Q; and cross_q, cross_k and cross_v.
  Tensor probe;
  Block pooling;
  // BERT's masked-LM head and many of labels: a dense layer, an activation, a norm; else empty.
  Linear head_dense;  // [output_width, d_model]
  NormWeights ln_head;
  // [n_outputs, output_width]; the same memory as embed when tied; empty without logits
  Table unembed;
  Tensor unembed_bias;               // [n_outputs], or empty
  std::shared_ptr<Weights> encoder;  // where Config::encoder
};

struct Model {
  std::string name;  // display name: the folder's name
  Config config;
  Weights weights;
  std::shared_ptr<const Tokenizer> tokenizer;
  // Whose output the layers read by cross-attention: a model without an output head, in the same
  // memory; null: there is none.
  std::shared_ptr<const Model> encoder;
  // The stack of layers that a part of the trace is of: 0 the encoder's attention, 1 the decoder's,
  // 2 cross-attention. Without an encoder, the model.
  const Model& stack(int part) const { return encoder && part == 0 ? *encoder : *this; }
  // Whether queries of the part are other tokens than its keys: of cross-attention, or of a pooling
  // head, which is part 1. Its W_Q to W_O are not those of the same layer's self-attention.
  bool is_across(int part) const { return part == (encoder ? 2 : 1); }
  int64_t n_parameters = 0;
  uint64_t weight_bytes = 0;  // memory held by the weight matrices
  uint64_t content_hash = 0;  // FNV-1a 64 of headers, sizes and sampled bytes of the weights
  bool tied = false;          // unembed is embed
  bool reads_ids = false;     // it came without a tokenizer; texts are ids (text/tokenizer_ids.h)
  // For the user. Warnings: why numbers may not be those of the model as it was meant, such as
  // tensors that are not used. Notes: what else is unusual.
  std::vector<std::string> warnings, notes;
};

// Model::stack; null where there is no model.
inline const Model* stack_of(const std::shared_ptr<const Model>& model, int part) {
  return model ? &model->stack(part) : nullptr;
}

struct FileFormat;

// Loads the files of one folder in Hugging Face layout: config.json, *.safetensors or PyTorch's
// checkpoints (possibly sharded), tokenizer.json or older files of a tokenizer. A weights file
// whose format also holds the configuration and tokenizer (files/formats.h) is a complete model.
// Other files are ignored. Errors name the file, the field, and what to do. If the files' bytes are
// not shared, the weights are packed in place (pack_weights.h).
class ModelLoad {
 public:
  ModelLoad(std::vector<File> files, std::string name);
  // With a table of weight formats other than file_formats().
  ModelLoad(std::vector<File> files, std::string name, std::span<const FileFormat> formats);
  ~ModelLoad();

  // Before the first step: open models whose layers have tensors that are not used, which otherwise
  // is an error, and is noted.
  void ignore_unused(bool ignore);
  // Likewise: leave an adapter (model/adapter.h) that is among the files out.
  void no_adapter(bool leave);
  // Likewise: of CLIP and SigLIP, open the part that reads text, not that which reads pictures.
  void read_text(bool text);
  // Whether this was the error; the files may then be taken to be opened again.
  bool refused_unused() const;
  std::vector<File> take_files();

  int n_steps() const;                          // upper bound; fewer if tensors need not move
  bool step();                                  // false: that was the last
  Result<std::shared_ptr<const Model>> take();  // after the last step

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// All steps at once.
Result<std::shared_ptr<const Model>> load_model(std::vector<File> files, std::string name);

// True if the files contain a config.json or any weights, so that load_model is worth trying.
bool looks_like_model(std::span<const File> files);

}  // namespace attn
