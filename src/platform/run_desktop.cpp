// run_desktop.cpp - the loop of the desktop program: sleeps until something happens.
#include <SDL.h>
#include <imgui.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "platform/gl.h"
#include "platform/program.h"

namespace attn::platform {
namespace {

// ATTNSCOPE_SCREENSHOT=FILE[:SECONDS] writes the window as a PPM picture once it is idle, or after
// this many seconds, and quits; for tests on machines without a screen.
struct Screenshot {
  std::string file;
  double seconds = 20;
};

Screenshot wanted_screenshot() {
  const char* value = std::getenv("ATTNSCOPE_SCREENSHOT");
  Screenshot shot{value ? value : ""};
  const size_t colon = shot.file.rfind(':');
  if (colon == std::string::npos) return shot;
  shot.seconds = std::atof(shot.file.c_str() + colon + 1);
  shot.file.resize(colon);
  return shot;
}

bool write_screenshot(const std::string& name) {
  const Size view = size();
  const int width = int(view.width * view.scale), height = int(view.height * view.scale);
  std::vector<uint8_t> rgb(size_t(width) * size_t(height) * 3);
  glPixelStorei(GL_PACK_ALIGNMENT, 1);
  glReadPixels(0, 0, width, height, GL_RGB, GL_UNSIGNED_BYTE, rgb.data());
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(name.c_str(), "wb"), std::fclose);
  if (!file) return false;
  std::fprintf(file.get(), "P6\n%d %d\n255\n", width, height);
  const size_t row = size_t(width) * 3;
  for (int y = height - 1; y >= 0; --y)
    if (std::fwrite(&rgb[size_t(y) * row], 1, row, file.get()) != row) return false;
  return true;
}

// Waits until the next frame is due or an event arrives.
void rest() {
  const double wait_ms = program().schedule.due_ms() - now_ms();
  if (wait_ms <= 0) return;
  SDL_WaitEventTimeout(nullptr, int(std::min(wait_ms, 1e6)) + 1);
}

int draw_until_still(const Screenshot& shot) {
  constexpr double kStill_ms = 700;
  const double start_ms = now_ms();
  double still_since_ms = start_ms;
  while (now_ms() - start_ms < shot.seconds * 1000 && now_ms() - still_since_ms < kStill_ms) {
    if (program().schedule.due_ms() <= now_ms()) still_since_ms = now_ms();
    if (!draw_frame()) return 1;
    SDL_Delay(10);
  }
  program().before_swap = [&] {
    if (write_screenshot(shot.file)) return;
    std::fprintf(stderr, "attnscope: %s: could not be written\n", shot.file.c_str());
  };
  draw_frame();
  return 0;
}

}  // namespace

int run(const char* title, std::function<FrameEnd()> frame) {
  program().frame = std::move(frame);
  if (!open_window(title)) return 1;
  SDL_GL_SetSwapInterval(1);
  SDL_EventState(SDL_DROPFILE, SDL_ENABLE);
  int result = 0;
  if (const Screenshot shot = wanted_screenshot(); !shot.file.empty()) {
    result = draw_until_still(shot);
  } else {
    while (draw_frame()) rest();
  }
  program().frame = {};  // destroy what it owns before the window
  SDL_Quit();
  return result;
}

void wake() {
  if (program().woken.exchange(true)) return;
  SDL_Event event{};
  event.type = SDL_USEREVENT;
  SDL_PushEvent(&event);
}

Size size() {
  int width = 1, height = 1, pixels = 1;
  SDL_GetWindowSize(program().window, &width, &height);
  SDL_GL_GetDrawableSize(program().window, &pixels, nullptr);
  return {float(width), float(height), width > 0 ? float(pixels) / float(width) : 1};
}

}  // namespace attn::platform
