#include "files/formats.h"

#include <algorithm>

#include "files/safetensors.h"

namespace attn {

namespace {

constexpr std::string_view kSafetensorsEndings[] = {".safetensors"};
constexpr std::string_view kGgufEndings[] = {".gguf"};
constexpr std::string_view kPickleEndings[] = {".bin", ".pt", ".pth"};

bool is_gguf(std::span<const uint8_t> bytes) {
  constexpr std::string_view kMagic = "GGUF";
  return bytes.size() >= kMagic.size() && std::ranges::equal(bytes.first(kMagic.size()), kMagic);
}

const FileFormat kFormats[] = {
    {
        .id = "safetensors",
        .endings = kSafetensorsEndings,
        .magic = is_safetensors,
        .read = read_safetensors,
        .holds_weights = true,
    },
    {.id = "gguf", .endings = kGgufEndings, .magic = is_gguf, .holds_weights = true},
    {.id = "pickle", .endings = kPickleEndings, .holds_weights = true},
};

}  // namespace

std::span<const FileFormat> file_formats() { return kFormats; }

const FileFormat* find_format(const File& file, std::span<const FileFormat> formats) {
  for (const FileFormat& format : formats) {
    if (format.magic && format.magic(file.bytes.span())) return &format;
  }
  return find_format(file.name, formats);
}

const FileFormat* find_format(std::string_view path, std::span<const FileFormat> formats) {
  for (const FileFormat& format : formats) {
    for (const std::string_view ending : format.endings) {
      if (path.ends_with(ending)) return &format;
    }
  }
  return nullptr;
}

bool is_weights(const FileFormat* format) {
  return format && format->holds_weights && format->read;
}

Result<NamedTensors> read_tensors(const File& file, std::span<const FileFormat> formats) {
  const FileFormat* format = find_format(file, formats);
  if (format && format->read) return format->read(file);
  return Error{std::string(base_name(file.name)) +
               ": this weight format is not supported; use the model.safetensors of the same "
               "model"};
}

}  // namespace attn
