// config.h - an architecture as data: sizes, and an enumerator wherever families differ.
#pragma once

#include <cstdint>
#include <string>

namespace attn {

enum class Norm { layer_norm, rms_norm };
enum class NormPlace { pre, post };
enum class Position { none, learned, rotary };
enum class RopeScaling { none, linear, llama3 };
enum class Mask { none, causal };
enum class Activation { gelu, gelu_tanh, silu, relu };

struct Config {
  std::string family;  // the recipe's model_type: "llama", "gpt_neox"
  int d_model = 0, n_layers = 0, n_heads = 0, n_kv_heads = 0, d_head = 0, d_mlp = 0;
  int n_ctx = 0;  // the longest input its positions allow
  int d_vocab = 0;

  Norm norm = Norm::layer_norm;
  NormPlace norm_place = NormPlace::pre;
  float norm_eps = 1e-5f;
  Position position = Position::none;
  double rope_theta = 10000;
  int rope_dims = 0;  // of d_head; the rest is not rotated
  RopeScaling rope_scaling = RopeScaling::none;
  double rope_factor = 1;  // linear: of all wavelengths; llama3: of the long ones
  double rope_low_freq_factor = 1,
         rope_high_freq_factor = 4;  // llama3: rope_original_n_ctx / these
  int rope_original_n_ctx = 0;    // are the wavelengths where scaling is whole, and where it ends
  bool rope_interleaved = false;  // GPT-J's pairs (2j, 2j+1) rather than (j, j + rope_dims/2)
  Mask mask = Mask::causal;
  Activation activation = Activation::gelu;
  bool gated_mlp = false;          // act(x W_gate) * (x W_in), as in SwiGLU
  bool parallel_residual = false;  // attention and MLP both read resid_pre
};

}  // namespace attn
