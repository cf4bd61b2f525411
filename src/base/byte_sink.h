// byte_sink.h - where writers of files put their bytes: into memory, a file, or anything else.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace attn {

// Takes bytes in order, a piece at a time, so that nobody needs to hold a whole file. A failure is
// kept: what is written after it is dropped, and whoever opened the sink reports it.
class ByteSink {
 public:
  // Puts `size` bytes at `at`, which is at the end or within what was put there before. False: no
  // room, or whatever else was wrong.
  using Put = std::function<bool(uint64_t at, const void* data, size_t size)>;
  explicit ByteSink(Put put) : put_(std::move(put)) {}

  void write(const void* data, size_t size);  // at the end
  void write(std::string_view text) { write(text.data(), text.size()); }
  // Over bytes that were written before, for sizes and checksums that are known only later.
  void rewrite(uint64_t at, const void* data, size_t size);

  uint64_t size() const { return size_; }
  bool failed() const { return failed_; }

 private:
  Put put_;
  uint64_t size_ = 0;
  bool failed_ = false;
};

// `content` as a string.
std::string written(const std::function<void(ByteSink&)>& content);

// `content` as a file. An error of it, or of the disk, leaves no file behind.
Status write_file(const std::string& path, const std::function<Status(ByteSink&)>& content);

}  // namespace attn
