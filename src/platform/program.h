// program.h - what the platform's files share: the one window, its frames, and what was asked of
// it.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "platform/platform.h"
#include "platform/schedule.h"

struct SDL_Window;
union SDL_Event;

namespace attn::platform {

// There is one window, one canvas and one address, and their callbacks come from C: so this one
// object is the floor's only state.
struct Program {
  SDL_Window* window = nullptr;
  void* context = nullptr;  // SDL_GLContext
  std::function<FrameEnd()> frame;
  Size view = {1, 1, 1};  // in the browser, of the frame being drawn
  Schedule schedule;
  std::atomic<bool> woken{false};
  int n_frames = 0;    // shown so far
  int n_contexts = 0;  // of OpenGL, so far; textures of an earlier one are gone
  std::vector<std::function<void()>> after_frame;  // run once, when the GPU has its commands
  std::function<void()> before_swap;               // may read the finished picture

  TakeFiles dropped;
  std::function<void(std::string)> query_changed;
  std::function<std::string(const std::string&)> answer;

  // On the desktop.
  std::vector<std::string> dropped_paths;  // of a drop that is not complete
  std::string query;                       // stands for the address
};
Program& program();

double now_ms();

// Common to browser and desktop (window.cpp).
bool open_window(const char* title);
// Takes the waiting events and draws. False when the window was closed.
bool draw_frame();

// One for each platform.
void start_frame();                         // before the interface is drawn
void end_frame();                           // after it, before it is shown
void handle_event(const SDL_Event& event);  // those that Dear ImGui has no use for

}  // namespace attn::platform
