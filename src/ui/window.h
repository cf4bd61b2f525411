// window.h - one frame of the whole interface.
#pragma once

#include "app/session.h"
#include "platform/heat_map.h"
#include "state/history.h"
#include "state/state.h"

namespace attn {

// What the interface remembers between frames and nobody else needs: hover, scroll, zoom, textures.
struct View2D {
  Vec2 cell_min, cell_max;  // the part of the big map in view, in cells
};
struct UiState;
UiState* create_ui();

// Draws everything; may change `state`, and nothing else. True while something moves (another frame is wanted).
bool draw_window(UiState& ui, Session& session, State& state, History& history);

}  // namespace attn
