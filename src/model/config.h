// config.h - a model architecture as data: sizes, and enumerators where families differ.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/vision.h"
#include "trace/mask.h"

namespace attn {

enum class Norm { layer_norm, rms_norm };
enum class NormPlace { pre, post };
enum class Position { none, learned, rotary, sinusoid };
enum class RopeScaling { none, linear, dynamic, llama3, yarn, longrope };
enum class Activation { gelu, gelu_tanh, quick_gelu, silu, relu, tanh, none };

// A head of labels in place of an output vocabulary (model/label_head.h).
enum class ReadAt { token, first, last, mean };  // of which row of the text or picture it is read
// What becomes of the logits: chances among the labels, of each label, or of each token; or none.
enum class LabelScale { softmax, sigmoid, over_tokens, plain };
struct LabelHead {
  std::vector<std::string> names;  // empty: there is no such head
  ReadAt at = ReadAt::token;
  LabelScale scale = LabelScale::softmax;
  Activation activation = Activation::tanh;  // of its dense layer, if it has one
  int skipped_id = -1;                       // of tokens that are not the last
};

// What a decoder of an encoder writes, one token after the other.
struct Writing {
  int start_id = -1;            // what it begins with
  int first_id = -1;            // the first token that it writes; -1: the likeliest
  int end_id = -1;              // the token that ends it
  std::vector<int> never;       // tokens that it does not write
  int most = 64;                // tokens that it writes without an end
  bool names_language = false;  // the first token is that of its language
};

struct Config {
  std::string family;  // the recipe's model_type: "llama", "gpt_neox"
  int d_model = 0, n_layers = 0, n_heads = 0, n_kv_heads = 0, d_head = 0, d_mlp = 0;
  int d_embed = 0;  // columns of W_E and W_U where a projection leads to d_model; 0: d_model
  int embed_width() const { return d_embed > 0 ? d_embed : d_model; }
  int kv_head(int head) const { return head / (n_heads / n_kv_heads); }  // whose k and v it reads
  int n_ctx = 0;  // the longest input that its positions support
  int d_vocab = 0;
  bool has_logits = true;  // false: no output vocabulary, e.g. BERT without its masked-LM head
  LabelHead labels;
  int n_outputs() const { return labels.names.empty() ? d_vocab : int(labels.names.size()); }
  int output_width() const { return labels.names.empty() ? embed_width() : d_model; }

