#include "cli/number_format.h"

#include "files/npy.h"

namespace attn {

std::string npy_of(std::span<const float> values, std::span<const int> shape) {
  return written([&](ByteSink& sink) { write_npy(written_tensor("", values, shape), sink); });
}

}  // namespace attn
