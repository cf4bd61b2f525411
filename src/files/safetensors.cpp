#include "files/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/json.h"

namespace attn {

static_assert(std::endian::native == std::endian::little, "tensors are little-endian in the file");

namespace {

constexpr size_t kLengthBytes = 8;  // the header's length, before the header
// The format allows 100 MB, but parsed JSON takes many times its text. At about 100 bytes per
// tensor this is enough for 160,000 tensors.
constexpr uint64_t kMostHeader = 16'000'000;
constexpr size_t kMostDims = 16;

struct TypeRow {
  std::string_view name;
  DType dtype;
};
constexpr TypeRow kTypes[] = {
    {"F32", DType::f32},      {"F16", DType::f16},    {"BF16", DType::bf16},
    {"F64", DType::f64},      {"I64", DType::i64},    {"I32", DType::i32},
    {"I16", DType::i16},      {"I8", DType::i8},      {"U64", DType::u64},
    {"U32", DType::u32},      {"U16", DType::u16},    {"U8", DType::u8},
    {"BOOL", DType::boolean}, {"F8_E4M3", DType::f8}, {"F8_E5M2", DType::f8},
    {"F8_E8M0", DType::f8},
};

const TypeRow* type_named(std::string_view name) {
  for (const TypeRow& row : kTypes) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

const char* const kAgain = "; the file is damaged or cut short: download it again";

// The byte range of a tensor, relative to the end of the header.
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
  uint64_t n_bytes = bytes_of(type->dtype);
  for (size_t i = 0; i < shape.size(); ++i) {
    const std::optional<int64_t> size = shape.at(i).integer();
    if (!size || *size < 0) return wrong("has a shape that is not made of whole numbers");
    // Checked before a later size of 0 could hide the overflow; no real tensor is that large.
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
Status check_cover(const NamedTensors& f, const uint8_t* data, uint64_t n_data) {
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
                 " after the last tensor are not part of any tensor" + kAgain};
  }
  return {};
}

// Copies __metadata__, an object of strings, so that the header's document can be freed.
Json read_metadata(const Json& entry) {
  if (!entry.is_object()) return {};
  JsonBuilder out;
  out.begin_object();
  entry.each([&](std::string_view key, const Json& value) {
    if (const auto text = value.text()) {
      out.key(key);
      out.text(*text);
    }
    return true;
  });
  out.end();
  return out.take().value_or(Json());
}

}  // namespace

bool is_safetensors(std::span<const uint8_t> bytes) {
  if (bytes.size() <= kLengthBytes) return false;
  uint64_t n_header = 0;
  std::memcpy(&n_header, bytes.data(), kLengthBytes);
  return n_header > 0 && n_header <= std::min(kMostHeader, uint64_t(bytes.size() - kLengthBytes)) &&
         bytes[kLengthBytes] == '{';
}

Result<NamedTensors> read_safetensors(const File& file) {
  NamedTensors f;
  f.file = base_name(file.name);
  f.bytes = file.bytes;
  const uint64_t size = f.bytes.size();
  if (size < kLengthBytes) {
    return Error{f.file + ": only " + human_bytes(size) + " long" + kAgain};
  }
  uint64_t n_header = 0;
  std::memcpy(&n_header, f.bytes.data(), kLengthBytes);
  if (n_header > kMostHeader) {
    return Error{f.file + ": not a safetensors file: its header length reads as " +
                 human_bytes(n_header) + "; drop the model.safetensors of a Hugging Face model"};
  }
  if (n_header > size - kLengthBytes) {
    return Error{f.file + ": its header of " + human_bytes(n_header) +
                 " extends past the end of the file" + kAgain};
  }
  f.header = f.bytes.text().substr(kLengthBytes, n_header);
  const Result<Json> json = Json::parse(f.header, f.file);
  if (!json) return json.error();
  if (!json->is_object()) return Error{f.file + ": its header is not a JSON object" + kAgain};

  const uint8_t* data = f.bytes.data() + kLengthBytes + n_header;
  const uint64_t n_data = size - kLengthBytes - n_header;
  Status error;
  json->each([&](std::string_view key, const Json& entry) {
    if (key == "__metadata__") {
      f.metadata = read_metadata(entry);
      return true;
    }
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

  if (const Status twice = index_tensors(f, kAgain)) return *twice;
  if (const Status gap = check_cover(f, data, n_data)) return *gap;
  return f;
}

}  // namespace attn
