// file_set.h - files that are written whole, together, or not at all.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/byte_sink.h"

namespace attn {

// Each file is written under another name in its folder; finish() gives all of them theirs. What
// was not finished is removed, and what stood there before stays. Devices and pipes, which cannot
// be replaced, are written at once.
class FileSet {
 public:
  FileSet() = default;
  ~FileSet();
  FileSet(const FileSet&) = delete;
  FileSet& operator=(const FileSet&) = delete;

  // An error of `content`, or one that names `path` and what the system said.
  Status add(const std::string& path, const std::function<Status(ByteSink&)>& content);
  Status finish();

  // Removes what all sets have begun; for a signal handler that ends the program.
  static void remove_unfinished() noexcept;

 private:
  struct Pending {
    std::string path, unfinished;
    int slot;  // in the list for signals
  };
  std::vector<Pending> pending_;
};

// A set of one file.
Status write_file(const std::string& path, const std::function<Status(ByteSink&)>& content);

}  // namespace attn
