// figure.h - a picture as data, so that the canvas, files and tests draw the same one.
#pragma once

#include <algorithm>
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

// What a colour is for; the canvas and the exporters know the theme's value of each.
enum class Ink { text, faint, line, accent, warn, panel };

struct Rect {
  Vec2 min, max;
  Ink ink = Ink::accent;
  float weight = -1;  // 0 .. 1: filled with the palette's colour of that place instead of `ink`
  float alpha = 1;    // 0: cannot be seen
};
struct Line {
  Vec2 from, to;
  Ink ink = Ink::line;
  float width = 1;
  float alpha = 1;
};
// A table of cells, from the top left.
struct Cells {
  Vec2 min, max;
  int rows = 0, cols = 0;
  std::vector<float> places;  // [rows, cols], 0 .. 1 in the palette; NaN: masked
};
enum class Align { left, center, right };
struct Label {
  Vec2 at;  // of the text's top, at its left, middle or right
  std::string text;
  Ink ink = Ink::text;
  Align align = Align::left;
  float max_width = 0;  // cut with '…' beyond it; 0: never
  float scale = 1;      // of the letters' size
  bool upright =
      false;  // reads from bottom to top; then `at` is its beginning, middle or end, at mid-height
  float on =
      -1;  // it stands on the palette's colour of this place: black or white instead of `ink`
};
using Shape = std::variant<Rect, Line, Label, Cells>;

// Where the mouse may rest, what it says, and what a click there chooses: a head, a query, a key
// (none, or -1: nothing).
struct HitArea {
  Vec2 min, max;
  std::string says;
  std::optional<Site> site = {};
  int query = -1, key = -1;
};

struct Figure {
  Vec2 size;
  std::vector<Shape> shapes;
  std::vector<HitArea> areas;
};

// Of a large figure: shapes and areas outside may be left out. Its size is of all.
struct ViewPart {
  float top = 0, bottom = 1e9f, left = 0, right = 1e9f;
  bool holds(float y) const { return y >= top && y <= bottom; }
  bool holds_x(float x) const { return x >= left && x <= right; }
  bool operator==(const ViewPart&) const = default;
};

struct HeadsTable;  // heads_table.h

struct ViewInput {
  const Measure& measure;
  const Pairs& pairs;  // the measure's queries and keys: an attention's tokens, or groups of them
  const State& state;  // clamped
  float width = 300;   // of the figure; its height follows
  float line_height = 18;
  ViewPart part = {};
  float height = 0;  // that there is; 0: as much as is needed. Views that fill their place heed it
  const Metric* metric = nullptr;  // that the measure is of; null: a pattern's weights
  // Of views that put two measures against each other.
  const Measure* second = nullptr;
  const Metric* second_metric = nullptr;
  const HeadsTable* heads = nullptr;     // of views that list heads with all that is known of them
  const Attention* attention = nullptr;  // of views that show q and k
  const Model* model = nullptr;          // of views that name tokens of the vocabulary
};

}  // namespace attn
