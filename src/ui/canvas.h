// canvas.h - draws a Figure with Dear ImGui, and finds what is under the mouse in it.
#pragma once

#include "figure/figure.h"
#include "ui/ui_state.h"

namespace attn {

// Draws at the cursor as one item of the figure's size; shows the tooltip of the area under the
// mouse. Returns that area when it was clicked, else null; `hovered` is the area under the mouse.
const HitArea* draw_figure(const Frame& f, const char* id, const Figure& figure,
                           const HitArea** hovered = nullptr);

// Of a figure that scrolls, drawn from `origin`: what is left of names.x and above names.y once
// more, at the edges of the window, where it has scrolled out of it; what is below `foot` does not
// scroll sideways.
void draw_pinned(const Frame& f, const Figure& figure, Vec2 origin, Vec2 names, float foot);

}  // namespace attn
