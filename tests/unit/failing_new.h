// failing_new.h - makes one allocation of this thread fail, as SQLite's tests do.
#pragma once

#include <cstddef>
#include <cstdint>

namespace attn {

#ifdef __has_feature
#define ATTNSCOPE_COUNTS_NEW !__has_feature(thread_sanitizer)  // which has operators of its own
#else
#define ATTNSCOPE_COUNTS_NEW 1
#endif

// While it lives, allocations of this thread are counted, and the n-th (from 0) throws
// std::bad_alloc. One at a time.
class FailingNew {
 public:
  explicit FailingNew(int64_t n);
  ~FailingNew();
  FailingNew(const FailingNew&) = delete;

  bool has_failed() const;
  int64_t n_counted() const;  // before it failed

 private:
  int64_t n_;
};

// While it lives, every allocation of this thread of more than `most` bytes fails.
class LimitedNew {
 public:
  explicit LimitedNew(size_t most);
  ~LimitedNew();
  LimitedNew(const LimitedNew&) = delete;

  int n_failed() const;
};

// While it lives, this thread's allocations neither count nor fail: those of a test itself.
class UncountedNew {
 public:
  UncountedNew();
  ~UncountedNew();
  UncountedNew(const UncountedNew&) = delete;

 private:
  int64_t left_;
  size_t most_;
};

}  // namespace attn
