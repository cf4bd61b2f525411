// schedule.h - when the next frame is due, so that an idle program draws none.
#pragma once

namespace attn::platform {

class Schedule {
 public:
  // Something happened that the next frame must show. All times are in milliseconds of one clock.
  void input(double now_ms);
  static constexpr double kNever = 1e300;
  // What the frame just drawn requests: another frame after some milliseconds (0: at once), a
  // blinking cursor, or a held button that may repeat.
  struct Wish {
    double more_ms = kNever;
    bool cursor = false, pressed = false;
  };
  void drew(double now_ms, const Wish& wish);
  // The frame was not shown: draw another shortly.
  void held(double now_ms);
  // The frame failed: draw another at once, or, where that failed too, a second later.
  void failed(double now_ms, int in_a_row);
  // When to draw next; in the past: now, kNever: idle.
  double due_ms() const { return due_ms_; }

 private:
  double due_ms_ = 0;
  double input_ms_ = 0;
  int settling_ = 3;      // frames that Dear ImGui needs to settle after input
  int rests_ = 0;         // pauses (kRests_ms) that have passed since the last input
  bool resting_ = false;  // the next frame ends such a pause
};

}  // namespace attn::platform
