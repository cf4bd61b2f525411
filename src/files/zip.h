// zip.h - writes zip archives entry by entry; only zip.cpp depends on the library.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/byte_sink.h"

namespace attn {

// Entries are stored, not compressed, and dated 1980-01-01, so that equal contents give equal
// files. The sink must be empty at first.
class ZipWriter {
 public:
  explicit ZipWriter(ByteSink& sink);
  ~ZipWriter();

  // `content` may write but not overwrite.
  void add(const std::string& name, const std::function<void(ByteSink&)>& content);
  // Writes the directory, which completes the archive. An error if an entry or the archive exceeds
  // the 4 GB of the plain format, or for want of memory. Failures of the sink are not reported;
  // what it throws comes out of here and of add().
  Status finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace attn
