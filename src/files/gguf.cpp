#include "files/gguf.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <unordered_set>

#include "base/utf8.h"
#include "files/blocks.h"

namespace attn {

namespace {

constexpr uint64_t kMostTensors = 1 << 20, kMostEntries = 1 << 16;
constexpr uint64_t kMostDims = 4;
constexpr size_t kMostName = 1024, kMostText = 1 << 20;  // bytes
constexpr uint64_t kMostItems = 2048;  // of a list in the metadata, and more than layers
constexpr int kMostDepth = 4;          // of lists in lists
constexpr uint64_t kUsualAlign = 32, kMostAlign = 1 << 20;
const char* const kAgain = "; the file is damaged or cut short: download it again";

// Of values in the metadata, as files number them.
struct Type {
  enum : uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, text, list, u64, i64, f64, n_types };
};

uint64_t size_of(uint32_t type) {
  constexpr uint8_t kSizes[Type::n_types] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return kSizes[type];
}

struct TypeRow {
  const char* name;  // null: of no type any more
  std::optional<DType> dtype = {};
};
// By its number in files. Those without a dtype are not read.
constexpr TypeRow kTypes[] = {
    {"F32", DType::f32},
    {"F16", DType::f16},
    {"Q4_0", DType::q4_0},
    {"Q4_1", DType::q4_1},
    {"Q4_2"},
    {"Q4_3"},
    {"Q5_0", DType::q5_0},
    {"Q5_1", DType::q5_1},
    {"Q8_0", DType::q8_0},
    {"Q8_1"},
    {"Q2_K", DType::q2_k},
    {"Q3_K", DType::q3_k},
    {"Q4_K", DType::q4_k},
    {"Q5_K", DType::q5_k},
    {"Q6_K", DType::q6_k},
    {"Q8_K"},
    {"IQ2_XXS"},
    {"IQ2_XS"},
    {"IQ3_XXS"},
    {"IQ1_S"},
    {"IQ4_NL", DType::iq4_nl},
    {"IQ3_S"},
    {"IQ2_S"},
    {"IQ4_XS"},
    {"I8", DType::i8},
    {"I16", DType::i16},
    {"I32", DType::i32},
    {"I64", DType::i64},
    {"F64", DType::f64},
    {"IQ1_M"},
    {"BF16", DType::bf16},
    {"Q4_0_4_4"},
    {"Q4_0_4_8"},
    {"Q4_0_8_8"},
    {"TQ1_0"},
    {"TQ2_0"},
    {"IQ4_NL_4_4"},
    {"IQ4_NL_4_8"},
    {"IQ4_NL_8_8"},
    {"MXFP4"},
    {"NVFP4"},
    {"Q1_0"},
};

// Reads on from a place in the header; past its end everything is 0 and `broken`.
struct Cursor {
  std::string_view all;
  size_t at = 0;
  bool broken = false;
  uint64_t room = kMostEntries * 16;  // values that may still become JSON

  std::string_view bytes(uint64_t n) {
    broken |= n > all.size() - at;
    if (broken) return {};
    at += size_t(n);
    return all.substr(at - size_t(n), size_t(n));
  }
  template <class T>
  T take() {
    T value{};
    const std::string_view from = bytes(sizeof value);
    if (!broken) std::memcpy(&value, from.data(), from.size());
    return value;
  }
  std::string_view text() { return bytes(take<uint64_t>()); }

  // One number or boolean.
  double number(uint32_t type) {
    switch (type) {
      case Type::u8:
      case Type::boolean:
        return take<uint8_t>();
      case Type::i8:
        return take<int8_t>();
      case Type::u16:
        return take<uint16_t>();
      case Type::i16:
        return take<int16_t>();
      case Type::u32:
        return take<uint32_t>();
      case Type::i32:
        return take<int32_t>();
      case Type::f32:
        return take<float>();
      case Type::u64:
        return double(take<uint64_t>());
      case Type::i64:
        return double(take<int64_t>());
      default:
        return take<double>();
    }
  }

  // Of any type; `out` may be null, to skip it.
  void value(uint32_t type, JsonBuilder* out, int depth = 0) {
    broken |= type >= Type::n_types || depth > kMostDepth;
    if (broken) return;
    if (type == Type::list) return items(out, depth);
    if (type == Type::text) {
      const std::string_view words = text();
      if (out && words.size() <= kMostText) return out->text(words);
      return out ? out->null() : void();
    }
    const double x = number(type);
    if (!out) return;
    if (type == Type::boolean) return out->boolean(x != 0);
    const bool whole = type != Type::f32 && type != Type::f64 && x >= -0x1p53 && x <= 0x1p53;
    return whole ? out->integer(int64_t(x)) : out->number(x);
  }

