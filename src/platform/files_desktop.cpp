// files_desktop.cpp - files from disk: dropped, chosen, or from the program's data folder.
#include <SDL.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <utility>

#include "app/read_folder.h"
#include "base/file_set.h"
#include "platform/program.h"

namespace attn::platform {
namespace {

namespace fs = std::filesystem;

void say(const std::string& sentence) {
  std::fprintf(stderr, "attnscope: %s\n", sentence.c_str());
  SDL_ShowSimpleMessageBox(SDL_MESSAGEBOX_ERROR, "attnscope", sentence.c_str(), program().window);
}

Result<std::vector<File>> read_paths(const std::vector<std::string>& paths) {
  std::vector<File> files;
  for (const std::string& path : paths) {
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) {
      Result<std::vector<File>> folder = read_folder(path);
      if (!folder) return folder.error();
      for (File& file : *folder) files.push_back(std::move(file));
      continue;
    }
    Result<Bytes> bytes = read_file(path);
    if (!bytes) return bytes.error();
    files.push_back({fs::path(path).filename().string(), *std::move(bytes)});
  }
  return files;
}

void deliver(const std::vector<std::string>& paths, const TakeFiles& then) {
  if (paths.empty() || !then) return;
  then(read_paths(paths));
  wake();
}

// The lines that a file dialog printed; none if it was cancelled.
std::vector<std::string> run_dialog(const char* command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> output(popen(command, "r"), pclose);
  std::vector<std::string> lines(1);
  if (!output) return {};
  for (int c; (c = std::fgetc(output.get())) != EOF;) {
    if (c == '\n') {
      lines.emplace_back();
    } else {
      lines.back() += char(c);
    }
  }
  if (lines.back().empty()) lines.pop_back();
  return lines;
}

bool has_program(const char* name) {
  return std::system((std::string("command -v ") + name + " >/dev/null 2>&1").c_str()) == 0;
}

// The folder from which fetch() serves what the page gets from its server.
fs::path data_folder() {
  if (const char* given = std::getenv("ATTNSCOPE_DATA")) return given;
  const std::unique_ptr<char, void (*)(void*)> base(SDL_GetBasePath(), SDL_free);
  fs::path installed = fs::path(base ? base.get() : ".") / "../share/attnscope";
#ifdef ATTNSCOPE_SOURCE_DIR
  std::error_code ignored;
  if (!fs::exists(installed, ignored)) return fs::path(ATTNSCOPE_SOURCE_DIR) / "web";
#endif
  return installed;
}

}  // namespace

void on_drop(TakeFiles then) { program().dropped = std::move(then); }

void on_room(std::function<void(uint64_t)> make) { program().make_room = std::move(make); }

void handle_event(const SDL_Event& event) {
  auto& paths = program().dropped_paths;
  if (event.type == SDL_DROPFILE) {
    paths.emplace_back(event.drop.file);
    SDL_free(event.drop.file);
  } else if (event.type == SDL_DROPCOMPLETE) {
    deliver(std::exchange(paths, {}), program().dropped);
  }
}

void pick_files(bool folder, TakeFiles then) {
  if (has_program("zenity")) {
    deliver(run_dialog(folder ? "zenity --file-selection --directory"
                              : "zenity --file-selection --multiple --separator='\n'"),
            then);
  } else if (has_program("kdialog")) {
    deliver(run_dialog(folder ? "kdialog --getexistingdirectory ."
                              : "kdialog --getopenfilename . --multiple --separate-output"),
            then);
  } else {
    say("No file dialog found (zenity or kdialog): drop the model's folder onto the window, "
        "or pass it to attnscope-gui");
  }
}

void fetch(const std::string& path, std::function<void(float)> progress,
           std::function<void(Result<Bytes>)> then) {
  Result<Bytes> bytes = read_file((data_folder() / path).string());
  if (progress) progress(1);
  then(std::move(bytes));
  wake();
}

void save_file(const std::string& name, const std::string& contents) {
  const auto write = [&](ByteSink& sink) -> Status {
    sink.write(contents);
    return {};
  };
  if (const Status wrong = write_file(name, write)) say(wrong->message);
}

}  // namespace attn::platform
