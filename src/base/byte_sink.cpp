#include "base/byte_sink.h"

#include <cstdio>
#include <cstring>
#include <fstream>

namespace attn {

void ByteSink::write(const void* data, size_t size) {
  if (failed_ || size == 0) return;
  failed_ = !put_(size_, data, size);
  if (!failed_) size_ += size;
}

void ByteSink::rewrite(uint64_t at, const void* data, size_t size) {
  assert(failed_ || at + size <= size_);
  if (!failed_ && size > 0) failed_ = !put_(at, data, size);
}

std::string written(const std::function<void(ByteSink&)>& content) {
  std::string out;
  ByteSink sink([&out](uint64_t at, const void* data, size_t size) {
    if (at == out.size())
      out.append(static_cast<const char*>(data), size);
    else
      std::memcpy(out.data() + at, data, size);
    return true;
  });
  content(sink);
  return out;
}

Status write_file(const std::string& path, const std::function<Status(ByteSink&)>& content) {
  Error not_written{
      path + ": could not be written; check that the folder exists and the disk is not full"};
  std::ofstream file(path, std::ios::binary);
  if (!file) return not_written;
  uint64_t end = 0;  // seeking flushes the stream's buffer, so it is done only where needed
  ByteSink sink([&](uint64_t at, const void* data, size_t size) {
    if (at != end) file.seekp(std::streamoff(at));
    file.write(static_cast<const char*>(data), std::streamsize(size));
    if (at != end) file.seekp(std::streamoff(end));
    if (at == end) end += size;
    return bool(file);
  });
  Status status = content(sink);
  file.close();
  if (!status && (sink.failed() || !file)) status = not_written;
  if (status) std::remove(path.c_str());  // a partial file is worse than none
  return status;
}

}  // namespace attn
