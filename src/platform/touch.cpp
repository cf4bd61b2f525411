// touch.cpp - fingers: a tap is a click, a drag pans or scrolls, a finger that rests points as a
// mouse does, two fingers zoom. SDL's own translation to a mouse knows only the first finger.
#include <SDL.h>
#include <imgui_internal.h>

#include <cfloat>
#include <cmath>
#include <utility>

#include "platform/program.h"

namespace attn::platform {
namespace {

constexpr float kStill = 10;      // that a finger at rest may move
constexpr double kRest_ms = 500;  // after which a finger at rest points

enum class Finger { none, presses, drags, scrolls, points, pinches, spent };

struct Touch {
  SDL_FingerID id[2] = {};
  Vec2 at[2] = {};
  int n = 0;
  Finger does = Finger::none;
  Vec2 from = {}, scrolled = {};  // where it came down; the scrolling still to be done
  double since_ms = 0;
  bool cancels = false;               // the press, before the next frame is drawn
  bool drags = false, rests = false;  // the pressed item follows the finger, also at rest
  ImGuiID window = 0;                 // that scrolls
  Gesture gesture;
};

Touch& touch() {
  static Touch the_touch;
  return the_touch;
}

Vec2 operator-(Vec2 a, Vec2 b) { return {a.x - b.x, a.y - b.y}; }
float length(Vec2 v) { return std::hypot(v.x, v.y); }

void point(Vec2 at) {
  ImGui::GetIO().AddMouseSourceEvent(ImGuiMouseSource_TouchScreen);
  ImGui::GetIO().AddMousePosEvent(at.x, at.y);
}
void press(bool down) { ImGui::GetIO().AddMouseButtonEvent(0, down); }
constexpr Vec2 kNowhere = {-FLT_MAX, -FLT_MAX};

void comes_down(Touch& t, SDL_FingerID id, Vec2 at) {
  if (t.n >= 2) return;
  t.id[t.n] = id;
  t.at[t.n++] = at;
  if (t.n == 2) {
    t.cancels = t.does == Finger::presses || t.does == Finger::drags;
    if (t.does == Finger::points) point(kNowhere);
    t.does = Finger::pinches;
    t.gesture = {.on = true, .begins = true};
    t.gesture.centre = {(t.at[0].x + at.x) / 2, (t.at[0].y + at.y) / 2};
    return;
  }
  t.does = Finger::presses;
  t.drags = t.rests = false;
  t.from = at;
  t.since_ms = now_ms();
  point(at);
  press(true);
}

void moves(Touch& t, SDL_FingerID id, Vec2 to) {
  const int i = t.n > 0 && t.id[0] == id ? 0 : t.n > 1 && t.id[1] == id ? 1 : -1;
  if (i < 0) return;
  const Vec2 before = std::exchange(t.at[i], to), by = to - before;
  if (t.does == Finger::pinches && t.n == 2) {
    Gesture& g = t.gesture;
    const Vec2 other = t.at[1 - i];
    const float was = length(before - other), now = length(to - other);
    const float scale = was > 1 && now > 1 ? now / was : 1;
    g.scale *= scale;
    g.total *= scale;
    g.pan = {g.pan.x + by.x / 2, g.pan.y + by.y / 2};
    g.centre = {(to.x + other.x) / 2, (to.y + other.y) / 2};
  } else if (t.does == Finger::scrolls) {
    t.scrolled = {t.scrolled.x + by.x, t.scrolled.y + by.y};
  } else if (t.does != Finger::spent) {
    point(to);
  }
}

void goes_up(Touch& t, SDL_FingerID id) {
  const int i = t.n > 0 && t.id[0] == id ? 0 : t.n > 1 && t.id[1] == id ? 1 : -1;
  if (i < 0) return;
  if (i == 0) {
    t.id[0] = t.id[1];
    t.at[0] = t.at[1];
  }
  if (t.does == Finger::presses || t.does == Finger::drags) press(false);
  if (t.does != Finger::pinches && t.does != Finger::spent) point(kNowhere);
  t.gesture.on = false;
  t.does = --t.n > 0 ? Finger::spent : Finger::none;
}

// So that the pressed item sees neither a click nor a drag.
void cancel_press() {
  ImGui::GetIO().MousePos = {-FLT_MAX, -FLT_MAX};
  ImGui::ClearActiveID();
  point(kNowhere);
  press(false);
}

// The innermost window under the finger that scrolls the way it moved.
ImGuiWindow* scrolling_window(Vec2 by) {
  const bool across = std::abs(by.x) > std::abs(by.y);
  for (ImGuiWindow* w = ImGui::GetCurrentContext()->HoveredWindow; w; w = w->ParentWindow)
    if ((across ? w->ScrollMax.x : w->ScrollMax.y) > 0 &&
        !(w->Flags & ImGuiWindowFlags_NoScrollWithMouse))
      return w;
  return nullptr;
}

void begin_drag(Touch& t) {
  t.does = Finger::drags;
  const Vec2 by = t.at[0] - t.from;
  ImGuiWindow* window = t.drags ? nullptr : scrolling_window(by);
  if (!window) return;
  t.does = Finger::scrolls;
  t.window = window->ID;
  t.scrolled = by;
  cancel_press();
}

}  // namespace

void touch_event(const SDL_Event& event) {
  const ImVec2 size = ImGui::GetIO().DisplaySize;
  const SDL_TouchFingerEvent& f = event.tfinger;
  const Vec2 at = {f.x * size.x, f.y * size.y};
  if (event.type == SDL_FINGERDOWN) comes_down(touch(), f.fingerId, at);
  if (event.type == SDL_FINGERMOTION) moves(touch(), f.fingerId, at);
  if (event.type == SDL_FINGERUP) goes_up(touch(), f.fingerId);
}

void begin_touch() {
  Touch& t = touch();
  if (std::exchange(t.cancels, false)) cancel_press();
  if (t.does == Finger::presses && length(t.at[0] - t.from) > kStill) {
    begin_drag(t);
  } else if (t.does == Finger::presses && !t.rests && now_ms() - t.since_ms >= kRest_ms) {
    cancel_press();
    point(t.at[0]);
    t.does = Finger::points;
  }
  ImGuiWindow* window = t.does == Finger::scrolls ? ImGui::FindWindowByID(t.window) : nullptr;
  if (!window) return;
  const Vec2 by = std::exchange(t.scrolled, {});
  if (by.x != 0) ImGui::SetScrollX(window, window->Scroll.x - by.x);
  if (by.y != 0) ImGui::SetScrollY(window, window->Scroll.y - by.y);
}

void end_touch() {
  touch().gesture.scale = 1;
  touch().gesture.pan = {};
  touch().gesture.begins = false;
}

const Gesture& gesture() { return touch().gesture; }
void keep_finger(bool at_rest) {
  touch().drags = true;
  touch().rests = at_rest;
}

}  // namespace attn::platform
