#include "base/byte_sink.h"

#include <cstring>

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

}  // namespace attn
