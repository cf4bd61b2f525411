#include "files/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <tuple>

#include "base/json.h"
#include "tensor/kernels.h"

namespace attn {

static_assert(std::endian::native == std::endian::little, "tensors are little-endian in the file");

namespace {

constexpr size_t kLengthBytes = 8;  // the header's length, before the header
// The format allows 100 MB, but parsed JSON takes many times its text; at about 100 bytes a tensor
// this is enough for 160,000 of them.
constexpr uint64_t kMostHeader = 16'000'000;
constexpr size_t kMostDims = 16;

struct TypeRow {
  std::string_view name;
  DType dtype;
  uint64_t n_bytes;
};
constexpr TypeRow kTypes[] = {
    {"F32", DType::f32, 4},      {"F16", DType::f16, 2},    {"BF16", DType::bf16, 2},
    {"F64", DType::f64, 8},      {"I64", DType::i64, 8},    {"I32", DType::i32, 4},
    {"I16", DType::i16, 2},      {"I8", DType::i8, 1},      {"U64", DType::u64, 8},
    {"U32", DType::u32, 4},      {"U16", DType::u16, 2},    {"U8", DType::u8, 1},
    {"BOOL", DType::boolean, 1}, {"F8_E4M3", DType::f8, 1}, {"F8_E5M2", DType::f8, 1},
    {"F8_E8M0", DType::f8, 1},
};

const TypeRow* type_named(std::string_view name) {
  for (const TypeRow& row : kTypes) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

uint64_t type_bytes(DType dtype) {
  for (const TypeRow& row : kTypes) {
    if (row.dtype == dtype) return row.n_bytes;
  }
  return 0;
}

const char* const kAgain = "; the file is damaged or cut short: download it again";

// Where a tensor's bytes lie, counted from the end of the header.
struct Range {
  uint64_t begin = 0, end = 0;
};

// Fills all of `tensor` but its bytes.
Result<Range> read_entry(const std::string& file, const Json& entry, uint64_t n_data,
                         StoredTensor& tensor) {
  const auto wrong = [&](const std::string& what) {
    return Error{file + ": tensor " + quoted_name(tensor.name) + " " + what + kAgain};
  };
  const std::optional<std::string_view> dtype = entry.at("dtype").text();
  if (!dtype) return wrong("has no dtype");
  const TypeRow* type = type_named(*dtype);
  if (!type) {
    return Error{file + ": tensor " + quoted_name(tensor.name) + " has the unknown dtype " +
                 quoted_name(*dtype) + "; convert the model to F32, F16 or BF16"};
  }
  tensor.dtype = type->dtype;

  const Json shape = entry.at("shape"), offsets = entry.at("data_offsets");
  if (!shape.is_array() || shape.size() > kMostDims) return wrong("has no valid shape");
  uint64_t n_bytes = type->n_bytes;
  for (size_t i = 0; i < shape.size(); ++i) {
    const std::optional<int64_t> size = shape.at(i).integer();
    if (!size || *size < 0) return wrong("has a shape that is not of whole numbers");
    // A later 0 would not mend an overflow: no real tensor is that large in any direction.
    if (__builtin_mul_overflow(n_bytes, std::max<uint64_t>(1, uint64_t(*size)), &n_bytes)) {
      return wrong("has a shape too large for any file");
    }
    tensor.shape.push_back(*size);
  }
  if (std::ranges::count(tensor.shape, 0) > 0) n_bytes = 0;

  const std::optional<int64_t> begin = offsets.at(size_t(0)).integer();
  const std::optional<int64_t> end = offsets.at(size_t(1)).integer();
  if (offsets.size() != 2 || !begin || !end || *begin < 0 || *end < *begin) {
    return wrong("has no valid data_offsets");
  }
  if (uint64_t(*end) > n_data) {
    return wrong("ends at byte " + std::to_string(*end) + " of the data, which has " +
                 std::to_string(n_data));
  }
  if (uint64_t(*end - *begin) != n_bytes) {
    return wrong("has " + std::to_string(*end - *begin) + " bytes where its shape needs " +
                 std::to_string(n_bytes));
  }
  return Range{uint64_t(*begin), uint64_t(*end)};
}

// Every byte after the header belongs to exactly one tensor.
Status check_cover(const SafeTensors& f, const uint8_t* data, uint64_t n_data) {
  uint64_t at = 0;
  for (const StoredTensor& t : f.tensors) {
    const uint64_t begin = uint64_t(t.bytes.data() - data);
    if (begin != at) {
      return Error{f.file + ": tensor " + quoted_name(t.name) + " begins at byte " +
                   std::to_string(begin) + " of the data, but " + std::to_string(at) +
                   " was expected" + kAgain};
    }
    at += t.bytes.size();
  }
  if (at != n_data) {
    return Error{f.file + ": " + human_bytes(n_data - at) +
                 " after the last tensor belong to none" + kAgain};
  }
  return {};
}

}  // namespace

std::string quoted_name(std::string_view name) {
  constexpr size_t kMost = 120;
  if (name.size() <= kMost) return json_quote(name);
  size_t cut = kMost;  // not inside a UTF-8 character
  while (cut > 0 && (uint8_t(name[cut]) & 0xC0) == 0x80) --cut;
  return json_quote(std::string(name.substr(0, cut)) + "…");
}

const StoredTensor* SafeTensors::find(const std::string& name) const {
  const auto found = index.find(name);
  return found == index.end() ? nullptr : &tensors[found->second];
}

Result<SafeTensors> read_safetensors(const File& file) {
  SafeTensors f;
  f.file = base_name(file.name);
  f.bytes = file.bytes;
  const uint64_t size = f.bytes.size();
  if (size < kLengthBytes) {
    return Error{f.file + ": only " + human_bytes(size) + " long" + kAgain};
  }
  uint64_t n_header = 0;
  std::memcpy(&n_header, f.bytes.data(), kLengthBytes);
  if (n_header > kMostHeader) {
    return Error{f.file + ": not a safetensors file: its header would be " + human_bytes(n_header) +
                 " long; drop the model.safetensors of a Hugging Face model"};
  }
  if (n_header > size - kLengthBytes) {
    return Error{f.file + ": its header of " + human_bytes(n_header) + " goes beyond the end" +
                 kAgain};
  }
  f.header = f.bytes.text().substr(kLengthBytes, n_header);
  const Result<Json> json = Json::parse(f.header, f.file);
  if (!json) return json.error();
  if (!json->is_object()) return Error{f.file + ": its header is not a JSON object" + kAgain};

  const uint8_t* data = f.bytes.data() + kLengthBytes + n_header;
  const uint64_t n_data = size - kLengthBytes - n_header;
  Status error;
  json->each([&](std::string_view key, const Json& entry) {
    if (key == "__metadata__") return true;
    StoredTensor tensor;
    tensor.name = key;
    const Result<Range> range = read_entry(f.file, entry, n_data, tensor);
    if (!range) {
      error = range.error();
      return false;
    }
    tensor.bytes = {data + range->begin, size_t(range->end - range->begin)};
    f.tensors.push_back(std::move(tensor));
    return true;
  });
  if (error) return *error;

  std::ranges::sort(f.tensors, {}, [](const StoredTensor& t) {
    return std::tuple(t.bytes.data(), t.bytes.size(), std::string_view(t.name));
  });
  for (size_t i = 0; i < f.tensors.size(); ++i) {
    if (!f.index.emplace(f.tensors[i].name, i).second) {
      return Error{f.file + ": tensor " + quoted_name(f.tensors[i].name) + " is there twice" +
                   kAgain};
    }
  }
  if (const Status gap = check_cover(f, data, n_data)) return *gap;
  return f;
}

Result<Format> format_of(const SafeTensors& file, const StoredTensor& stored) {
  switch (stored.dtype) {
    case DType::f32:
    case DType::f64:
      return Format::f32;
    case DType::f16:
      return Format::f16;
    case DType::bf16:
      return Format::bf16;
    default:
      return Error{file.file + ": tensor " + quoted_name(stored.name) +
                   " holds whole or 8-bit numbers, so the model is quantized; take the version in "
                   "F32, F16 or BF16"};
  }
}

void copy_numbers(const StoredTensor& stored, int64_t begin, int64_t end, void* to) {
  if (begin == end) return;
  const size_t size = size_t(type_bytes(stored.dtype));
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

Result<Tensor> to_floats(const SafeTensors& file, const StoredTensor& stored) {
  const Result<Format> format = format_of(file, stored);
  if (!format) return format.error();
  const int64_t n = int64_t(stored.bytes.size() / type_bytes(stored.dtype));
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
