// failing_new.cpp - operator new of the tests, which counts.
#include "failing_new.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

namespace {

constexpr int64_t kNone = -1;
thread_local int64_t left = kNone;  // allocations until the one that fails
thread_local bool failed = false;
thread_local std::size_t most = SIZE_MAX;  // bytes of an allocation
thread_local int n_larger = 0;

[[maybe_unused]] void* allocate(std::size_t size, std::size_t align) {
  if (left == 0) {
    left = kNone;
    failed = true;
    throw std::bad_alloc();
  }
  if (left > 0) --left;
  if (size > most) {
    ++n_larger;
    throw std::bad_alloc();
  }
  size = size > 0 ? size : 1;
  void* const memory = align <= alignof(std::max_align_t)
                           ? std::malloc(size)
                           : std::aligned_alloc(align, (size + align - 1) / align * align);
  if (!memory) throw std::bad_alloc();
  return memory;
}

[[maybe_unused]] void* allocate_or_null(std::size_t size, std::size_t align) noexcept {
  try {
    return allocate(size, align);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

}  // namespace

#if ATTNSCOPE_COUNTS_NEW
// NOLINTBEGIN(misc-new-delete-overloads)
void* operator new(std::size_t size) { return allocate(size, 1); }
void* operator new[](std::size_t size) { return allocate(size, 1); }
void* operator new(std::size_t size, std::align_val_t align) {
  return allocate(size, std::size_t(align));
}
void* operator new[](std::size_t size, std::align_val_t align) {
  return allocate(size, std::size_t(align));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return allocate_or_null(size, 1);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return allocate_or_null(size, 1);
}
void* operator new(std::size_t size, std::align_val_t align, const std::nothrow_t&) noexcept {
  return allocate_or_null(size, std::size_t(align));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
// NOLINTEND(misc-new-delete-overloads)
#endif

namespace attn {

FailingNew::FailingNew(int64_t n) : n_(n) {
  failed = false;
  left = n;
}
FailingNew::~FailingNew() { left = kNone; }
bool FailingNew::has_failed() const { return failed; }
int64_t FailingNew::n_counted() const { return failed ? n_ : n_ - left; }

LimitedNew::LimitedNew(size_t bytes) {
  n_larger = 0;
  most = bytes;
}
LimitedNew::~LimitedNew() { most = SIZE_MAX; }
int LimitedNew::n_failed() const { return n_larger; }

UncountedNew::UncountedNew()
    : left_(std::exchange(left, kNone)), most_(std::exchange(most, SIZE_MAX)) {}
UncountedNew::~UncountedNew() {
  left = left_;
  most = most_;
}

}  // namespace attn
