#include "figure/wall_layout.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "figure/heads_table.h"

namespace attn {

namespace {

constexpr float kGapShare = .08f;  // of a map's shorter side

}  // namespace

int WallLayout::index_at(Vec2 point) const {
  if (point.x < 0 || point.y < 0) return -1;
  const int column = int(point.x / step().x), row = int(point.y / step().y);
  if (row >= n_rows || column >= n_columns) return -1;
  const Vec2 corner = at(row, column);
  if (point.x - corner.x >= map.x || point.y - corner.y >= map.y) return -1;
  return row * n_columns + column;
}

WallLayout fit_wall(int n_rows, int n_columns, float aspect, Vec2 room) {
  WallLayout wall{std::max(1, n_rows), std::max(1, n_columns), {}, 0};
  const float high = std::min(1.f, 1 / aspect), wide = std::min(1.f, aspect);
  // Of a unit map: its longer side is 1, and gaps follow the shorter one.
  const float gap = kGapShare * std::min(high, wide);
  const float across = wide * float(wall.n_columns) + gap * float(wall.n_columns - 1);
  const float down = high * float(wall.n_rows) + gap * float(wall.n_rows - 1);
  const float side = std::max(1.f, std::min(room.x / across, room.y / down));
  wall.map = {std::max(1.f, side * wide), std::max(1.f, side * high)};
  wall.gap = side * gap;
  return wall;
}

std::vector<int> wall_order(int n, std::span<const float> values, Arrange arrange, Order order) {
  std::vector<int> heads(size_t(std::max(0, n)));
  std::iota(heads.begin(), heads.end(), 0);
  if (arrange != Arrange::measure || values.size() != heads.size()) return heads;
  sort_heads(heads, values, order == Order::lowest ? order : Order::highest);
  return heads;
}

WallLayout scaled(const WallLayout& fit, float scale) {
  return {fit.n_rows, fit.n_columns, {fit.map.x * scale, fit.map.y * scale}, fit.gap * scale};
}

float full_scale(const WallLayout& fit, Vec2 room) {
  return std::max(1.f, std::min(room.x / fit.map.x, room.y / fit.map.y));
}

WallView settled(WallView view, const WallLayout& fit, Vec2 room) {
  view.scale = std::clamp(view.scale, 1.f, full_scale(fit, room));
  const Vec2 size = scaled(fit, view.scale).size();
  const Vec2 spare = {std::max(0.f, room.x - size.x), std::max(0.f, room.y - size.y)};
  view.from.x = spare.x > 0 ? -spare.x / 2 : std::clamp(view.from.x, 0.f, size.x - room.x);
  view.from.y = spare.y > 0 ? 0 : std::clamp(view.from.y, 0.f, size.y - room.y);
  return view;
}

WallView zoomed(const WallView& view, const WallLayout& fit, Vec2 room, float factor, Vec2 at) {
  WallView out = view;
  out.scale = std::clamp(view.scale * factor, 1.f, full_scale(fit, room));
  const float by = out.scale / view.scale;
  out.from = {(view.from.x + at.x) * by - at.x, (view.from.y + at.y) * by - at.y};
  return settled(out, fit, room);
}

WallView centred(const WallLayout& fit, Vec2 room, float scale, int row, int column) {
  const WallLayout wall = scaled(fit, std::clamp(scale, 1.f, full_scale(fit, room)));
  const Vec2 corner = wall.at(row, column);
  return settled(
      {scale, {corner.x + wall.map.x / 2 - room.x / 2, corner.y + wall.map.y / 2 - room.y / 2}},
      fit, room);
}

}  // namespace attn
