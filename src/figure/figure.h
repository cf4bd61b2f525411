// figure.h - a picture as data, so that the canvas, files and tests draw the same one.
#pragma once

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
};
struct Line {
  Vec2 from, to;
  Ink ink = Ink::line;
  float width = 1;
};
enum class Align { left, center, right };
struct Label {
  Vec2 at;  // of the text's top, at its left, middle or right
  std::string text;
  Ink ink = Ink::text;
  Align align = Align::left;
  float max_width = 0;  // cut with '…' beyond it; 0: never
};
using Shape = std::variant<Rect, Line, Label>;

// Where the mouse may rest, what it says, and what a click there chooses (-1: nothing).
struct HitArea {
  Vec2 min, max;
  std::string says;
  int layer = -1, head = -1, query = -1, key = -1;
};

struct Figure {
  Vec2 size;
  std::vector<Shape> shapes;
  std::vector<HitArea> areas;
};

// Of a long figure: shapes and areas above `top` or below `bottom` may be left out. Its size is of all.
struct ViewPart {
  float top = 0, bottom = 1e9f;
  bool holds(float y) const { return y >= top && y <= bottom; }
  bool operator==(const ViewPart&) const = default;
};

struct ViewInput {
  const Measure& measure;
  const Trace& trace;
  const State& state;  // clamped
  float width = 300;   // of the figure; its height follows
  float line_height = 18;
  ViewPart part = {};
};

struct View {
  const char* id;
  Text title;
  std::vector<Axis> axes;  // of the measures it can show
  Figure (*figure)(const ViewInput&);
};
std::span<const View> views();
const View* find_view(std::string_view id);

}  // namespace attn
