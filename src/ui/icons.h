// icons.h - icons drawn from lines and arcs, so that no icon font is needed.
#pragma once

#include <imgui.h>

namespace attn {

enum class Icon {
  undo,
  redo,
  link,
  sun,
  moon,
  help,
  close,
  plus,
  minus,
  fit,
  sort,
  dice,
  warn,
  language,
  rectangle,
  save,
  play,
  pause,
  next,
  previous,
  search,
  folder
};

// Centred, in a square of `side`.
void draw_icon(ImDrawList* list, Icon icon, ImVec2 center, float side, ImU32 color);

}  // namespace attn
