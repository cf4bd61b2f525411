// run_web.cpp - frames in the browser, where the page calls for them.
#include <SDL.h>
#include <emscripten.h>
#include <imgui.h>
#include <imgui_impl_opengl3.h>

#include <cstdlib>
#include <string_view>
#include <utility>

#include "platform/guard.h"
#include "platform/page.h"
#include "platform/program.h"

// clang-format off: JavaScript
// The JavaScript side is in web/page.js, as methods of Module.page.
EM_JS(void, page_attach, (), { Module.page.attach(Module, () => wasmMemory.buffer); })
EM_JS(void, page_request_frame, (), { Module.page.requestFrame(); })
// Resizes the canvas to device pixels; out: [width, height, pixels per unit].
EM_JS(void, page_fit_canvas, (float* out), {
  HEAPF32.set(Module.page.fitCanvas(), out >>> 2);
})
EM_JS(void, page_end_boxes, (), { Module.page.endBoxes(); })
// clang-format on

extern "C" {

// SDL looks up OpenGL functions by name but never calls them; a real implementation costs 50 KB.
void* eglGetProcAddress(const char*) { return nullptr; }

// Dear ImGui's SDL backend needs game controllers, which this SDL was built without.
int SDL_NumJoysticks() { return 0; }
SDL_bool SDL_IsGameController(int) { return SDL_FALSE; }
SDL_GameController* SDL_GameControllerOpen(int) { return nullptr; }
void SDL_GameControllerClose(SDL_GameController*) {}
Uint8 SDL_GameControllerGetButton(SDL_GameController*, SDL_GameControllerButton) { return 0; }
Sint16 SDL_GameControllerGetAxis(SDL_GameController*, SDL_GameControllerAxis) { return 0; }

// Draws a frame; returns the milliseconds until the next is due, or -1 for never.
EMSCRIPTEN_KEEPALIVE double attn_frame() {
  using namespace attn::platform;
  draw_frame();
  const double due = program().schedule.due_ms();
  return due == Schedule::kNever ? -1 : due > now_ms() ? due - now_ms() : 0;
}

EMSCRIPTEN_KEEPALIVE int attn_frames_shown() { return attn::platform::program().n_frames; }

// The canvas lost focus: pressed keys will be released elsewhere.
EMSCRIPTEN_KEEPALIVE void attn_blur() {
  ImGui::GetIO().ClearInputKeys();
  SDL_ResetKeyboard();  // a modifier is released elsewhere
}

// A key pressed where the canvas does not see it; with Ctrl if `command`.
EMSCRIPTEN_KEEPALIVE void attn_key(const char* name, bool command) {
  using Key = std::pair<std::string_view, ImGuiKey>;
  static constexpr Key kKeys[] = {
      {"ArrowUp", ImGuiKey_UpArrow},
      {"ArrowDown", ImGuiKey_DownArrow},
      {"PageUp", ImGuiKey_PageUp},
      {"PageDown", ImGuiKey_PageDown},
      {"Enter", ImGuiKey_Enter},
      {"Escape", ImGuiKey_Escape},
      {"f", ImGuiKey_F},
      {"k", ImGuiKey_K},
  };
  ImGuiIO& io = ImGui::GetIO();
  attn::platform::guarded([&] {
    for (const Key& key : kKeys) {
      if (key.first != name) continue;
      if (command) io.AddKeyEvent(ImGuiMod_Ctrl, true);
      io.AddKeyEvent(key.second, true);
      io.AddKeyEvent(key.second, false);
      if (command) io.AddKeyEvent(ImGuiMod_Ctrl, false);
    }
  });
}

// Dear ImGui pastes on Ctrl+V, but the browser gives the text only in its paste event.
EMSCRIPTEN_KEEPALIVE void attn_paste(const char* text) {
  SDL_SetClipboardText(text);
  ImGuiIO& io = ImGui::GetIO();
  attn::platform::guarded([&] {
    for (const bool down : {true, false}) {
      io.AddKeyEvent(ImGuiMod_Ctrl, down);
      io.AddKeyEvent(ImGuiKey_V, down);
    }
  });
}

// After a lost context was restored: GPU objects are recreated when next needed.
EMSCRIPTEN_KEEPALIVE void attn_restore() {
  ImGui_ImplOpenGL3_DestroyDeviceObjects();
  ++attn::platform::program().n_contexts;
}

}  // extern "C"

namespace attn::platform {

std::string take_text(char* text) {
  std::string out = text ? text : "";
  std::free(text);
  return out;
}

int run(const char* title, std::function<FrameEnd()> frame) {
  program().frame = std::move(frame);
  if (!open_window(title)) return 1;
  SDL_AddEventWatch(
      [](void*, SDL_Event* event) {
        if (event->type != SDL_POLLSENTINEL) page_request_frame();  // sent by our own polling
        return 0;
      },
      nullptr);
  ImGui::GetPlatformIO().Platform_SetClipboardTextFn = [](ImGuiContext*, const char* text) {
    SDL_SetClipboardText(text);
    copy(text);
  };
  page_attach();
  page_request_frame();
  return 0;
}

void wake() {
  if (program().woken.exchange(true)) return;
  MAIN_THREAD_ASYNC_EM_ASM({ Module.page.requestFrame(); });
}

void start_frame() {
  float view[3] = {1, 1, 1};
  page_fit_canvas(view);
  program().view = {view[0], view[1], view[2]};
}

void end_frame() { page_end_boxes(); }

void handle_event(const SDL_Event& event) { touch_event(event); }

Size size() { return program().view; }

}  // namespace attn::platform
