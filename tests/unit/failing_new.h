// failing_new.h - makes one allocation of this thread fail, as SQLite's tests do.
#pragma once

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
};

}  // namespace attn
