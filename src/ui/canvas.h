// canvas.h - draws a Figure with Dear ImGui, and finds what is under the mouse in it.
#pragma once

#include "figure/figure.h"
#include "ui/ui_state.h"

namespace attn {

// Draws at the cursor as one item of the figure's size; shows the tooltip of the area under the
// mouse. Returns that area when it was clicked, else null; `hovered` is the area under the mouse.
const HitArea* draw_figure(const Frame& f, const char* id, const Figure& figure,
                           const HitArea** hovered = nullptr);

}  // namespace attn
