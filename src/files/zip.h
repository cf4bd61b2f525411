// zip.h - zip archives, written entry by entry; the only file that knows which library does it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/byte_sink.h"

namespace attn {

// Entries are stored, not compressed, and dated 1980-01-01, so that equal contents are equal files.
// The sink must be empty at the beginning.
class ZipWriter {
 public:
  explicit ZipWriter(ByteSink& sink);
  ~ZipWriter();

  // `content` may write and not rewrite.
  void add(const std::string& name, const std::function<void(ByteSink&)>& content);
  // The archive's directory, without which it is none. An error where an entry or the archive
  // would pass the 4 GB of the plain format. Failures of the sink stay the sink's.
  Status finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace attn
