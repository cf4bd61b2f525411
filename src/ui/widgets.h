// widgets.h - controls that Dear ImGui lacks.
#pragma once

#include <string>
#include <string_view>

#include "ui/icons.h"
#include "ui/ui_state.h"

namespace attn {

constexpr float kSmallText = 12.5f;  // the normal size is 15
// For every child window: Tab moves through its controls as if there were no window.
constexpr ImGuiChildFlags kTabPasses = ImGuiChildFlags_NavFlattened;

// `text`, or as much of its beginning as fits with '…', in the current font.
std::string fit_text(std::string_view text, float max_width);
// As fit_text(), for the preview of a combo box of this width.
std::string fit_preview(std::string_view text, float width);
float text_width(std::string_view text);

// A panel; returns false when nothing of it is visible. Always call end_card().
bool begin_card(const Frame& f, const char* id, ImVec2 size, bool scrolls = false);
void end_card();
// A heading in faint small letters.
void heading(const Frame& f, std::string_view text);

// End of the line of text that starts at `line` and is at most `room` wide. Words and numbers (with
// sign, point and %) stay whole; no line starts with closing punctuation. Never `line` itself.
const char* line_end(const char* line, const char* end, float room);
// Wraps at the right edge of the window.
void wrapped(std::string_view text);

void tooltip(std::string_view text);       // at the mouse, wrapped
void item_tooltip(std::string_view text);  // of the last item, also on keyboard focus

// What a screen reader says of the last item while it has the keyboard's focus: "Layer, slider,
// 3 (0 to 7)". Buttons and menu entries with a label need no call (spoken.cpp).
enum class Control { button, tab, slider, menu, entry, text, checked, unchecked };
void item_says(const Frame& f, Control role, std::string_view name, std::string_view value = "");

// Square, with the tooltip `help`; marked as "button.NAME" in the layout.
bool icon_button(Frame& f, const char* name, Icon icon, std::string_view help, bool enabled = true);
// Buttons side by side, one of them chosen; `helps` are their tooltips. True when it changed.
bool segmented(Frame& f, const char* name, std::span<const std::string> titles, int& chosen,
               float width, std::span<const char* const> helps = {});
float segment_width(const Frame& f, std::string_view title);
// An entry of a menu; its height besides the spacing, 0: that of the text.
float menu_entry_height(const Frame& f);
bool menu_entry(const Frame& f, const char* title, bool chosen = false);
// A thin track with a round knob. Arrow keys move it while it has the keyboard's focus.
bool slider(Frame& f, const char* id, int& value, int low, int high, float width,
            bool logarithmic = false, int step = 1);

}  // namespace attn
