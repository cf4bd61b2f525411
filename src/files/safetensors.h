// safetensors.h - reading the safetensors format: a JSON header, then raw tensors.
#pragma once

#include "files/named_tensors.h"

namespace attn {

// Checks everything before it allocates more than the header's own size: lengths, dtypes, shapes,
// and that the tensors cover the bytes after the header once, without gaps or overlaps. The strings
// of __metadata__ become the metadata.
// https://huggingface.co/docs/safetensors
Result<NamedTensors> read_safetensors(const File& file);

// Whether these bytes begin as the format does: a length that fits, then a JSON object.
bool is_safetensors(std::span<const uint8_t> bytes);

}  // namespace attn
