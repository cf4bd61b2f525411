// mirror.h - the screen as text, for screen readers: what is shown, what can be done, what was.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json_writer.h"
#include "ui/ui_state.h"

namespace attn {

// What web/mirror.js makes elements of, as JSON; between frames.
std::string mirror(UiState& ui, Session& session, State& state, History& history);
// Something done there, "ID VALUE": "view wall", "panel 2", "layer 3" (a field), "cell 5" (a key of
// the chosen query), "retry".
void act(Frame& f, const std::string& what);

// Tells screen readers of the control that the keyboard moved to, and of the chosen cell when it
// changed. Call last in a frame.
void speak(Frame& f);

// In bars/controls.cpp: the settings that have a control, as an array `controls`, and one of them
// set.
void write_controls(Frame& f, JsonWriter& json);
void set_control(Frame& f, std::string_view key, int value);

// In bars/status_line.cpp: the messages above the panels; "18 tokens · 4 layers × 8 heads"; the
// work in hand (`progress` 0 to 1, or -1), or the confirmation of the last action.
std::vector<std::string> errors_of(const Frame& f);
std::string size_words(const Frame& f);
struct Doing {
  std::string says;
  float progress = -1;
  bool is_toast = false;
};
Doing doing(const Frame& f);

}  // namespace attn
