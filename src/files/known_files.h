// known_files.h - files that are no model, named for what they are, and what to do with each.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace attn {

struct KnownFile {
  using Texts = std::array<std::string_view, 5>;  // those that are not empty

  const char* what = "";  // "a PNG picture"
  Texts endings = {};     // ".png"
  // The first bytes, at `offset`; several if a file may begin with any of them.
  Texts magics = {};
  size_t offset = 0;
  // For ZIP archives: how the name of the first file inside ends.
  std::string_view inside = {};
  // Others begin with the same bytes and are told apart by their ending.
  bool may_be_others = false;
  const char* advice = "";  // "use the model.safetensors of the same model"
  bool holds_weights = false;
  bool is_archive = false;  // of files, which are read (model/unpack.h)
};

// To name another kind of file, add a row.
std::span<const KnownFile> known_files();

// What a file is, by its first bytes, else by its ending; null if unknown, or a format that is
// read. `bytes`: at least the first kEnoughBytes, or all.
constexpr size_t kEnoughBytes = 512;
const KnownFile* known_file(std::string_view name, std::span<const uint8_t> bytes);
// The same by its first bytes only.
const KnownFile* known_content(std::span<const uint8_t> bytes);

// "cat.png: a PNG picture, not a model; …". For unknown files: which files make a model.
Error not_a_model(const File& file);
// Whether a file is a text to read: .txt or .md, not empty, UTF-8, and no part of a tokenizer.
bool is_plain_text(const File& file);

}  // namespace attn
