// failing_new.h - makes one allocation of this thread fail, as SQLite's tests do.
#pragma once

#include <cstdint>

namespace attn {

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
