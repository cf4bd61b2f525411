// widgets.h - the few controls that Dear ImGui does not have in the shape we want.
#pragma once

#include <string>
#include <string_view>

#include "ui/icons.h"
#include "ui/ui_state.h"

namespace attn {

constexpr float kSmallText = 12.5f;  // beside the 15 of everything else
// Of every child window: the Tab key goes through its controls as if there were no window.
constexpr ImGuiChildFlags kTabPasses = ImGuiChildFlags_NavFlattened;

// `text`, or as much of its beginning as fits with '…', in the current font.
std::string fit_text(std::string_view text, float max_width);
float text_width(std::string_view text);

// Set off from the page; returns false when there is nothing to draw. Always end_card().
bool begin_card(const Frame& f, const char* id, ImVec2 size, bool scrolls = false);
void end_card();
// A heading in faint small letters.
void heading(const Frame& f, std::string_view text);

// Where a line of text that begins at `line` ends in so much room: numbers, with their point, sign
// and per cent, and words stay whole; no line begins with a closing mark. Never at `line` itself.
const char* line_end(const char* line, const char* end, float room);
// Lines broken at the right edge of the window, with air between them.
void wrapped(std::string_view text);

void tooltip(std::string_view text);       // at the mouse, wrapped
void item_tooltip(std::string_view text);  // of the last item, also for the keyboard's focus

// Square; `help` is its tooltip and, with `name`, its place in the layout.
bool icon_button(Frame& f, const char* name, Icon icon, std::string_view help, bool enabled = true);
// Side by side, one chosen.
bool segmented(Frame& f, const char* name, std::span<const std::string> titles, int& chosen,
               float width);
// A thin track with a round knob. Arrow keys move it while it has the keyboard's focus.
bool slider(Frame& f, const char* id, int& value, int low, int high, float width,
            bool logarithmic = false, int step = 1);

}  // namespace attn
