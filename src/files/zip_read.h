// zip_read.h - what a zip archive has, and where; only zip_read.cpp depends on the library.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace attn {

struct ZipEntry {
  std::string name;                // with folders: "archive/data/0"
  bool stored = false;             // not compressed
  bool encrypted = false;          // and neither is of use
  int method = 0;                  // 0: stored, 8: deflated; others are not read here
  uint64_t size = 0;               // of the content
  uint32_t crc = 0;                // of the content
  std::span<const uint8_t> bytes;  // of the archive; of an entry that is stored, its content
};

// The entries in the archive's order, without folders. Errors begin with the file's name. The sum
// of their bytes may exceed the archive's, for entries may overlap.
Result<std::vector<ZipEntry>> list_zip(const File& file);

// Whether the bytes start like an archive.
bool is_zip(std::span<const uint8_t> bytes);

}  // namespace attn
