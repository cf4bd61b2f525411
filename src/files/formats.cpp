#include "files/formats.h"

#include <algorithm>

#include "files/gguf.h"
#include "files/known_files.h"
#include "files/nanogpt.h"
#include "files/safetensors.h"
#include "files/torch_file.h"
#include "text/tokenizer_records.h"

namespace attn {

namespace {

constexpr std::string_view kSafetensorsEndings[] = {".safetensors"};
constexpr std::string_view kGgufEndings[] = {".gguf"};
constexpr std::string_view kPickleEndings[] = {".bin", ".pt", ".pth", ".ckpt"};

const FileFormat kFormats[] = {
    {
        .id = "safetensors",
        .endings = kSafetensorsEndings,
        .magic = is_safetensors,
        .read = read_safetensors,
        .holds_weights = true,
    },
    {
        .id = "gguf",
        .endings = kGgufEndings,
        .magic = is_gguf,
        .read = read_gguf,
        .holds_weights = true,
        .config = gguf_config,
        .tokenizer = gguf_tokenizer,
        .join = join_gguf,
        .pairs_rows = gguf_pairs_rows,
    },
    {
        .id = "pytorch",
        .endings = kPickleEndings,
        .magic = is_torch,
        .read = read_torch,
        .holds_weights = true,
        .stem = "pytorch_model",
        .config = nanogpt_config,
    },
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

bool may_hold_weights(const File& file) {
  const FileFormat* format = find_format(file);
  const std::span<const uint8_t> bytes = file.bytes.span();
  return is_weights(format) && ((format->magic && format->magic(bytes)) || !known_content(bytes));
}

Result<NamedTensors> read_tensors(const File& file, std::span<const FileFormat> formats) {
  const FileFormat* format = find_format(file, formats);
  const std::string name(base_name(file.name));
  if (format && format->read) {
    Result<NamedTensors> tensors = format->read(file);
    if (tensors || (format->magic && format->magic(file.bytes.span()))) return tensors;
    // Often something else is saved under the name of weights.
    const KnownFile* other = known_content(file.bytes.span());
    return other ? not_a_model(file) : tensors.error();
  }
  const KnownFile* known = known_file(file.name, file.bytes.span());
  return Error{name + ": this weight format is not supported" +
               (known ? std::string(" (") + known->what + "); " + known->advice
                      : "; use the model.safetensors of the same model")};
}

}  // namespace attn
