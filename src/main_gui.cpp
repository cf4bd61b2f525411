// main_gui.cpp - the window program, for the desktop and for the page: attnscope-gui [DIR]
#include <memory>

#include "app/read_folder.h"
#include "platform/platform.h"
#include "ui/opening.h"

namespace {

using namespace attn;

// What reads a path would bring the standard library's streams into the page.
void open_folder([[maybe_unused]] Program& program, [[maybe_unused]] const char* path) {
  if constexpr (platform::kHasPaths) program.session.open_read(read_folder(path));
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
