// memory.h - work that may find the memory used up.
#pragma once

#include <new>

namespace attn {

// False where the memory ran out in `what`.
template <class F>
bool has_memory(F&& what) {
  try {
    what();
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

}  // namespace attn
