// files_web.cpp - dropped, chosen or fetched files, read straight into the program's memory.
#include <emscripten.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "model/model_files.h"
#include "platform/guard.h"
#include "platform/program.h"

// clang-format off: JavaScript
// web/files.js reads the files; the functions below allocate memory for it and take the result.
EM_JS(void, page_pick_files, (bool folder), { Module.page.files.pick(folder); })
EM_JS(void, page_fetch, (int id, const char* path), {
  Module.page.files.fetch(id, UTF8ToString(path));
})
EM_JS(void, page_save_file, (const char* name, const char* bytes, int size), {
  const start = bytes >>> 0;
  Module.page.files.save(UTF8ToString(name), HEAPU8.slice(start, start + size));
})
// clang-format on

namespace attn::platform {
namespace {

struct Fetch {
  std::function<void(float)> progress;
  std::function<void(Result<Bytes>)> then;
  ByteBuffer bytes;
};

struct Transfers {
  std::vector<std::pair<std::string, ByteBuffer>> reading;
  TakeFiles picked;
  std::map<int, Fetch> fetches;
  int n_fetches = 0;
};

Transfers& transfers() {
  static Transfers all;
  return all;
}

void make_room(double bytes) {
  if (program().make_room) program().make_room(uint64_t(bytes));
}

// Null if out of memory.
uint8_t* resize(ByteBuffer& bytes, double size) {
  if (!bytes.resize(uint64_t(size))) {
    make_room(size);
    if (!bytes.resize(uint64_t(size))) return nullptr;
  }
  return bytes.data();
}

void take_read(bool picked, Result<std::vector<File>> files) {
  const TakeFiles& then = picked ? transfers().picked : program().dropped;
  if (then) then(std::move(files));
}

}  // namespace

void on_drop(TakeFiles then) { program().dropped = std::move(then); }

void on_room(std::function<void(uint64_t)> make) { program().make_room = std::move(make); }

void pick_files(bool folder, TakeFiles then) {
  transfers().picked = std::move(then);
  page_pick_files(folder);
}

void fetch(const std::string& path, std::function<void(float)> progress,
           std::function<void(Result<Bytes>)> then) {
  const int id = ++transfers().n_fetches;
  transfers().fetches[id] = {std::move(progress), std::move(then), {}};
  page_fetch(id, path.c_str());
}

void save_file(const std::string& name, const std::string& contents) {
  page_save_file(name.c_str(), contents.data(), int(contents.size()));
}

}  // namespace attn::platform

extern "C" {
using namespace attn;
using namespace attn::platform;

// Of paths, a line each, those that need not be read. The caller frees the answer; null if out of
// memory.
EMSCRIPTEN_KEEPALIVE char* attn_read_left(const char* paths) {
  char* copy = nullptr;
  guarded([&] {
    std::vector<std::string> all;
    for (std::string_view rest = paths; !rest.empty();) {
      const size_t end = std::min(rest.find('\n'), rest.size());
      all.emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    std::string out;
    for (const std::string& path : not_needed(all)) out += path + "\n";
    copy = strdup(out.c_str());
  });
  return copy;
}

EMSCRIPTEN_KEEPALIVE void attn_read_start(double size) {
  transfers().reading.clear();
  make_room(size);
}

// Allocates memory for one more file.
EMSCRIPTEN_KEEPALIVE uint8_t* attn_read_room(const char* name, double size) {
  uint8_t* room = nullptr;
  guarded(
      [&] { room = resize(transfers().reading.emplace_back(name, ByteBuffer()).second, size); });
  return room;
}

EMSCRIPTEN_KEEPALIVE void attn_read_done(bool picked) {
  guarded([picked] {
    std::vector<File> files;
    for (auto& [name, bytes] : std::exchange(transfers().reading, {}))
      files.push_back({name, Bytes(std::move(bytes))});
    take_read(picked, std::move(files));
  });
  wake();
}

// `error` is a full sentence.
EMSCRIPTEN_KEEPALIVE void attn_read_failed(bool picked, const char* error) {
  transfers().reading.clear();
  guarded([&] { take_read(picked, Error{error}); });
  wake();
}

// Grows to `size` bytes and keeps the contents, which may move.
EMSCRIPTEN_KEEPALIVE uint8_t* attn_fetch_room(int id, double size) {
  return resize(transfers().fetches[id].bytes, size);
}

EMSCRIPTEN_KEEPALIVE void attn_fetch_progress(int id, float done) {
  if (const auto& progress = transfers().fetches[id].progress) progress(done);
  wake();
}

// `error` is a full sentence, or empty.
EMSCRIPTEN_KEEPALIVE void attn_fetch_done(int id, double size, const char* error) {
  auto node = transfers().fetches.extract(id);
  if (node.empty()) return;
  Fetch& fetch = node.mapped();
  fetch.bytes.resize(size_t(size));
  guarded([&] {
    if (*error) {
      fetch.then(Error{error});
    } else {
      fetch.then(Bytes(std::move(fetch.bytes)));
    }
  });
  wake();
}

}  // extern "C"
