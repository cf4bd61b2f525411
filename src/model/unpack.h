// unpack.h - the files of a model in an archive.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace attn {

// Zip, tar, or tar in gzip, by the first bytes, unless it is a format that is read as it is.
bool is_archive(const File& file);

// Whether a file of this name may be part of a model: its weights, JSON, vocabularies. Others in a
// folder or an archive are not read.
bool is_of_a_model(std::string_view path);

// Takes the files of a model from an archive, of which others are left where they are.
class Unpacking {
 public:
  // `room`: bytes that what is unpacked may take.
  Unpacking(File archive, uint64_t room);
  ~Unpacking();

  int n_steps() const;  // about
  bool step();          // of about a megabyte; false: that was the last
  // Named as if the archive had been unpacked to a folder of its name. Errors begin with the
  // archive's name: it is damaged or cut short, does not fit, or has no file of a model.
  Result<std::vector<File>> take();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace attn
