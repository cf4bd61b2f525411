// figure.h - a picture as data, shared by the canvas, the exporters and the tests.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "analysis/measure.h"
#include "figure/palette.h"
#include "state/state.h"

namespace attn {

struct Vec2 {
  float x = 0, y = 0;
};

// The role of a colour; the canvas and the exporters map it to the theme.
enum class Ink { text, faint, line, accent, warn, panel };

struct Rect {
  Vec2 min, max;
  Ink ink = Ink::accent;
  float weight = -1;   // 0 .. 1: filled with the palette colour at this place instead of `ink`
  float alpha = 1;     // 0: transparent
  bool sharp = false;  // without round corners
  float corner() const {
    return sharp ? 0 : std::min(3.f, std::min(max.x - min.x, max.y - min.y) / 2);
  }
};
struct Line {
  Vec2 from, to;
  Ink ink = Ink::line;
  float width = 1;
  float alpha = 1;
};
// A grid of cells, from the top left.
struct Cells {
  Vec2 min, max;
  int rows = 0, cols = 0;
  std::vector<float> places;  // [rows, cols], 0 .. 1 in the palette; NaN: masked
};
enum class Align { left, center, right };
struct Label {
  Vec2 at;  // top of the text, at its left, middle or right by `align`
  std::string text;
  Ink ink = Ink::text;
  Align align = Align::left;
  float max_width = 0;  // longer text is cut with '…'; 0: no limit
  float scale = 1;      // relative font size
  bool upright =
      false;      // reads from bottom to top; `at` is then its start, middle or end, at mid-height
  float on = -1;  // palette place of the background: drawn in black or white instead of `ink`
};
// A picture, as a model sees it.
struct Photo {
  Vec2 min, max;
  std::shared_ptr<const Patches> of;
};
using Shape = std::variant<Rect, Line, Label, Cells, Photo>;

// A hover area: its tooltip, and what a click selects: a head, a query, a key (none or -1:
// nothing).
struct HitArea {
  Vec2 min, max;
  std::string says;
  std::optional<Site> site = {};
  int query = -1, key = -1;
  int token = -1;  // of the vocabulary, which a click adds to the end of the text; -1: none
  int link = -1;   // areas with the same link are highlighted together; -1: none
};

struct Figure {
  Vec2 size;
  std::vector<Shape> shapes;
  std::vector<HitArea> areas;
  std::vector<Vec2> steps = {};  // top (x) and bottom (y) of each, for figures to walk through
};

// The visible part of a large figure: shapes and areas outside may be left out. Figure::size still
// covers the whole.
struct ViewPart {
  float top = 0, bottom = 1e9f, left = 0, right = 1e9f;
  bool holds(float y) const { return y >= top && y <= bottom; }
  bool holds_x(float x) const { return x >= left && x <= right; }
  bool operator==(const ViewPart&) const = default;
};

struct HeadsTable;  // heads_table.h

// Small maps of all heads of an attention; each cell is the largest weight that it covers.
struct HeadMaps {
  int rows = 0, cols = 0;
  std::span<const float> values;  // [layer, head, rows, cols]
};

struct ViewInput {
  const Measure& measure;
  const Pairs& pairs;  // the measure's queries and keys: an attention's tokens, or groups of them
  const State& state;  // clamped
  float width = 300;   // of the figure; the height results
  float line_height = 18;
  ViewPart part = {};
  float height = 0;                // available height, for views that fill it; 0: as needed
  const Metric* metric = nullptr;  // of the measure; null: a pattern's weights
  float hidden = 0;                // of one row: its weight on tokens that are left out
  float least_row = 0;             // height of a row that can be chosen, as fingers need it
  // For views that plot two measures against each other.
  const Measure* second = nullptr;
  const Metric* second_metric = nullptr;
  const HeadsTable* heads = nullptr;     // for views that list or filter heads
  const Attention* attention = nullptr;  // for views that show q and k, or small maps
  const HeadMaps* maps = nullptr;        // for views that show small maps; null: from `attention`
  const Model* model = nullptr;          // for views that show tokens of the vocabulary
};

}  // namespace attn