  Norm norm = Norm::layer_norm;
  NormPlace norm_place = NormPlace::pre;
  float norm_eps = 1e-5f;
  Position position = Position::none;
  bool late_positions = false;  // W_pos has d_model columns and is added behind embed_project
  int first_position = 0;       // the row of W_pos for the first token
  int pad_id = -1;      // RoBERTa: the token that stays at row pad_id and is not counted; or -1
  int dropped_id = -1;  // ESM: the token without an embedding (pass/forward_stages.cpp); or -1
  bool fills_masks = false;      // it predicts masked tokens rather than the next one
  int n_token_types = 0;         // BERT's segments; 0: none. A single text is of type 0
  bool embed_norm = false;       // a norm between the embeddings and the first layer
  bool late_embed_norm = false;  // behind embed_project
  // DeBERTa: rows of padding are 0 before the first layer; its queries see no key, and a softmax
  // over nothing but masked scores is uniform.
  bool mutes_padding = false;
  Activation head_activation = Activation::gelu;    // of a masked-LM head
  Activation pooler_activation = Activation::gelu;  // DeBERTa's, of the head of a text's labels
  double rope_theta = 10000;
  double rope_local_theta = 0;  // of local_layers; 0: the same
  int rope_dims = 0;            // dimensions of d_head that are rotated
  RopeScaling rope_scaling = RopeScaling::none;
  double rope_factor = 1;  // scales all wavelengths (linear) or the long ones (llama3, yarn)
  double rope_low_freq_factor = 1,
         rope_high_freq_factor = 4;  // llama3: rope_original_n_ctx / these
  int rope_original_n_ctx = 0;  // are the wavelengths where scaling is whole, and where it ends
  double rope_beta_fast = 32, rope_beta_slow = 1;  // yarn: turns in rope_original_n_ctx there
  bool rope_truncates = true;                      // yarn: to whole dimensions
  double rope_amplitude = 1;                       // of cosines and sines: yarn, longrope
  std::vector<float> rope_short, rope_long;  // longrope: of each pair, by the length of the text
  std::vector<bool> unplaced_layers;  // [n_layers] whose q and k are not rotated; empty: none
  bool rope_interleaved = false;      // GPT-J's pairs (2j, 2j+1) rather than (j, j + rope_dims/2)
  int n_relative_buckets = 0;         // T5's biases of scores by distance; 0: none
  bool relative_by_layer = false;     // every layer has biases of its own, or all share the same
  int relative_furthest = 128;        // from here on all distances share a bucket
  bool relative_earlier = false;      // the buckets are of earlier keys only, as in T5's decoder
  // DeBERTa: every distance has a key that queries meet, a query that keys meet, or both
  // (trace/place_scores.h), made of a row of Weights::places. n_places = 2 × the farthest distance
  // or bucket of distances; 0: none.
  int n_places = 0;
  bool place_keys = false, place_queries = false;
  int places_furthest = 0;  // of logarithmic buckets (pass/position_bias.h); 0: none
  // sinusoid: frequencies fall from 1 to 1/10000, which is the last one, or would be the next.
  bool sinusoid_whole = false;
  Mask mask = Mask::causal;
  std::vector<bool> local_layers;  // [n_layers] that see only a window; empty: none
  int reach = 0;                   // of local_layers: how far from its query a key may be
  bool rotates(int layer) const {
    return position == Position::rotary &&
           (unplaced_layers.empty() || !unplaced_layers[size_t(layer)]);
  }
  bool is_local(int layer) const { return !local_layers.empty() && local_layers[size_t(layer)]; }
  double attn_scale = 0;        // scale of q·k; 0: 1 / sqrt(d_head)
  bool scale_by_layer = false;  // the scale is divided by 1 + the layer
  double score_cap = 0;         // scores become cap tanh(score / cap) before the mask; 0: none
  double logit_scale = 1;
  double logit_cap = 0;        // like score_cap
  double embed_scale = 1;      // of token embeddings
  double residual_scale = 1;   // of what attention and MLP add to the residual stream
  bool writes_normed = false;  // Block::ln_attn_out and ln_mlp_out
  bool writes_apart() const { return writes_normed || residual_scale != 1; }
  bool qk_norm_own = false;    // every head has weights of its own in q_norm and k_norm
  bool qk_norm_whole = false;  // q_norm and k_norm are over all heads together
  double clip_qkv = 0;  // q, k and v, before the rotation, stay within ± this; 0: as they are
  bool sinks = false;   // Block::sinks
  bool alibi = false;   // scores fall with the distance (pass/position_bias.h)
  Activation activation = Activation::gelu;
  bool gated_mlp = false;  // act(x W_gate) * (x W_in), as in SwiGLU
  // What the layers read by cross-attention: an encoder of the same d_model; null: there is none.
  std::shared_ptr<const Config> encoder;
  Writing writes;
  // Experts in place of the MLP (pass/experts.h), of which each row visits n_active_experts.
  int n_experts = 0, n_active_experts = 0, d_expert = 0;
  std::vector<bool> dense_layers;  // [n_layers] with an MLP all the same; empty: none
  bool has_experts(int layer) const {
    return n_experts > 0 && (dense_layers.empty() || !dense_layers[size_t(layer)]);
  }
  bool shares_of_chosen = false;  // their shares sum to 1; else those of all experts do
  // gpt-oss: min(gate, limit) sigmoid(slope gate) (clamp(in, ± limit) + 1); limit 0: activation
  double glu_limit = 0, glu_slope = 0;
  bool parallel_residual = false;  // attention and MLP both read resid_pre
  Vision vision;                   // of models that read pictures; d_embed: the numbers of a patch
  bool reads_pictures() const { return vision.side > 0; }
  bool pools = false;  // SigLIP: a learned query attends to the normed output, Weights::probe
};

}  // namespace attn
