// byte_sink.h - output for writers of files: memory, a file, or anything else.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace attn {

// Takes bytes piece by piece, so that no writer needs to hold a whole file. A failure is
// remembered: later writes are dropped, and the sink's owner reports the error.
class ByteSink {
 public:
  // Writes `size` bytes at offset `at`, which is at most the current end. False on any failure.
  using Put = std::function<bool(uint64_t at, const void* data, size_t size)>;
  explicit ByteSink(Put put) : put_(std::move(put)) {}

  void write(const void* data, size_t size);  // at the end
  void write(std::string_view text) { write(text.data(), text.size()); }
  // Overwrites earlier bytes, for sizes and checksums that are known only later.
  void rewrite(uint64_t at, const void* data, size_t size);

  uint64_t size() const { return size_; }
  bool failed() const { return failed_; }

 private:
  Put put_;
  uint64_t size_ = 0;
  bool failed_ = false;
};

// The output of `content` as a string.
std::string written(const std::function<void(ByteSink&)>& content);

}  // namespace attn
