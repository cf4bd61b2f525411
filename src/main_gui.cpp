// main_gui.cpp - the window program, for the desktop and for the page: attnscope-gui [DIR]
#include <chrono>
#include <memory>

#include "app/read_folder.h"
#include "platform/platform.h"
#include "ui/opening.h"

namespace {

using namespace attn;

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kWork(8);

// What reads a path would bring the standard library's streams into the page.
void open_folder([[maybe_unused]] Program& program, [[maybe_unused]] const char* path) {
  if constexpr (platform::kHasPaths) program.session.open_read(read_folder(path));
}

// Starts what is missing and delivers what is finished; without threads, works for some
// milliseconds.
void work(Program& program) {
  const auto end = Clock::now() + kWork;
  for (;;) {
    program.session.want(wish(program));
    const std::chrono::duration<double, std::milli> left = end - Clock::now();
    if (left.count() <= 0 || !program.session.pump(left.count())) return;
  }
}

platform::FrameEnd frame(Program& program) {
  work(program);
  follow_opening(program);
  const State drawn = program.state;
  const double more_ms = draw_window(*program.ui, program.session, program.state, program.history);
  settle(program);
  const Snapshot& snap = program.session.snapshot();
  const auto trace = snap.trace;
  const auto map = snap.map;
  if (!(program.state == drawn)) work(program);  // a frame sooner
  using enum platform::FrameEnd::Show;
  return {more_ms, holds_frame(program)                     ? later
                   : snap.trace != trace || snap.map != map ? again
                                                            : now};
}

}  // namespace

int main(int argc, char** argv) {
  const char* folder = argc > 1 ? argv[1] : nullptr;
  auto program = std::make_shared<Program>();
  return platform::run("attnscope", [program, folder, open = false]() mutable {
    if (!open) {
      open_program(*program);
      if (folder) open_folder(*program, folder);
      open = true;
    }
    return frame(*program);
  });
}
