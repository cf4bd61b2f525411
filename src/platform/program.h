// program.h - state shared by the platform's files: the window, its frames and its callbacks.
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

// There is one window, one canvas and one address, and their callbacks come from C, so this single
// object holds all state of the platform.
struct Program {
  SDL_Window* window = nullptr;
  void* context = nullptr;  // SDL_GLContext
  std::function<FrameEnd()> frame;
  Size view = {1, 1, 1};  // in the browser: of the current frame
  Schedule schedule;
  std::atomic<bool> woken{false};
  bool closed = false;  // the window is to close
  int n_frames = 0;     // shown so far
  int n_contexts = 0;   // OpenGL contexts so far; textures of earlier ones are gone
  std::vector<std::function<void()>> after_frame;  // run once, after the commands were submitted
  std::function<void()> before_swap;               // may read back the finished frame

  TakeFiles dropped;
  std::function<void(uint64_t bytes)> make_room;
  std::function<void(std::string)> query_changed;
  std::function<std::string(const std::string&)> answer;

  // On the desktop.
  std::vector<std::string> dropped_paths;  // of an unfinished drop
  std::string query;                       // takes the place of the address
};
Program& program();

double now_ms();

// Common to browser and desktop (window.cpp).
bool open_window(const char* title);
// Processes pending events and draws. False if the window was closed.
bool draw_frame();

// Fingers (touch.cpp): their events; and at the begin and end of a frame.
void touch_event(const SDL_Event& event);
void begin_touch();
void end_touch();

// Implemented per platform.
void start_frame();                         // before the interface is drawn
void end_frame();                           // after it, before it is shown
void handle_event(const SDL_Event& event);  // events that Dear ImGui does not handle

}  // namespace attn::platform
