// formats.h - the file formats of tensors, one row each: the only list of them.
#pragma once

#include <span>
#include <string_view>

#include "files/named_tensors.h"

namespace attn {

struct TokenizerRecords;  // text/tokenizer_records.h

struct FileFormat {
  const char* id = "";                        // its usual name: "safetensors"
  std::span<const std::string_view> endings;  // of files' names: ".safetensors"
  // Whether the bytes begin as files of this format do; null where nothing marks them.
  bool (*magic)(std::span<const uint8_t> bytes) = nullptr;
  // Checks the file and lists what is in it. Null: a format that we recognize but don't read.
  Result<NamedTensors> (*read)(const File& file) = nullptr;
  bool holds_weights = false;  // models are saved in it; if not, only arrays are
  // Of a format whose metadata describes the model: its configuration, in the words of config.json,
  // and its tokenizer. Null where these are files by themselves, which also come first if they are
  // there. Errors begin with the file's name.
  Result<Json> (*config)(const NamedTensors& file) = nullptr;
  Result<TokenizerRecords> (*tokenizer)(const NamedTensors& file) = nullptr;
};

// Adding a format is a page that reads it and a row here.
std::span<const FileFormat> file_formats();

// The format of a file: the one whose magic it has, whatever its name, else the one its name ends
// in. Null if there is none.
const FileFormat* find_format(const File& file,
                              std::span<const FileFormat> formats = file_formats());
// The same by the name alone, where the bytes are not there yet.
const FileFormat* find_format(std::string_view path,
                              std::span<const FileFormat> formats = file_formats());

// Whether models have weights in files of this format and we read it. Null is no format.
bool is_weights(const FileFormat* format);

// Reads a file in its own format. An error if it has none that is read.
Result<NamedTensors> read_tensors(const File& file,
                                  std::span<const FileFormat> formats = file_formats());

}  // namespace attn
