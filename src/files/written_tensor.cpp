#include "files/written_tensor.h"

#include <bit>

namespace attn {

static_assert(std::endian::native == std::endian::little, "numbers are written as they lie");

uint64_t WrittenTensor::n_bytes() const {
  uint64_t n = bytes_of(dtype);
  for (const int64_t size : shape) n *= uint64_t(size);
  return n;
}

WrittenTensor written_tensor(std::string name, std::span<const float> values,
                             std::span<const int> shape) {
  return {std::move(name), DType::f32, {shape.begin(), shape.end()}, [values](ByteSink& sink) {
            sink.write(values.data(), values.size_bytes());
          }};
}

WrittenTensor written_tensor(std::string name, std::span<const int32_t> values) {
  return {std::move(name), DType::i32, {int64_t(values.size())}, [values](ByteSink& sink) {
            sink.write(values.data(), values.size_bytes());
          }};
}

}  // namespace attn
