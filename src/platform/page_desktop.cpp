// page_desktop.cpp - the desktop version of the page's services: settings, clipboard, language.
#include <SDL.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>

#include "base/file_set.h"
#include "platform/program.h"

namespace attn::platform {
namespace {

namespace fs = std::filesystem;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// $XDG_CONFIG_HOME/attnscope/KEY; empty without a home folder.
fs::path setting_file(const std::string& key) {
  fs::path folder = variable("XDG_CONFIG_HOME");
  if (folder.empty()) {
    const std::string home = variable("HOME");
    if (home.empty()) return {};
    folder = fs::path(home) / ".config";
  }
  std::string name = key;
  std::replace_if(
      name.begin(), name.end(),
      [](char c) { return !std::isalnum(static_cast<unsigned char>(c)) && c != '-'; }, '_');
  return folder / "attnscope" / name;
}

}  // namespace

// There is no common API; a dark desktop shows at best in the name of its GTK theme.
bool prefers_dark() {
  const std::string theme = variable("GTK_THEME");
  return theme.empty() || theme.find("dark") != std::string::npos;
}

bool prefers_touch() { return false; }

Lang prefers_language() {
  for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"})
    if (const std::string value = variable(name); !value.empty())
      return value.starts_with("zh") ? Lang::zh : Lang::en;
  return Lang::en;
}

std::string get_query() { return program().query; }
void set_query(const std::string& query, bool) { program().query = query; }
void on_query(std::function<void(std::string)>) {}
std::string link() { return "#" + program().query; }
void copy(const std::string& text) { SDL_SetClipboardText(text.c_str()); }

void open_link(const std::string& address) {
  if (address.starts_with("https://")) SDL_OpenURL(address.c_str());
}

std::string load(const std::string& key) {
  std::ifstream file(setting_file(key), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void store(const std::string& key, const std::string& value) {
  const fs::path path = setting_file(key);
  if (path.empty()) return;
  std::error_code ignored;  // settings that cannot be saved are lost, as in a private window
  fs::create_directories(path.parent_path(), ignored);
  (void)write_file(path.string(), [&](ByteSink& sink) -> Status {
    sink.write(value);
    return {};
  });
}

uint64_t memory_limit() { return uint64_t(SDL_GetSystemRAM()) * 1'000'000 / 2; }

void announce(const std::string&, Spoken) {}
void set_page(Lang, bool) {}
void on_ask(std::function<std::string(const std::string&)>) {}

}  // namespace attn::platform
