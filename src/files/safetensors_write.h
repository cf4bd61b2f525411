// safetensors_write.h - writing the safetensors format: a JSON header, then raw tensors.
#pragma once

#include <span>
#include <string>
#include <utility>

#include "files/written_tensor.h"

namespace attn {

// `metadata`: {name, text}, as __metadata__. https://huggingface.co/docs/safetensors
void write_safetensors(std::span<const WrittenTensor> tensors,
                       std::span<const std::pair<std::string, std::string>> metadata,
                       ByteSink& sink);

}  // namespace attn
