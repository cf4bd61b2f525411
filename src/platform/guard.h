// guard.h - what happens where the memory is used up within a frame or a callback.
#pragma once

#include "base/memory.h"

namespace attn::platform {

// Gives Dear ImGui memory from operator new and, where there is none, from a reserve: its own
// allocator returns null, which it does not check. Call it before its context is made.
void guard_imgui();
// Ends the frame of Dear ImGui that was begun, if any, wherever it was left, so that the next can
// begin. It must not be shown.
void abandon_frame();

void count_failure();
// A frame was drawn. Where the reserve was used for it, one failure remains to be said.
void forget_failures();

// False where the memory is used up, which frames_failed() counts.
template <class F>
bool guarded(F&& what) {
  const bool done = has_memory(what);
  if (!done) count_failure();
  return done;
}

}  // namespace attn::platform
