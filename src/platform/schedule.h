// schedule.h - when the next frame is due, so that an idle program draws none.
#pragma once

namespace attn::platform {

class Schedule {
 public:
  // Something happened that the next frame must show. All times are of one clock, in milliseconds.
  void input(double now_ms);
  static constexpr double kNever = 1e300;
  // What the frame just drawn asks for: another after so many milliseconds (0: at once), a blinking
  // cursor, or a pressed button that may repeat.
  struct Wish {
    double more_ms = kNever;
    bool cursor = false, pressed = false;
  };
  void drew(double now_ms, const Wish& wish);
  // The frame was not shown: another in a moment.
  void held(double now_ms);
  // When to draw next: in the past for "now", kNever while idle.
  double due_ms() const { return due_ms_; }

 private:
  double due_ms_ = 0;
  double input_ms_ = 0;
  int settling_ = 3;      // Dear ImGui needs some frames until what follows from input stands still
  int rests_ = 0;         // how many of the pauses below have passed since the last input
  bool resting_ = false;  // the next frame ends such a pause
};

}  // namespace attn::platform
