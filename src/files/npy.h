// npy.h - NumPy's files: .npy, one array, and .npz, a zip archive of arrays.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "files/written_tensor.h"

namespace attn {

// Format 1.0 of https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
void write_npy(const WrittenTensor& tensor, ByteSink& sink);

// Writes each tensor as NAME.npy, then each text {name, content}; stored, not compressed. An error
// if the archive would exceed 4 GB.
Status write_npz(std::span<const WrittenTensor> tensors,
                 std::span<const std::pair<std::string, std::string>> texts, ByteSink& sink);

}  // namespace attn
