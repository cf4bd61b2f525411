// prompt_web.cpp - text boxes as DOM elements over the canvas.
#include <emscripten.h>

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "platform/guard.h"
#include "platform/program.h"

// clang-format off: JavaScript
EM_JS(void, page_place_box,
      (const char* id, float x, float y, float width, float height, const char* label, bool dark,
       bool over_list),
      {
        Module.page.placeBox(
            UTF8ToString(id), x, y, width, height, UTF8ToString(label), dark, over_list);
      })
EM_JS(void, page_set_box, (const char* id, const char* text), {
  Module.page.setBox(UTF8ToString(id), UTF8ToString(text));
})
EM_JS(void, page_focus_box, (const char* id), { Module.page.focusBox(UTF8ToString(id)); })
EM_JS(void, page_leave_keys, (const char* id, bool leaves), {
  Module.page.leaveKeys(UTF8ToString(id), leaves);
})
// clang-format on

namespace attn::platform {
namespace {

struct Box {
  std::string shown;                 // the element's text, as far as the program knows
  std::optional<std::string> typed;  // by the user since the last frame
  BoxKey key = BoxKey::none;         // likewise
};

std::map<std::string, Box>& boxes() {
  static std::map<std::string, Box> all;
  return all;
}

}  // namespace

bool prompt_box(const char* id, std::string& text, Vec2 min, Vec2 max, const char* label, bool dark,
                bool over_list) {
  Box& box = boxes()[id];
  page_place_box(id, min.x, min.y, max.x - min.x, max.y - min.y, label, dark, over_list);
  if (box.typed) {
    box.shown = text = *box.typed;
    box.typed.reset();
    return true;
  }
  if (box.shown != text) {
    box.shown = text;
    page_set_box(id, text.c_str());
  }
  return false;
}

void focus_prompt(const char* id) { page_focus_box(id); }

BoxKey box_key(const char* id, bool wants) {
  page_leave_keys(id, wants);
  return std::exchange(boxes()[id].key, BoxKey::none);
}

}  // namespace attn::platform

extern "C" EMSCRIPTEN_KEEPALIVE void attn_typed(const char* id, const char* text) {
  attn::platform::guarded([&] { attn::platform::boxes()[id].typed = text; });
  attn::platform::wake();
}

extern "C" EMSCRIPTEN_KEEPALIVE void attn_box_key(const char* id, int key) {
  attn::platform::boxes()[id].key = attn::platform::BoxKey(key);
  attn::platform::wake();
}
