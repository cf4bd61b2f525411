// wall_layout.h - where each head's map is on the wall, and what a zoom shows of it.
#pragma once

#include <span>
#include <vector>

#include "figure/figure.h"
#include "state/state.h"

namespace attn {

// Maps in rows and columns, all equally large, with gaps that grow with them. Lengths are in units
// of the screen; the origin is the upper left corner of the first map.
struct WallLayout {
  int n_rows = 0, n_columns = 0;
  Vec2 map;       // size of one map
  float gap = 0;  // between two maps

  Vec2 step() const { return {map.x + gap, map.y + gap}; }
  Vec2 size() const { return {step().x * float(n_columns) - gap, step().y * float(n_rows) - gap}; }
  Vec2 at(int row, int column) const { return {step().x * float(column), step().y * float(row)}; }
  // The map under a point, counted row by row; -1 in a gap or outside.
  int index_at(Vec2 point) const;
};

// The largest wall that fits into `room`, of maps as wide as high times `aspect` (keys by queries).
// Maps have no less than a unit a side, so that a very large wall may be larger than the room.
WallLayout fit_wall(int n_rows, int n_columns, float aspect, Vec2 room);

// Which head, counted through all layers, stands at each place of the wall, row by row: in order of
// layers and heads, or from the highest of `values` to the lowest (with Order::lowest the other way
// round), NaN last. Without a value for each of the `n` heads, in order of layers.
std::vector<int> wall_order(int n, std::span<const float> values, Arrange arrange, Order order);

// What is in view: `scale` enlarges the fitting wall, `from` is the point of the enlarged wall at
// the room's upper left corner.
struct WallView {
  float scale = 1;
  Vec2 from = {0, 0};
  bool operator==(const WallView& o) const {
    return scale == o.scale && from.x == o.from.x && from.y == o.from.y;
  }
};

WallLayout scaled(const WallLayout& fit, float scale);
// The scale at which one map fills the room.
float full_scale(const WallLayout& fit, Vec2 room);
// Keeps scale between 1 and full_scale(), and the wall in the room: one that is narrower than the
// room is centred, one that is lower starts at its top.
WallView settled(WallView view, const WallLayout& fit, Vec2 room);
// Enlarges by `factor`; the point of the room `at` stays where it is.
WallView zoomed(const WallView& view, const WallLayout& fit, Vec2 room, float factor, Vec2 at);
// The view at `scale` with the map of this row and column in the middle.
WallView centred(const WallLayout& fit, Vec2 room, float scale, int row, int column);

}  // namespace attn
