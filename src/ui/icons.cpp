#include "ui/icons.h"

#include <cmath>
#include <initializer_list>

namespace attn {
namespace {

constexpr float kPi = 3.14159265f;

struct Brush {
  ImDrawList* list;
  ImVec2 center;
  float unit;  // half the side
  ImU32 color;
  float width;

  ImVec2 at(float x, float y) const { return {center.x + x * unit, center.y + y * unit}; }
  void line(float x0, float y0, float x1, float y1) const {
    list->AddLine(at(x0, y0), at(x1, y1), color, width);
  }
  void arc(float x, float y, float radius, float from, float to) const {
    list->PathArcTo(at(x, y), radius * unit, from, to, 24);
    list->PathStroke(color, 0, width);
  }
  void dot(float x, float y, float radius) const {
    list->AddCircleFilled(at(x, y), radius * unit, color, 12);
  }
  // An arrow that turns back: over the top from one side to the other. `s` is 1 or -1.
  void turn(float s) const {
    const float from = s > 0 ? -kPi * .93f : -kPi * .07f;
    const float to = s > 0 ? kPi * .35f : -kPi * 1.35f;
    arc(.05f * s, .15f, .62f, from, to);
    list->AddTriangleFilled(at(-.97f * s, .02f), at(-.15f * s, .02f), at(-.56f * s, .6f), color);
  }
};

void sun(const Brush& b) {
  b.list->AddCircle(b.center, .38f * b.unit, b.color, 20, b.width);
  for (int i = 0; i < 8; ++i) {
    const float c = std::cos(float(i) * kPi / 4), s = std::sin(float(i) * kPi / 4);
    b.line(.62f * c, .62f * s, .9f * c, .9f * s);
  }
}

// The part of a disc that a second disc does not cover, as an outline.
void moon(const Brush& b) {
  b.list->PathArcTo(b.at(-.05f, 0), .8f * b.unit, -.25f * kPi + .2f, -1.75f * kPi - .2f - .35f, 28);
  b.list->PathArcTo(b.at(.42f, -.3f), .62f * b.unit, .62f * kPi, 1.22f * kPi, 16);
  b.list->PathStroke(b.color, ImDrawFlags_Closed, b.width);
}

void chain(const Brush& b) {
  // Two links at 45°, each an open ring, and the bar between.
  b.arc(-.4f, .4f, .42f, kPi * .05f, kPi * 1.45f);
  b.arc(.4f, -.4f, .42f, -kPi * .95f, kPi * .45f);
  b.line(-.28f, .28f, .28f, -.28f);
}

}  // namespace

void draw_icon(ImDrawList* list, Icon icon, ImVec2 center, float side, ImU32 color) {
  const Brush b{list, center, side / 2, color, side < 18 ? 1.5f : 1.8f};
  switch (icon) {
    case Icon::undo:
      return b.turn(1);
    case Icon::redo:
      return b.turn(-1);
    case Icon::link:
      return chain(b);
    case Icon::sun:
      return sun(b);
    case Icon::moon:
      return moon(b);
    case Icon::help:
      b.arc(0, -.35f, .42f, -kPi * .95f, kPi * .35f);
      b.line(.16f, .02f, 0, .3f);
      return b.dot(0, .72f, .13f);
    case Icon::close:
      b.line(-.6f, -.6f, .6f, .6f);
      return b.line(.6f, -.6f, -.6f, .6f);
    case Icon::plus:
      b.line(0, -.65f, 0, .65f);
      return b.line(-.65f, 0, .65f, 0);
    case Icon::minus:
      return b.line(-.65f, 0, .65f, 0);
    case Icon::rectangle:
      for (float a : {-.85f, -.2f, .45f}) {
        b.line(a, -.6f, a + .4f, -.6f);
        b.line(a, .6f, a + .4f, .6f);
      }
      for (float a : {-.6f, 0.f}) {
        b.line(-.85f, a, -.85f, a + .35f);
        b.line(.85f, a, .85f, a + .35f);
      }
      return;
    case Icon::save:  // an arrow into a tray
      b.line(0, -.85f, 0, .3f);
      b.line(-.38f, -.08f, 0, .3f);
      b.line(.38f, -.08f, 0, .3f);
      b.line(-.8f, .35f, -.8f, .8f);
      b.line(.8f, .35f, .8f, .8f);
      return b.line(-.8f, .8f, .8f, .8f);
    case Icon::play:
      return list->AddTriangleFilled(b.at(-.55f, -.75f), b.at(.8f, 0), b.at(-.55f, .75f), color);
    case Icon::pause:
      list->AddRectFilled(b.at(-.6f, -.7f), b.at(-.15f, .7f), color);
      return list->AddRectFilled(b.at(.15f, -.7f), b.at(.6f, .7f), color);
    case Icon::next:
      b.line(-.3f, -.65f, .35f, 0);
      return b.line(.35f, 0, -.3f, .65f);
    case Icon::previous:
      b.line(.3f, -.65f, -.35f, 0);
      return b.line(-.35f, 0, .3f, .65f);
    case Icon::search:
      list->AddCircle(b.at(-.15f, -.15f), .55f * b.unit, color, 20, b.width);
      return b.line(.25f, .25f, .8f, .8f);
    case Icon::folder:
      for (const ImVec2 p : {b.at(-.85f, .7f), b.at(-.85f, -.65f), b.at(-.3f, -.65f),
                             b.at(-.1f, -.4f), b.at(.85f, -.4f), b.at(.85f, .7f)})
        list->PathLineTo(p);
      return list->PathStroke(color, ImDrawFlags_Closed, b.width);
    case Icon::fit:
      for (float sx : {-1.f, 1.f})
        for (float sy : {-1.f, 1.f}) {
          b.line(.8f * sx, .8f * sy, .3f * sx, .8f * sy);
          b.line(.8f * sx, .8f * sy, .8f * sx, .3f * sy);
        }
      return;
    case Icon::sort:  // bars that grow shorter
      for (int i = 0; i < 3; ++i)
        b.line(-.8f, -.6f + .6f * float(i), .8f - .55f * float(i), -.6f + .6f * float(i));
      return;
    case Icon::dice:
      list->AddRect(b.at(-.8f, -.8f), b.at(.8f, .8f), color, .3f * b.unit, 0, b.width);
      b.dot(-.36f, -.36f, .14f);
      b.dot(0, 0, .14f);
      return b.dot(.36f, .36f, .14f);
    case Icon::warn:
      list->AddTriangle(b.at(0, -.85f), b.at(.95f, .8f), b.at(-.95f, .8f), color, b.width);
      b.line(0, -.25f, 0, .28f);
      return b.dot(0, .55f, .11f);
    case Icon::language:
      list->AddCircle(center, .85f * b.unit, color, 24, b.width);
      list->AddEllipse(center, {.38f * b.unit, .85f * b.unit}, color, 0, 24, b.width);
      return b.line(-.85f, 0, .85f, 0);
  }
}

}  // namespace attn
