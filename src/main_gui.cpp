// main_gui.cpp - the window program, for the desktop and for the page: attnscope-gui [DIR]
#include <memory>

#include "app/read_folder.h"
#include "platform/platform.h"
#include "ui/opening.h"

namespace {

using namespace attn;

void open_folder(Program& program, const char* path) {
  Result<std::vector<File>> files = read_folder(path);
  if (files)
    program.session.open(std::move(*files));
  else
    show_error(*program.ui, files.error().message);
}

// Milliseconds until another frame is wanted even when nothing happens.
double frame(Program& program) {
  program.session.pump();
  program.session.want(wish(program));
  follow_opening(program);
  const State drawn = program.state;
  const double more_ms = draw_window(*program.ui, program.session, program.state, program.history);
  settle(program);
  if (!(program.state == drawn)) program.session.want(wish(program));  // a frame sooner
  return more_ms;
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
