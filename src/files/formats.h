// formats.h - the table of tensor file formats, one row each.
#pragma once

#include <span>
#include <string_view>

#include "files/named_tensors.h"

namespace attn {

struct TokenizerRecords;  // text/tokenizer_records.h

struct FileFormat {
  const char* id = "";                        // its usual name: "safetensors"
  std::span<const std::string_view> endings;  // of files' names: ".safetensors"
  // Whether the bytes start like a file of this format; null if the format has no signature.
  bool (*magic)(std::span<const uint8_t> bytes) = nullptr;
  // Checks the file and lists its tensors. Null: recognized but not supported.
  Result<NamedTensors> (*read)(const File& file) = nullptr;
  bool holds_weights = false;  // models are saved in it; if not, only arrays are
  // How the one file of a model is usually called, without its ending.
  const char* stem = "model";
  // For formats whose metadata describes the model: its configuration with the fields of
  // config.json, or null where this file's does not, and its tokenizer. Null if these are separate
  // files, which take precedence where they exist. Errors begin with the file's name.
  Result<Json> (*config)(const NamedTensors& file) = nullptr;
  Result<TokenizerRecords> (*tokenizer)(const NamedTensors& file) = nullptr;
  // For formats with names of tensors of their own, after all files were read and before they are
  // used: checks that these are all parts of the model, and renames the tensors. Such files have
  // every matrix [d_out, d_in] and the weights of norms as they are multiplied, and describe
  // themselves better than a config.json beside them, which is not read.
  Status (*join)(std::vector<NamedTensors>& files) = nullptr;
  // Whether rows of q and k are in the order of pairs that are rotated together; null: never.
  bool (*pairs_rows)(const NamedTensors& file) = nullptr;
};

// To add a format, write its reader in a file of its own and add a row.
std::span<const FileFormat> file_formats();

// The format of a file, by its signature, else by its extension. Null if unknown.
const FileFormat* find_format(const File& file,
                              std::span<const FileFormat> formats = file_formats());
// The same by name only, before the bytes are available.
const FileFormat* find_format(std::string_view path,
                              std::span<const FileFormat> formats = file_formats());

// Whether the format holds model weights and is supported; false for null.
bool is_weights(const FileFormat* format);

// Whether a file without a configuration may hold weights: by its first bytes, or by a name that
// its bytes do not belie.
bool may_hold_weights(const File& file);

// Reads a file in its format; an error if the format is not supported.
Result<NamedTensors> read_tensors(const File& file,
                                  std::span<const FileFormat> formats = file_formats());

}  // namespace attn