  void items(JsonBuilder* out, int depth) {
    const uint32_t type = take<uint32_t>();
    const uint64_t n = take<uint64_t>();
    broken |= type >= Type::n_types;
    if (broken) return;
    const bool is_short = n <= std::min(kMostItems, room);
    if (out && !is_short) out->null();
    if (!is_short) out = nullptr;
    if (out) room -= n;
    if (const uint64_t size = size_of(type); size > 0 && !out) {
      broken |= n > (all.size() - at) / size;
      bytes(broken ? 0 : n * size);
      return;
    }
    if (out) out->begin_array();
    for (uint64_t i = 0; i < n && !broken; ++i) value(type, out, depth + 1);
    if (out) out->end();
  }
};

// The two counts after the version.
struct Counts {
  uint64_t tensors = 0, entries = 0;
};
constexpr size_t kEntriesAt = 16;  // the second of them

Error wrong_type(const NamedTensors& f, const std::string& name, uint32_t type) {
  const char* const known = type < std::size(kTypes) ? kTypes[type].name : nullptr;
  return Error{f.file + ": tensor " + quoted_name(name) + " is in " +
               (known ? known : "type " + std::to_string(type)) +
               ", which is not supported; use a file of the same model in Q4_K_M, Q8_0 or F16"};
}

struct Reader {
  NamedTensors f;
  Cursor in;
  uint64_t align = kUsualAlign;
  std::vector<uint64_t> offsets = {};

  Error wrong(const std::string& what) const { return Error{f.file + ": " + what + kAgain}; }
  Error wrong(const StoredTensor& t, const std::string& what) const {
    return wrong("tensor " + quoted_name(t.name) + " " + what);
  }
  Status read_start(Counts& counts);
  Status read_metadata(uint64_t n);
  Status read_tensor();
  Status place_tensors();
};

Status Reader::read_start(Counts& counts) {
  if (!is_gguf(f.bytes.span())) return wrong("not a GGUF file, which begins with \"GGUF\"");
  in.bytes(4);
  const uint32_t version = in.take<uint32_t>();
  if (in.broken) return wrong("ends in its first bytes");
  if (version > 0 && (version & 0xFFFF) == 0)
    return Error{f.file +
                 ": written on a big-endian machine, which is not supported; use a little-endian "
                 "file of the same model"};
  if (version != 2 && version != 3)
    return Error{f.file + ": version " + std::to_string(version) +
                 " of GGUF is not supported, only 2 and 3; use a newer file of the same model"};
  counts = {in.take<uint64_t>(), in.take<uint64_t>()};
  if (in.broken) return wrong("ends in its first bytes");
  if (counts.tensors > kMostTensors || counts.entries > kMostEntries)
    return wrong("it claims to have " + std::to_string(counts.tensors) + " tensors and " +
                 std::to_string(counts.entries) + " entries of metadata");
  return {};
}

Status Reader::read_metadata(uint64_t n) {
  JsonBuilder out;
  out.begin_object();
  std::unordered_set<std::string_view> keys;
  for (uint64_t i = 0; i < n; ++i) {
    const std::string_view key = in.text();
    const uint32_t type = in.take<uint32_t>();
    if (in.broken) return wrong("ends in its metadata");
    if (key.empty() || key.size() > kMostName) return wrong("metadata has a name that is none");
    if (!keys.insert(key).second)
      return wrong("metadata has " + quoted_name(printable(key)) + " twice");
    out.key(key);
    in.value(type, &out);
    if (in.broken)
      return wrong("metadata: " + quoted_name(printable(key)) +
                   " has no valid value, or the file ends in it");
  }
  out.end();
  std::optional<Json> built = out.take();
  if (!built) return wrong("its metadata is too large");
  f.metadata = std::move(*built);
  if (const Json given = f.metadata.at("general.alignment"); !given.is_null()) {
    const auto value = given.integer();
    if (!value || *value < 1 || uint64_t(*value) > kMostAlign ||
        !std::has_single_bit(uint64_t(*value)))
      return wrong("general.alignment is not a power of two");
    align = uint64_t(*value);
  }
  return {};
}

// All but its bytes.
Status Reader::read_tensor() {
  StoredTensor t;
  const std::string_view name = in.text();
  const uint32_t n_dims = in.take<uint32_t>();
  if (in.broken) return wrong("ends in its list of tensors");
  if (name.empty() || name.size() > kMostName) return wrong("a tensor has no valid name");
  t.name = printable(name);
  if (n_dims > kMostDims) return wrong(t, "has " + std::to_string(n_dims) + " dimensions");
  uint64_t n = 1;
  for (uint32_t i = 0; i < n_dims; ++i) {
    const uint64_t size = in.take<uint64_t>();
    if (in.broken) break;
    if (size == 0) return wrong(t, "has a dimension of size 0");
    if (size > uint64_t(INT64_MAX) || __builtin_mul_overflow(n, size, &n))
      return wrong(t, "has a shape too large for any file");
    t.shape.insert(t.shape.begin(), int64_t(size));  // the last dimension comes first
  }
  const uint32_t type = in.take<uint32_t>();
  const uint64_t offset = in.take<uint64_t>();
  if (in.broken) return wrong("ends in its list of tensors");
  if (type >= std::size(kTypes) || !kTypes[type].dtype) return wrong_type(f, t.name, type);
  t.dtype = *kTypes[type].dtype;
  const uint64_t unit = uint64_t(numbers_of(t.dtype));
  if (unit > 1 && (t.shape.empty() || uint64_t(t.shape.back()) % unit != 0))
    return wrong(t, "has rows that are not made of whole blocks");
  uint64_t n_bytes = 0;
  if (__builtin_mul_overflow(n / unit, bytes_of(t.dtype), &n_bytes) || n_bytes > f.bytes.size())
    return wrong(t, "needs more bytes than the file has");
  if (offset % align != 0) return wrong(t, "begins at a byte that is not aligned");
  offsets.push_back(offset);
  t.bytes = f.bytes.span().first(size_t(n_bytes));  // for its size
  f.tensors.push_back(std::move(t));
  return {};
}

Status Reader::place_tensors() {
  f.header = in.all.substr(0, in.at);
  const uint64_t start = (in.at + align - 1) / align * align, size = f.bytes.size();
  for (size_t i = 0; i < offsets.size(); ++i) {
    StoredTensor& t = f.tensors[i];
    const uint64_t n = t.bytes.size();
    if (start > size || offsets[i] > size - start || n > size - start - offsets[i])
      return wrong(t, "reaches beyond the end of the file");
    t.bytes = f.bytes.span().subspan(size_t(start + offsets[i]), size_t(n));
  }
  if (Status twice = index_tensors(f, kAgain)) return twice;
  for (size_t i = 1; i < f.tensors.size(); ++i) {
    const std::span<const uint8_t> before = f.tensors[i - 1].bytes;
    if (f.tensors[i].bytes.data() < before.data() + before.size())
      return wrong(f.tensors[i], "shares bytes with another");
  }
  return {};
}

}  // namespace

