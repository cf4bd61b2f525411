#include "files/named_tensors.h"

#include <algorithm>
#include <cstring>
#include <tuple>

#include "tensor/kernels.h"

namespace attn {

uint64_t bytes_of(DType dtype) {
  switch (dtype) {
    case DType::f64:
    case DType::i64:
    case DType::u64:
      return 8;
    case DType::f32:
    case DType::i32:
    case DType::u32:
      return 4;
    case DType::f16:
    case DType::bf16:
    case DType::i16:
    case DType::u16:
      return 2;
    case DType::i8:
    case DType::u8:
    case DType::boolean:
    case DType::f8:
      return 1;
  }
  return 0;
}

std::string quoted_name(std::string_view name) {
  constexpr size_t kMost = 120;
  if (name.size() <= kMost) return json_quote(name);
  size_t cut = kMost;  // not inside a UTF-8 character
  while (cut > 0 && (uint8_t(name[cut]) & 0xC0) == 0x80) --cut;
  return json_quote(std::string(name.substr(0, cut)) + "…");
}

const StoredTensor* NamedTensors::find(const std::string& name) const {
  const auto found = index.find(name);
  return found == index.end() ? nullptr : &tensors[found->second];
}

Status index_tensors(NamedTensors& file, std::string_view advice) {
  std::ranges::sort(file.tensors, {}, [](const StoredTensor& t) {
    return std::tuple(t.bytes.data(), t.bytes.size(), std::string_view(t.name));
  });
  for (size_t i = 0; i < file.tensors.size(); ++i) {
    if (!file.index.emplace(file.tensors[i].name, i).second) {
      return Error{file.file + ": tensor " + quoted_name(file.tensors[i].name) + " occurs twice" +
                   std::string(advice)};
    }
  }
  return {};
}

Result<Format> format_of(const NamedTensors& file, const StoredTensor& stored) {
  switch (stored.dtype) {
    case DType::f32:
    case DType::f64:
      return Format::f32;
    case DType::f16:
      return Format::f16;
    case DType::bf16:
      return Format::bf16;
    default:
      return Error{
          file.file + ": tensor " + quoted_name(stored.name) +
          " has a quantized or integer type, which is not supported; use the version of the "
          "model in F32, F16 or BF16"};
  }
}

void copy_numbers(const StoredTensor& stored, int64_t begin, int64_t end, void* to) {
  if (begin == end) return;
  const size_t size = size_t(bytes_of(stored.dtype));
  const uint8_t* from = stored.bytes.data() + size_t(begin) * size;
  if (stored.dtype != DType::f64) {
    std::memmove(to, from, size_t(end - begin) * size);
    return;
  }
  for (int64_t i = 0; i < end - begin; ++i) {
    double value;
    std::memcpy(&value, from + size_t(i) * size, size);
    const float narrow = float(value);
    std::memcpy(static_cast<uint8_t*>(to) + 4 * i, &narrow, 4);
  }
}

Result<Tensor> to_floats(const NamedTensors& file, const StoredTensor& stored) {
  const Result<Format> format = format_of(file, stored);
  if (!format) return format.error();
  const int64_t n = int64_t(stored.bytes.size() / bytes_of(stored.dtype));
  const auto floats = std::make_shared<std::vector<float>>(size_t(n));
  if (*format == Format::f32) {
    copy_numbers(stored, 0, n, floats->data());
  } else {
    const auto convert = *format == Format::f16 ? half_to_float : bfloat16_to_float;
    for (int64_t i = 0; i < n; ++i) {
      uint16_t number;
      std::memcpy(&number, stored.bytes.data() + 2 * i, 2);
      (*floats)[size_t(i)] = convert(number);
    }
  }
  return Tensor{floats, floats->data(), stored.shape};
}

}  // namespace attn
