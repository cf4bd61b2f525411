// nanogpt.h - what checkpoints of nanoGPT, and the characters they were trained on, say of a model.
#pragma once

#include <string_view>

#include "files/named_tensors.h"

namespace attn {

// Of a file of PyTorch, the `model_args` of nanoGPT's train.py as fields of GPT-2's config.json;
// null where it has none. Errors: what only variants of nanoGPT have.
Result<Json> nanogpt_config(const NamedTensors& file);

// The tokenizer.json of a meta.pkl, as data/shakespeare_char/prepare.py writes it: each character
// that `stoi` names is a token.
Result<Json> nanogpt_tokenizer(std::string_view meta_pkl);

}  // namespace attn