bool is_gguf(std::span<const uint8_t> bytes) {
  constexpr std::string_view kMagic = "GGUF";
  return bytes.size() >= kMagic.size() && std::ranges::equal(bytes.first(kMagic.size()), kMagic);
}

Result<NamedTensors> read_gguf(const File& file) {
  Reader reader{.f = {}, .in = {.all = file.bytes.text()}};
  reader.f.file = base_name(file.name);
  reader.f.bytes = file.bytes;
  Counts counts;
  if (const Status failed = reader.read_start(counts)) return *failed;
  if (const Status failed = reader.read_metadata(counts.entries)) return *failed;
  for (uint64_t i = 0; i < counts.tensors; ++i)
    if (const Status failed = reader.read_tensor()) return *failed;
  if (const Status failed = reader.place_tensors()) return *failed;
  return std::move(reader.f);
}

std::optional<GgufList> gguf_list(const NamedTensors& file, std::string_view key) {
  Cursor in{.all = file.header, .at = std::min(kEntriesAt, file.header.size())};
  const uint64_t n = in.take<uint64_t>();
  for (uint64_t i = 0; i < n && !in.broken; ++i) {
    const bool found = in.text() == key;
    const uint32_t type = in.take<uint32_t>();
    if (!found || type != Type::list) {
      in.value(type, nullptr);
      continue;
    }
    const uint32_t of = in.take<uint32_t>();
    const uint64_t n_items = in.take<uint64_t>();
    GgufList out;
    for (uint64_t k = 0; k < n_items && !in.broken && of < Type::n_types && of != Type::list; ++k) {
      if (of == Type::text)
        out.texts.push_back(in.text());
      else
        out.numbers.push_back(in.number(of));
    }
    if (in.broken) return {};
    return out;
  }
  return {};
}

}  // namespace attn
