// safetensors.h - reading the safetensors format: a JSON header, then raw tensors.
#pragma once

#include "files/named_tensors.h"

namespace attn {

// Before allocating more than the header's size, checks lengths, dtypes and shapes, and that the
// tensors cover the bytes after the header without gaps or overlaps. __metadata__ becomes the
// metadata.
// https://huggingface.co/docs/safetensors
Result<NamedTensors> read_safetensors(const File& file);

// Whether the bytes start with a plausible header length and a JSON object.
bool is_safetensors(std::span<const uint8_t> bytes);

}  // namespace attn
