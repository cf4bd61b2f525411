// schedule.cpp - schedules frames after input, after pauses of the mouse, and for a blinking
// cursor.
#include "platform/schedule.h"

#include <algorithm>
#include <iterator>

namespace attn::platform {
namespace {

constexpr int kSettling = 3;
// Slightly after Dear ImGui shows tooltips, at 0.15 s and 0.4 s without motion.
constexpr double kRests_ms[] = {200, 600};
constexpr double kRepeat_ms = 33;
constexpr double kBlink_ms = 500;
constexpr double kHeld_ms = 2;
constexpr double kFailed_ms = 1000;
constexpr int kTries = 2;  // at once

}  // namespace

void Schedule::input(double now_ms) {
  input_ms_ = now_ms;
  due_ms_ = now_ms;
  settling_ = kSettling;
  rests_ = 0;
  resting_ = false;
}

void Schedule::drew(double now_ms, const Wish& wish) {
  if (settling_ > 0) --settling_;
  if (resting_ && now_ms >= due_ms_) {
    settling_ = kSettling - 1;  // a new tooltip gets its final size in its second frame
    resting_ = false;
  }
  due_ms_ = kNever;
  if (wish.more_ms <= 0 || settling_ > 0) {
    due_ms_ = now_ms;
    return;
  }
  const auto at_latest = [this](double ms) { due_ms_ = std::min(due_ms_, ms); };
  if (wish.more_ms < kNever) at_latest(now_ms + wish.more_ms);
  if (wish.pressed) at_latest(now_ms + kRepeat_ms);
  if (wish.cursor) at_latest(now_ms + kBlink_ms);
  while (rests_ < int(std::size(kRests_ms)) && input_ms_ + kRests_ms[rests_] <= now_ms) ++rests_;
  if (rests_ < int(std::size(kRests_ms)) && input_ms_ + kRests_ms[rests_] <= due_ms_) {
    due_ms_ = input_ms_ + kRests_ms[rests_];
    resting_ = true;
  }
}

void Schedule::held(double now_ms) { due_ms_ = now_ms + kHeld_ms; }

void Schedule::failed(double now_ms, int in_a_row) {
  due_ms_ = now_ms + (in_a_row > kTries ? kFailed_ms : 0);
}

}  // namespace attn::platform
