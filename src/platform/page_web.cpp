// page_web.cpp - the address, the clipboard, settings and the page around the canvas.
#include <emscripten.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "platform/guard.h"
#include "platform/page.h"
#include "platform/program.h"

EM_JS_DEPS(page, "$stringToNewUTF8,$UTF8ToString")

// clang-format off: JavaScript
EM_JS(bool, page_prefers_dark, (), { return Module.page.prefersDark(); })
EM_JS(bool, page_prefers_chinese, (), { return Module.page.prefersChinese(); })
EM_JS(bool, page_prefers_touch, (), { return Module.page.prefersTouch(); })
EM_JS(char*, page_query, (), { return stringToNewUTF8(Module.page.query()); })
EM_JS(void, page_set_query, (const char* query, bool push), {
  Module.page.setQuery(UTF8ToString(query), push);
})
EM_JS(char*, page_link, (), { return stringToNewUTF8(Module.page.link()); })
EM_JS(void, page_copy, (const char* text), { Module.page.copy(UTF8ToString(text)); })
EM_JS(void, page_open_link, (const char* address), {
  Module.page.openLink(UTF8ToString(address));
})
EM_JS(char*, page_load, (const char* key), {
  return stringToNewUTF8(Module.page.load(UTF8ToString(key)));
})
EM_JS(void, page_store, (const char* key, const char* value), {
  Module.page.store(UTF8ToString(key), UTF8ToString(value));
})
EM_JS(void, page_announce, (const char* text, int what), {
  Module.page.announce(UTF8ToString(text), what);
})
EM_JS(void, page_set, (bool chinese, bool dark), { Module.page.set(chinese, dark); })

// Device memory in GB, at most 8; 0 if the browser does not report it.
EM_JS(double, page_device_memory, (), { return navigator.deviceMemory || 0; })
// clang-format on

extern "C" {

EMSCRIPTEN_KEEPALIVE void attn_query(const char* query) {
  if (const auto& changed = attn::platform::program().query_changed)
    attn::platform::guarded([&] { changed(query); });
}

// The caller frees the answer; null without a handler or memory.
EMSCRIPTEN_KEEPALIVE char* attn_ask(const char* what) {
  const auto& answer = attn::platform::program().answer;
  char* copy = nullptr;
  if (answer) attn::platform::guarded([&] { copy = strdup(answer(what).c_str()); });
  return copy;
}

}  // extern "C"

namespace attn::platform {

bool prefers_dark() { return page_prefers_dark(); }
bool prefers_touch() { return page_prefers_touch(); }
Lang prefers_language() { return page_prefers_chinese() ? Lang::zh : Lang::en; }

std::string get_query() { return take_text(page_query()); }
void set_query(const std::string& query, bool push) { page_set_query(query.c_str(), push); }
void on_query(std::function<void(std::string)> then) { program().query_changed = std::move(then); }
std::string link() { return take_text(page_link()); }
void copy(const std::string& text) { page_copy(text.c_str()); }
void open_link(const std::string& address) { page_open_link(address.c_str()); }

std::string load(const std::string& key) { return take_text(page_load(key.c_str())); }
void store(const std::string& key, const std::string& value) {
  page_store(key.c_str(), value.c_str());
}

// A page has at most 4 GB, part of which is left for uncounted memory; small machines give half of
// theirs.
uint64_t memory_limit() {
  constexpr double kMost = 3.5e9;
  const double device = page_device_memory() * 1e9;
  return uint64_t(device > 0 && device < 8 ? std::min(kMost, device / 2) : kMost);
}

void announce(const std::string& text, Spoken what) { page_announce(text.c_str(), int(what)); }
void set_page(Lang lang, bool dark) { page_set(lang == Lang::zh, dark); }
void on_ask(std::function<std::string(const std::string& what)> answer) {
  program().answer = std::move(answer);
}

}  // namespace attn::platform
