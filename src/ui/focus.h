// focus.h - what all panels speak of: the head and the cell under the mouse, wherever it is, else
// the chosen ones.
#pragma once

#include "ui/ui_state.h"

namespace attn {

// `f.shown` with the head and the cell under the mouse in place of the chosen ones: `token` is the
// query and `locked_key` the key, or -1; in the frame's tokens or groups.
State focused(const Frame& f);
// Whether a head other than the chosen one is under the mouse.
bool is_previewing(const Frame& f);
// The mouse is on this cell of the frame; key -1: on the whole row.
void point_at(const Frame& f, int query, int key);

// The row of the map at focused().token: what the table lists and the chips are coloured by.
struct FocusRow {
  const Metric* metric = nullptr;           // null: weights
  std::shared_ptr<const MadeMeasure> made;  // of the metric; null until computed
  std::span<const float> values;            // [n_key]; empty until computed, or not kept
  float hidden = 0;                         // weight on hidden tokens
};
FocusRow focus_row(const Frame& f, const State& at);

// A small map of a head, inside a tooltip; nothing where its thumbnail is not ready.
void draw_head_preview(const Frame& f, int layer, int head);

}  // namespace attn
