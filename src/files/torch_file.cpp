#include "files/torch_file.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <unordered_map>

#include "base/utf8.h"
#include "files/pickle.h"
#include "files/zip_read.h"

namespace attn {

namespace {

using Kind = PickleValue::Kind;

constexpr size_t kMostPickle = 64'000'000;  // bytes, beside the tensors
constexpr size_t kMostDims = 16;

// Those that state_dicts and checkpoints of plain values consist of. None of them is called.
bool allows(std::string_view global) {
  constexpr std::string_view kAllowed[] = {
      "collections OrderedDict",
      "torch._utils _rebuild_tensor",
      "torch._utils _rebuild_tensor_v2",
      "torch._utils _rebuild_tensor_v3",
      "torch._utils _rebuild_parameter",
      "torch._utils _rebuild_parameter_with_state",
      "torch._tensor _rebuild_from_type_v2",
      "torch Tensor",
      "torch.nn.parameter Parameter",
      "torch Size",
      "torch device",
      "torch.storage UntypedStorage",
      "torch.storage _UntypedStorage",
      "numpy.core.multiarray scalar",
      "numpy._core.multiarray scalar",
      "numpy dtype",
      "_codecs encode",
      "__builtin__ set",
      "builtins set",
      "__builtin__ slice",
      "builtins slice",
  };
  if (std::ranges::find(kAllowed, global) != std::end(kAllowed)) return true;
  constexpr std::string_view kTorch = "torch ";
  if (!global.starts_with(kTorch)) return false;
  const std::string_view name = global.substr(kTorch.size());
  constexpr std::string_view kTypes[] = {
      "float32", "float64", "float16", "bfloat16",      "int64",       "int32",     "int16",
      "int8",    "uint8",   "uint16",  "uint32",        "uint64",      "bool",      "float",
      "half",    "double",  "long",    "float8_e4m3fn", "float8_e5m2", "complex64", "complex128"};
  return name.ends_with("Storage") ? name.find('.') == name.npos
                                   : std::ranges::find(kTypes, name) != std::end(kTypes);
}

struct TypeRow {
  std::string_view name;  // of the storage and of the dtype
  DType dtype;
};
constexpr TypeRow kTypes[] = {
    {"torch FloatStorage", DType::f32},     {"torch float32", DType::f32},
    {"torch HalfStorage", DType::f16},      {"torch float16", DType::f16},
    {"torch BFloat16Storage", DType::bf16}, {"torch bfloat16", DType::bf16},
    {"torch DoubleStorage", DType::f64},    {"torch float64", DType::f64},
    {"torch LongStorage", DType::i64},      {"torch int64", DType::i64},
    {"torch IntStorage", DType::i32},       {"torch int32", DType::i32},
    {"torch ShortStorage", DType::i16},     {"torch int16", DType::i16},
    {"torch CharStorage", DType::i8},       {"torch int8", DType::i8},
    {"torch ByteStorage", DType::u8},       {"torch uint8", DType::u8},
    {"torch BoolStorage", DType::boolean},  {"torch bool", DType::boolean},
    {"torch uint16", DType::u16},           {"torch uint32", DType::u32},
    {"torch uint64", DType::u64},           {"torch float8_e4m3fn", DType::f8},
    {"torch float8_e5m2", DType::f8},
};

std::optional<DType> type_named(std::string_view name) {
  for (const TypeRow& row : kTypes)
    if (row.name == name) return row.dtype;
  return {};
}

const char* const kAgain = "; the file is damaged or cut short: download it again";

using Storages = std::unordered_map<std::string, std::span<const uint8_t>>;  // by their keys

// How a tensor lies in its storage, in numbers.
struct Strided {
  StoredTensor tensor;
  std::span<const uint8_t> storage;
  uint64_t offset = 0;
  std::vector<int64_t> strides;
  bool contiguous = true;
};

class TensorReader {
 public:
  TensorReader(const std::string& file, const Pickle& pickle, const Storages& storages)
      : file_(file), pickle_(pickle), storages_(storages) {}

