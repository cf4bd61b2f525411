#include "platform/guard.h"

#include <imgui_internal.h>

#include <utility>

#include "platform/platform.h"

namespace attn::platform {
namespace {

int n_failed = 0;

// Dear ImGui checks no allocation, and is not made for exceptions: where there is no memory for it,
// this is let go, and found again once a frame is drawn. One larger than it throws all the same.
constexpr size_t kReserve = 1 << 20;
void* reserve = nullptr;

void* allocate(size_t size, void*) {
  if (void* memory = ::operator new(size, std::nothrow)) return memory;
  ::operator delete(std::exchange(reserve, nullptr));
  return ::operator new(size);
}

}  // namespace

void guard_imgui() {
  forget_failures();
  ImGui::SetAllocatorFunctions(allocate, [](void* memory, void*) { ::operator delete(memory); });
}

// Not by EndFrame(), which allocates, and finds fault with each window that is open. The next
// NewFrame() empties all stacks but those emptied here, and the next Begin() of a window all that
// is its own.
void abandon_frame() {
  ImGuiContext& g = *ImGui::GetCurrentContext();
  g.IO.UserData = nullptr;  // what the hooks read is gone
  g.FrameCountEnded = g.FrameCount;
  g.WithinFrameScope = g.WithinFrameScopeWithImplicitWindow = false;
  g.WithinEndChildID = 0;
  g.CurrentWindowStack.resize(0);
  g.CurrentWindow = nullptr;
  ImGui::PopStyleColor(g.ColorStack.Size);
  ImGui::PopStyleVar(g.StyleVarStack.Size);
  if (g.DisabledStackSize > 0) g.Style.Alpha = g.DisabledAlphaBackup;
  g.DisabledStackSize = 0;
  if (g.FontStack.Size > 0) g.Style.FontSizeBase = g.FontStack[0].FontSizeBeforeScaling;
  g.FontStack.resize(0);
  g.FocusScopeStack.resize(0);
  g.TreeNodeStack.resize(0);
  g.CurrentTable = nullptr;
  g.TablesTempDataStacked = 0;
  g.CurrentTabBar = nullptr;
  g.CurrentTabBarStack.resize(0);
  g.ClipperTempDataStacked = 0;
  g.BeginMenuDepth = g.BeginComboDepth = 0;
  g.NextWindowData.ClearFlags();
  g.NextItemData.ClearFlags();
  g.ActiveIdIsAlive = g.ActiveId;  // what is dragged or typed in may not have been drawn
  // What was pressed has had its effect or lost it.
  g.IO.MouseWheel = g.IO.MouseWheelH = 0;
  g.IO.InputQueueCharacters.resize(0);
}

void count_failure() { ++n_failed; }
void forget_failures() {
  if (!reserve) reserve = ::operator new(kReserve, std::nothrow);
  n_failed = reserve ? 0 : 1;
}
int frames_failed() { return n_failed; }

}  // namespace attn::platform
