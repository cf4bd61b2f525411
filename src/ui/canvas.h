// canvas.h - draws a Figure with Dear ImGui and finds the area under the mouse.
#pragma once

#include "figure/figure.h"
#include "ui/ui_state.h"

namespace attn {

// Draws at the cursor as one item of the figure's size; shows the tooltip of the area under the
// mouse. Returns that area when it was clicked, else null; `hovered` is the area under the mouse.
const HitArea* draw_figure(const Frame& f, const char* id, const Figure& figure,
                           const HitArea** hovered = nullptr);

// Frozen headers of a scrolling figure drawn at `origin`: shapes left of names.x and above names.y
// are drawn again at the window's edges once scrolled; shapes below `foot` do not scroll sideways.
void draw_pinned(const Frame& f, const Figure& figure, Vec2 origin, Vec2 names, float foot);

}  // namespace attn
