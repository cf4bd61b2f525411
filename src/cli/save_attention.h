// save_attention.h - attention patterns as files of NumPy and safetensors, head by head.
#pragma once

#include <string>

#include "analysis/regroup.h"
#include "base/result.h"
#include "trace/trace.h"

namespace attn {

enum class ArrayFormat { npz, npy, safetensors };

// By the end of the name.
Result<ArrayFormat> array_format(const std::string& path);

// Says no, with the number, where [n_layers, n_heads, n, n] float32 would pass 4 GB.
Status check_size(int n_layers, int n_heads, int n_tokens);

// Which tokens count as one, of sample 0; `shown` is pairs_of() them.
struct ArrayGroups {
  const Groups &queries, &keys;
  const Pairs& shown;
};

// The patterns of sample 0, float32 [layer, head, query, key], and the tokens:
//   .npz          attention, input_ids (int32) and tokens.json inside; stored, not compressed
//   .npy          the patterns alone; the tokens go to PATH.tokens.json
//   .safetensors  attention, input_ids (I32); the tokens are the metadata's "tokens"
// With `groups`, those are the queries, the keys and the tokens; input_ids has -1 for what is
// several tokens. Never holds more than a few MB of patterns, or one of the groups'.
Status save_attention(const Attention& attention, const std::string& model_name, ArrayFormat format,
                      const std::string& path, const ArrayGroups* groups = nullptr);

}  // namespace attn
