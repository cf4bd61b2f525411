#include "base/bytes.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <new>

namespace attn {

bool ByteBuffer::resize(uint64_t size) {
  constexpr std::align_val_t kAlign{64};
  if (size > room_) {
    if (size > PTRDIFF_MAX) return false;
    auto* memory = static_cast<uint8_t*>(::operator new(size_t(size), kAlign, std::nothrow));
    if (!memory) return false;
    if (size_ > 0) std::memcpy(memory, data(), size_);
    memory_ = {memory, [](uint8_t* p) { ::operator delete(p, kAlign); }};
    room_ = size_t(size);
  }
  size_ = size_t(size);
  return true;
}

std::shared_ptr<uint8_t> Bytes::take() {
  if (memory_.use_count() != 1) return nullptr;
  std::atomic_thread_fence(std::memory_order_acquire);  // earlier holders have finished reading
  size_ = 0;
  return std::move(memory_);
}

std::string human_bytes(uint64_t n) {
  if (n < 1000) return std::to_string(n) + " B";
  static const char* const kUnits[] = {"KB", "MB", "GB", "TB", "PB", "EB"};
  double value = double(n) / 1000;
  int unit = 0;
  while (value >= 999.5 && unit < 5) {
    value /= 1000;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, value < 99.95 ? "%.1f %s" : "%.0f %s", value, kUnits[unit]);
  return text;
}

}  // namespace attn