  // Nothing for a value that is no tensor.
  Result<std::optional<Strided>> read(std::string_view name, const PickleValue& value) const;
  bool is_tensor(const PickleValue& value) const { return tensor_call(value) != nullptr; }

 private:
  const PickleValue* tensor_call(const PickleValue& value) const;
  const PickleValue& item(const PickleValue& of, size_t i) const {
    static const PickleValue kNone;
    return i < of.items.size() ? pickle_.at(of.items[i]) : kNone;
  }
  Error wrong(std::string_view name, const std::string& what) const {
    return Error{file_ + ": tensor " + quoted_name(name) + " " + what + kAgain};
  }
  Result<uint64_t> n_numbers(std::string_view name, const Strided& s, uint64_t& last) const;
  Result<std::vector<int64_t>> integers(std::string_view name, const PickleValue& list) const;

  const std::string& file_;
  const Pickle& pickle_;
  const Storages& storages_;
};

// The call that makes the tensor, through those that wrap one.
const PickleValue* TensorReader::tensor_call(const PickleValue& value) const {
  const PickleValue* at = &value;
  for (int depth = 0; depth < 4 && at->kind == Kind::call; ++depth) {
    const std::string& name = item(*at, 0).text;
    if (name.starts_with("torch._utils _rebuild_tensor")) return at;
    if (name.starts_with("torch._utils _rebuild_parameter")) {
      at = &item(*at, 1);
    } else if (name == "torch._tensor _rebuild_from_type_v2") {
      // (function, type, arguments, state): the arguments as a call of the function.
      const PickleValue& function = item(*at, 1);
      return function.text.starts_with("torch._utils _rebuild_tensor") ? at : nullptr;
    } else {
      return nullptr;
    }
  }
  return nullptr;
}

Result<std::vector<int64_t>> TensorReader::integers(std::string_view name,
                                                    const PickleValue& list) const {
  // A torch.Size is a call with the list.
  const PickleValue& plain = list.kind == Kind::call ? item(list, 1) : list;
  if (plain.kind != Kind::list || plain.items.size() > kMostDims)
    return wrong(name, "has no valid shape");
  std::vector<int64_t> out;
  for (const uint32_t i : plain.items) {
    const PickleValue& one = pickle_.at(i);
    if (one.kind != Kind::integer || one.integer < 0)
      return wrong(name, "has a shape or stride that is not made of whole numbers");
    out.push_back(one.integer);
  }
  return out;
}

// Of the shape; `last` becomes the number after the last that it reaches in its storage.
Result<uint64_t> TensorReader::n_numbers(std::string_view name, const Strided& s,
                                         uint64_t& last) const {
  uint64_t n = 1;
  last = s.offset;
  const std::vector<int64_t>& shape = s.tensor.shape;
  for (size_t i = 0; i < shape.size(); ++i) {
    const uint64_t size = uint64_t(shape[i]);
    uint64_t reach = 0;
    if (__builtin_mul_overflow(n, std::max<uint64_t>(1, size), &n) ||
        __builtin_mul_overflow(size > 0 ? size - 1 : 0, uint64_t(s.strides[i]), &reach) ||
        __builtin_add_overflow(last, reach, &last))
      return wrong(name, "has a shape too large for any file");
  }
  if (std::ranges::count(shape, 0) > 0) {
    last = s.offset;
    return 0;
  }
  ++last;
  return n;
}

Result<std::optional<Strided>> TensorReader::read(std::string_view name,
                                                  const PickleValue& value) const {
  const PickleValue* call = tensor_call(value);
  if (!call) return std::optional<Strided>();
  const bool typed = item(*call, 0).text == "torch._tensor _rebuild_from_type_v2";
  const std::string& function = item(*call, typed ? 1 : 0).text;
  const PickleValue& list = typed ? item(*call, 3) : *call;
  const auto argument = [&](size_t i) -> const PickleValue& {
    return item(list, typed ? i : i + 1);
  };
  Strided out;
  out.tensor.name = name;

  // ('storage', type, key, where it was, numbers)
  const PickleValue& storage = argument(0);
  if (storage.kind != Kind::persistent || item(storage, 0).text != "storage" ||
      item(storage, 2).kind != Kind::text)
    return wrong(name, "has no storage");
  const bool named_type = function.ends_with("_v3");
  const std::string& type = named_type ? argument(6).text : item(storage, 1).text;
  const std::optional<DType> dtype = type_named(type);
  if (!dtype)
    return Error{file_ + ": tensor " + quoted_name(name) + " has the type " + quoted_name(type) +
                 ", which is not supported; save the model in float32, float16 or bfloat16"};
  out.tensor.dtype = *dtype;
  const auto found = storages_.find(item(storage, 2).text);
  if (found == storages_.end()) return wrong(name, "has its numbers nowhere in the file");
  out.storage = found->second;

  Result<std::vector<int64_t>> shape = integers(name, argument(2));
  if (!shape) return shape.error();
  Result<std::vector<int64_t>> strides = integers(name, argument(3));
  if (!strides) return strides.error();
  const PickleValue& offset = argument(1);
  if (offset.kind != Kind::integer || offset.integer < 0 || shape->size() != strides->size())
    return wrong(name, "has no valid place in its storage");
  out.tensor.shape = std::move(*shape);
  out.strides = std::move(*strides);
  out.offset = uint64_t(offset.integer);
  uint64_t last = 0;
  const Result<uint64_t> n = n_numbers(name, out, last);
  if (!n) return n.error();
  const uint64_t size = bytes_of(*dtype);
  if (last > out.storage.size() / size)
    return wrong(name, "reaches beyond the " + human_bytes(out.storage.size()) + " of its storage");
  uint64_t step = 1;
  for (size_t i = out.strides.size(); i-- > 0;) {
    const int64_t length = out.tensor.shape[i];
    out.contiguous = out.contiguous && (length <= 1 || uint64_t(out.strides[i]) == step);
    step *= uint64_t(std::max<int64_t>(1, length));
  }
  out.contiguous = out.contiguous || *n == 0;
  if (out.contiguous) {
    out.tensor.bytes = out.storage.subspan(*n == 0 ? 0 : out.offset * size, *n * size);
  } else if (*n * size > std::max<uint64_t>(out.storage.size(), 1 << 20)) {
    return wrong(name, "has more numbers than its storage");
  }
  return std::optional(std::move(out));
}

// Row-major, to `to`.
void copy_strided(const Strided& s, uint8_t* to) {
  const size_t size = size_t(bytes_of(s.tensor.dtype)), n_dims = s.tensor.shape.size();
  std::vector<int64_t> at(n_dims, 0);
  uint64_t from = s.offset;
  for (;;) {
    std::memcpy(to, s.storage.data() + from * size, size);
    to += size;
    size_t i = n_dims;
    while (i > 0) {
      --i;
      from += uint64_t(s.strides[i]);
      if (++at[i] < s.tensor.shape[i]) break;
      from -= uint64_t(s.strides[i]) * uint64_t(at[i]);
      at[i] = 0;
      if (i == 0) return;
    }
    if (n_dims == 0) return;
  }
}

uint64_t n_bytes_of(const Strided& s) {
  uint64_t n = bytes_of(s.tensor.dtype);
  for (const int64_t size : s.tensor.shape) n *= uint64_t(size);
  return n;
}

// All tensors one after the other in new memory; only where one is not contiguous.
Status copy_all(NamedTensors& f, std::vector<Strided>& tensors) {
  constexpr uint64_t kAlign = 64;
  uint64_t size = 0;
  for (const Strided& s : tensors) size += (n_bytes_of(s) + kAlign - 1) / kAlign * kAlign;
  ByteBuffer memory;
  if (size > 2 * f.bytes.size() + (1 << 20) || !memory.resize(size))
    return Error{f.file +
                 ": has tensors that are not contiguous, and no memory to copy them; "
                 "save it with .contiguous()"};
  uint64_t at = 0;
  for (Strided& s : tensors) {
    const uint64_t n = n_bytes_of(s);
    if (n > 0) {
      if (s.contiguous)
        std::memcpy(memory.data() + at, s.tensor.bytes.data(), n);
      else
        copy_strided(s, memory.data() + at);
    }
    s.tensor.bytes = {memory.data() + at, size_t(n)};
    at += (n + kAlign - 1) / kAlign * kAlign;
  }
  f.bytes = Bytes(std::move(memory));
  return {};
}

// The dict of tensors: the whole, or a part with a usual name, or the only part that has some.
Result<const PickleValue*> find_state(const std::string& file, const Pickle& pickle,
                                      const TensorReader& reader) {
  const auto has_tensors = [&](const PickleValue& dict) {
    if (dict.kind != Kind::dict) return false;
    for (size_t i = 1; i < dict.items.size(); i += 2)
      if (reader.is_tensor(pickle.at(dict.items[i]))) return true;
    return false;
  };
  // Beside them, a loss may be a tensor, too.
  const PickleValue& root = pickle.at(pickle.root);
  for (const char* usual : {"state_dict", "model_state_dict", "model_state", "model", "module"})
    if (const PickleValue* part = pickle.find(root, usual); part && has_tensors(*part)) return part;
  if (has_tensors(root)) return &root;
  const PickleValue* found = nullptr;
  std::string names;
  if (root.kind == Kind::dict)
    for (size_t i = 0; i + 1 < root.items.size(); i += 2) {
      const PickleValue& part = pickle.at(root.items[i + 1]);
      if (!has_tensors(part)) continue;
      names += (names.empty() ? "" : ", ") + quoted_name(pickle.at(root.items[i]).text);
      if (found)
        return Error{file + ": has several sets of tensors, " + names +
                     "; save the one that is the model's state_dict"};
      found = &part;
    }
  if (found) return found;
  return Error{
      file +
      (reader.is_tensor(root) ? ": holds one tensor without a name"
                              : ": holds no tensors with names") +
      ", where a model's state_dict is needed; save it with torch.save(model.state_dict(), "
      "\"pytorch_model.bin\")"};
}

// Plain values as JSON. Lists of numbers beyond what settings have are left out.
void add_value(JsonBuilder& out, const Pickle& pickle, const PickleValue& value, int depth) {
  constexpr size_t kMostItems = 1000;
  constexpr int kMostDepth = 4;
  switch (value.kind) {
    case Kind::boolean:
      return out.boolean(value.integer != 0);
    case Kind::integer:
      return out.integer(value.integer);
    case Kind::real:
      return out.number(value.real);
    case Kind::text:
      return out.text(value.text);
    case Kind::list:
    case Kind::dict:
      break;
    default:
      return out.null();
  }
  if (depth == kMostDepth || value.items.size() > kMostItems) return out.null();
  if (value.kind == Kind::list) {
    out.begin_array();
    for (const uint32_t i : value.items) add_value(out, pickle, pickle.at(i), depth + 1);
    return out.end();
  }
  out.begin_object();
  for (size_t i = 0; i + 1 < value.items.size(); i += 2) {
    const PickleValue& key = pickle.at(value.items[i]);
    if (key.kind != Kind::text) continue;
    out.key(key.text);
    add_value(out, pickle, pickle.at(value.items[i + 1]), depth + 1);
  }
  out.end();
}

Json settings_in(const Pickle& pickle) {
  const PickleValue& root = pickle.at(pickle.root);
  JsonBuilder out;
  out.begin_object();
  for (const char* name : {"model_args", "config"})
    if (const PickleValue* part = pickle.find(root, name)) {
      out.key(name);
      add_value(out, pickle, *part, 0);
    }
  out.end();
  return out.take().value_or(Json());
}

Result<NamedTensors> tensors_of(NamedTensors f, const Pickle& pickle, const Storages& storages) {
  const TensorReader reader(f.file, pickle, storages);
  const Result<const PickleValue*> state = find_state(f.file, pickle, reader);
  if (!state) return state.error();
  std::vector<Strided> tensors;
  bool contiguous = true;
  const PickleValue& dict = **state;
  for (size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    const PickleValue& key = pickle.at(dict.items[i]);
    if (key.kind != Kind::text) continue;
    Result<std::optional<Strided>> one = reader.read(key.text, pickle.at(dict.items[i + 1]));
    if (!one) return one.error();
    if (!*one) continue;
    contiguous = contiguous && (*one)->contiguous;
    tensors.push_back(std::move(**one));
  }
  if (!contiguous)
    if (Status failed = copy_all(f, tensors)) return *failed;
  for (Strided& s : tensors) f.tensors.push_back(std::move(s.tensor));
  f.metadata = settings_in(pickle);
  if (Status twice = index_tensors(f, kAgain)) return *twice;
  return f;
}

Result<NamedTensors> read_archive(NamedTensors f, const File& file) {
  Result<std::vector<ZipEntry>> entries = list_zip(file);
  if (!entries) return entries.error();
  std::span<const uint8_t> pickled;
  Storages storages;
  constexpr std::string_view kPickle = "/data.pkl", kData = "/data/";
  std::string folder;
  for (const ZipEntry& entry : *entries) {
    if (!pickled.data() && entry.name.ends_with(kPickle)) {
      folder = entry.name.substr(0, entry.name.size() - kPickle.size());
      pickled = entry.bytes;
    }
    if (entry.name.ends_with("/constants.pkl"))
      return Error{f.file +
                   ": a TorchScript program, which is code beside weights; use the "
                   "model.safetensors of the same model, or save model.state_dict()"};
  }
  if (!pickled.data())
    return Error{f.file +
                 ": a zip archive without data.pkl is no PyTorch checkpoint; use the "
                 "model.safetensors of the same model"};
  for (const ZipEntry& entry : *entries) {
    const std::string_view name = entry.name;
    if (!name.starts_with(folder + "/")) continue;
    if (!entry.stored)
      return Error{f.file + ": " + quoted_name(name) +
                   " inside is compressed, which PyTorch does not read either; download the file "
                   "again"};
    if (name == folder + "/byteorder" && std::ranges::equal(entry.bytes, std::string_view("big")))
      return Error{f.file +
                   ": its numbers are big-endian, which is not supported; save it on another "
                   "machine"};
    if (!name.substr(folder.size()).starts_with(kData)) continue;
    const std::string key(name.substr(folder.size() + kData.size()));
    if (!storages.emplace(key, entry.bytes).second)
      return Error{f.file + ": has " + quoted_name(name) + " twice" + kAgain};
  }
  if (pickled.size() > kMostPickle)
    return Error{f.file + ": data.pkl inside has " + human_bytes(pickled.size()) +
                 ", more than weights need; save the weights alone"};
  f.header = {reinterpret_cast<const char*>(pickled.data()), pickled.size()};
  const Result<Pickle> pickle = read_pickle(pickled, f.file, allows);
  if (!pickle) return pickle.error();
  return tensors_of(std::move(f), *pickle, storages);
}

constexpr int64_t kLegacyMagic = int64_t(0xa86a20f9469cfc6c);  // the low bytes of its ten
constexpr int64_t kLegacyVersion = 1001;

// Four pickles (a magic number, a version, the machine, the object), one of the storages' keys, and
// each storage behind its count of numbers.
Result<NamedTensors> read_legacy(NamedTensors f) {
  std::span<const uint8_t> rest = f.bytes.span();
  const auto next = [&]() -> Result<Pickle> {
    Result<Pickle> one =
        read_pickle(rest.first(std::min(rest.size(), kMostPickle)), f.file, allows);
    if (one) rest = rest.subspan(one->size);
    return one;
  };
  const auto whole = [](const Pickle& one) { return one.at(one.root); };
  Result<Pickle> magic = next();
  if (!magic) return magic.error();
  if (whole(*magic).integer != kLegacyMagic)
    return Error{f.file +
                 ": a pickle that torch.save did not write; use the model.safetensors of the same "
                 "model"};
  Result<Pickle> version = next();
  if (!version) return version.error();
  if (whole(*version).integer != kLegacyVersion)
    return Error{f.file + ": version " + std::to_string(whole(*version).integer) +
                 " of PyTorch's format is not known; save it with a newer PyTorch"};
  Result<Pickle> machine = next();
  if (!machine) return machine.error();
  const PickleValue* little = machine->find(whole(*machine), "little_endian");
  if (little && little->integer == 0)
    return Error{
        f.file +
        ": its numbers are big-endian, which is not supported; save it on another machine"};
  const Result<Pickle> object = next();
  if (!object) return object.error();
  f.header = f.bytes.text().substr(0, f.bytes.size() - rest.size());
  Result<Pickle> keys = next();
  if (!keys) return keys.error();

  // The type of each storage, by which its size is counted.
  std::unordered_map<std::string, uint64_t> size_of;
  for (const PickleValue& value : object->values) {
    if (value.kind != Kind::persistent || value.items.size() < 3) continue;
    const std::optional<DType> dtype = type_named(object->at(value.items[1]).text);
    size_of.emplace(object->at(value.items[2]).text, dtype ? bytes_of(*dtype) : 0);
  }
  Storages storages;
  for (const uint32_t i : whole(*keys).items) {
    const std::string& key = keys->at(i).text;
    uint64_t n = 0;
    const auto size = size_of.find(key);
    if (rest.size() < sizeof n || size == size_of.end() || size->second == 0)
      return Error{f.file + ": storage " + quoted_name(key) + " is missing or of an unknown type" +
                   kAgain};
    std::memcpy(&n, rest.data(), sizeof n);
    rest = rest.subspan(sizeof n);
    if (n > rest.size() / size->second)
      return Error{f.file + ": storage " + quoted_name(key) + " of " + std::to_string(n) +
                   " numbers ends beyond the file" + kAgain};
    storages.emplace(key, rest.first(n * size->second));
    rest = rest.subspan(n * size->second);
  }
  return tensors_of(std::move(f), *object, storages);
}

}  // namespace

bool is_training_state(std::string_view path) {
  constexpr std::string_view kBegins[] = {"optimizer",     "scheduler", "rng_state",
                                          "training_args", "scaler",    "random_states",
                                          "optim_",        "meta.pkl"};
  const std::string_view name = base_name(path);
  return std::ranges::any_of(kBegins, [&](auto begin) { return name.starts_with(begin); });
}

bool is_torch(std::span<const uint8_t> bytes) {
  constexpr size_t kProto = 2;
  if (is_zip(bytes)) {
    constexpr size_t kNameAt = 30, kMost = 300;
    const std::string_view start(reinterpret_cast<const char*>(bytes.data()),
                                 std::min(bytes.size(), kMost));
    return start.size() > kNameAt && start.substr(kNameAt).find("data.pkl") != start.npos;
  }
  return bytes.size() > kProto && bytes[0] == 0x80 && bytes[1] >= 2 && bytes[1] <= 5;
}

Result<NamedTensors> read_torch(const File& file) {
  NamedTensors f;
  f.file = base_name(file.name);
  f.bytes = file.bytes;
  if (is_zip(f.bytes.span())) return read_archive(std::move(f), file);
  constexpr std::string_view kTar = "ustar";
  constexpr size_t kTarAt = 257;
  if (f.bytes.size() > kTarAt && f.bytes.text().substr(kTarAt).starts_with(kTar))
    return Error{
        f.file +
        ": the format of PyTorch before 0.1.10 is not supported; save it with a newer one"};
  if (f.bytes.size() > 0 && f.bytes.data()[0] != 0x80)
    return Error{f.file +
                 ": no file of PyTorch; use the model.safetensors or pytorch_model.bin of a model"};
  return read_legacy(std::move(f));
}

}  // namespace attn
