#include "files/named_tensors.h"

#include <algorithm>
#include <cstring>
#include <tuple>

#include "files/blocks.h"
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
    default:
      return uint64_t(block_type(dtype)->n_bytes);
  }
}

int64_t numbers_of(DType dtype) {
  const BlockType* block = block_type(dtype);
  return block ? block->n_numbers : 1;
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
    case DType::q8_0:
      return Format::q8_0;
    default:
      if (block_type(stored.dtype)) return Format::f16;
      return Error{
          file.file + ": tensor " + quoted_name(stored.name) +
          " has a quantized or integer type, which is not supported; use the version of the "
          "model in F32, F16 or BF16"};
  }
}

void copy_numbers(const StoredTensor& stored, int64_t begin, int64_t end, void* to) {
  if (begin == end) return;
  const BlockType* block = block_type(stored.dtype);
  const int64_t unit = numbers_of(stored.dtype);
  const size_t size = size_t(bytes_of(stored.dtype));
  const uint8_t* from = stored.bytes.data() + size_t(begin / unit) * size;
  auto* out = static_cast<uint8_t*>(to);
  if (block && stored.dtype != DType::q8_0) {
    float numbers[kMostInBlock];
    for (int64_t i = begin; i < end; i += unit, from += size) {
      block->expand(from, numbers);
      for (int64_t j = 0; j < unit; ++j, out += 2) {
        const uint16_t half = float_to_half(numbers[j]);
        std::memcpy(out, &half, 2);
      }
    }
    return;
  }
  if (stored.dtype != DType::f64) {
    std::memmove(to, from, size_t((end - begin) / unit) * size);
    return;
  }
  for (int64_t i = 0; i < end - begin; ++i) {
    double value;
    std::memcpy(&value, from + size_t(i) * size, size);
    const float narrow = float(value);
    std::memcpy(out + 4 * i, &narrow, 4);
  }
}

Result<Tensor> to_floats(const NamedTensors& file, const StoredTensor& stored) {
  const Result<Format> format = format_of(file, stored);
  if (!format) return format.error();
  const int64_t unit = numbers_of(stored.dtype);
  const int64_t n = int64_t(stored.bytes.size() / bytes_of(stored.dtype)) * unit;
  const auto floats = std::make_shared<std::vector<float>>(size_t(n));
  if (const BlockType* block = block_type(stored.dtype)) {
    for (int64_t i = 0; i < n; i += unit)
      block->expand(stored.bytes.data() + i / unit * block->n_bytes, floats->data() + i);
  } else if (*format == Format::f32) {
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
