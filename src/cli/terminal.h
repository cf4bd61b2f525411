// terminal.h - the terminal that output goes to: its width, colours, and progress of long work.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace attn {

struct Terminal {
  int columns = 0;      // 0: unlimited, as for files and pipes
  bool colour = false;  // a terminal, and NO_COLOR is not set

  std::string bold(std::string_view text) const;
  std::string dim(std::string_view text) const;
  std::string red(std::string_view text) const;
};
// $COLUMNS, else the width of the terminal.
Terminal output_terminal();
Terminal error_terminal();

// A report as the terminal shows it: titles bold and rules dim where it has colours, and no line
// longer than its columns. Sentences are wrapped, below the last column of a table where they stand
// in one; rows of numbers end with … after the last number that fits.
std::string fitted(std::string_view text, const Terminal& terminal);
// One paragraph in lines of at most `columns`, the first of which has `used` columns already; the
// others are indented by `indent`. Chinese may break after any character.
std::string wrapped(std::string_view text, int columns, int indent = 0, int used = 0);

// "Reading the model  42 %" on a terminal's standard error for work of more than half a second;
// erased when the work ends.
class Progress {
 public:
  explicit Progress(std::string title, int n_steps = 0);  // 0: unknown, no percentage
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void step();           // one of n_steps is done
  void at(float share);  // of the whole

 private:
  using Clock = std::chrono::steady_clock;
  std::string title_;
  int n_steps_ = 0, n_done_ = 0;
  bool on_terminal_ = false, shown_ = false;
  Clock::time_point next_;
};

}  // namespace attn
