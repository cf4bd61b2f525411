#include "files/known_files.h"

#include <algorithm>

#include "base/utf8.h"
#include "files/formats.h"

namespace attn {

namespace {

constexpr char kUseSafetensors[] = "use the model.safetensors of the same model";
constexpr char kSavePretrained[] =
    "use the model.safetensors of the same model, or write it in Python with "
    "model.save_pretrained(\"folder\")";
constexpr char kNoPictures[] = "drop a model's folder, or a text";
constexpr char kUnpack[] = "unpack it and choose the folder inside";
constexpr char kCopyText[] = "copy its text and paste it as the text to read";
constexpr char kArrays[] =
    "choose the config.json, model.safetensors and tokenizer.json of a model";

const KnownFile kFiles[] = {
    {
        .what = "a pointer to a file in Git LFS",
        .magics = {"version https://git-lfs"},
        .advice = "download the file itself, for example with git lfs pull",
    },
    {
        .what = "a web page",
        .endings = {".html", ".htm"},
        .magics = {"<!DOCTYPE", "<!doctype", "<html"},
        .advice = "download the file itself, not the page about it",
    },
    {
        .what = "a PNG picture",
        .endings = {".png"},
        .magics = {"\x89PNG"},
        .advice = kNoPictures,
    },
    {
        .what = "a JPEG picture",
        .endings = {".jpg", ".jpeg"},
        .magics = {"\xff\xd8\xff"},
        .advice = kNoPictures,
    },
    {
        .what = "a GIF picture",
        .endings = {".gif"},
        .magics = {"GIF8"},
        .advice = kNoPictures,
    },
    {
        .what = "a WebP picture",
        .endings = {".webp"},
        .magics = {"WEBP"},
        .offset = 8,
        .advice = kNoPictures,
    },
    {
        .what = "a PDF document",
        .endings = {".pdf"},
        .magics = {"%PDF-"},
        .advice = kCopyText,
    },
    {
        .what = "a Python pickle",
        .endings = {".pkl", ".pickle", ".joblib"},
        .advice = kSavePretrained,
    },
    {
        .what = "NumPy arrays (.npz)",
        .endings = {".npz"},
        .inside = ".npy",
        .advice = kArrays,
    },
    {
        .what = "a NumPy array (.npy)",
        .endings = {".npy"},
        .magics = {"\x93NUMPY"},
        .advice = kArrays,
    },
    {
        .what = "an ONNX model",
        .endings = {".onnx"},
        .advice = kUseSafetensors,
        .holds_weights = true,
    },
    {
        .what = "a Keras model",
        .endings = {".keras"},
        .advice = kSavePretrained,
        .holds_weights = true,
    },
    {
        .what = "an HDF5 file, as Keras and TensorFlow save models",
        .endings = {".h5", ".hdf5"},
        .magics = {"\x89HDF\r\n\x1a\n"},
        .advice = kUseSafetensors,
        .holds_weights = true,
    },
    {
        .what = "a TensorFlow Lite model",
        .endings = {".tflite"},
        .magics = {"TFL3"},
        .offset = 4,
        .advice = kUseSafetensors,
        .holds_weights = true,
    },
    {
        .what = "a TensorFlow model",
        .endings = {".pb", ".index", ".data-00000-of-00001"},
        .advice = kUseSafetensors,
        .holds_weights = true,
    },
    {
        .what = "a Flax model",
        .endings = {".msgpack"},
        .advice = kUseSafetensors,
        .holds_weights = true,
    },
    {
        .what = "a Word document",
        .endings = {".docx"},
        .advice = kCopyText,
    },
    {
        .what = "a ZIP archive",
        .endings = {".zip"},
        .magics = {"PK\3\4", "PK\5\6"},
        .may_be_others = true,
        .advice = kUnpack,
        .is_archive = true,
    },
    {
        .what = "a gzip archive",
        .endings = {".gz", ".tgz"},
        .magics = {"\x1f\x8b"},
        .advice = kUnpack,
        .is_archive = true,
    },
    {
        .what = "a tar archive",
        .endings = {".tar"},
        .magics = {"ustar"},
        .offset = 257,
        .advice = kUnpack,
        .is_archive = true,
    },
    {
        .what = "a compressed archive",
        .endings = {".7z", ".zst", ".xz", ".rar"},
        .magics = {"7z\xbc\xaf\x27\x1c", "\x28\xb5\x2f\xfd", "\3757zXZ", "Rar!"},
        .advice = kUnpack,
    },
};

const KnownFile kEmpty = {.what = "an empty file", .advice = "download it again"};

// The name of the first file in a ZIP archive, or "".
std::string_view first_in_zip(std::span<const uint8_t> bytes) {
  constexpr size_t kLengthAt = 26, kNameAt = 30;
  if (bytes.size() < kNameAt || bytes[0] != 'P' || bytes[1] != 'K' || bytes[2] != 3) return {};
  const size_t length = bytes[kLengthAt] + 256u * bytes[kLengthAt + 1];
  const auto* start = reinterpret_cast<const char*>(bytes.data());
  return {start + kNameAt, std::min(length, bytes.size() - kNameAt)};
}

bool begins_like(const KnownFile& row, std::span<const uint8_t> bytes) {
  return std::ranges::any_of(row.magics, [&](std::string_view magic) {
    if (magic.empty() || bytes.size() < row.offset + magic.size()) return false;
    return std::ranges::equal(bytes.subspan(row.offset, magic.size()), magic,
                              [](uint8_t a, char b) { return a == uint8_t(b); });
  });
}

bool ends_like(std::string_view name, std::string_view ending) {
  if (ending.empty() || name.size() < ending.size()) return false;
  return std::ranges::equal(name.substr(name.size() - ending.size()), ending, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? char(a - 'A' + 'a') : a) == b;
  });
}

bool is_named_like(const KnownFile& row, std::string_view name) {
  return std::ranges::any_of(row.endings, [&](auto ending) { return ends_like(name, ending); });
}

}  // namespace

std::span<const KnownFile> known_files() { return kFiles; }

const KnownFile* known_content(std::span<const uint8_t> bytes) {
  if (bytes.empty()) return &kEmpty;
  const std::string_view inside = first_in_zip(bytes);
  for (const KnownFile& row : kFiles)
    if (!row.inside.empty() && inside.ends_with(row.inside)) return &row;
  for (const KnownFile& row : kFiles)
    if (begins_like(row, bytes)) return &row;
  return nullptr;
}

const KnownFile* known_file(std::string_view name, std::span<const uint8_t> bytes) {
  const KnownFile* found = known_content(bytes);
  if (found && !found->may_be_others) return found;
  if (is_weights(find_format(File{std::string(name), {}}))) return found;
  for (const KnownFile& row : kFiles)
    if (is_named_like(row, name)) return &row;
  return found;
}

Error not_a_model(const File& file) {
  const std::string name(base_name(file.name));
  if (const KnownFile* known = known_file(file.name, file.bytes.span()))
    return Error{name + ": " + known->what +
                 (known->holds_weights ? ", which is not supported" : ", not a model") + "; " +
                 known->advice};
  return Error{name +
               ": not a model; drop config.json, model.safetensors and tokenizer.json together, or "
               "the folder that contains them"};
}

bool is_plain_text(const File& file) {
  const std::string_view name = base_name(file.name);
  if (name == "vocab.txt" || name == "merges.txt" || name == "README.md") return false;
  if (!ends_like(name, ".txt") && !ends_like(name, ".md")) return false;
  return !known_content(file.bytes.span()) && is_valid_utf8(file.bytes.text());
}

}  // namespace attn
