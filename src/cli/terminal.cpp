#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "base/utf8.h"

namespace attn {

namespace {

constexpr int kFewestColumns = 20;

bool is_terminal([[maybe_unused]] int file) {
#ifdef ATTNSCOPE_NO_TERMINAL
  return false;
#else
  return ::isatty(file) != 0;
#endif
}

int columns_of(int file) {
  if (const char* given = std::getenv("COLUMNS")) {
    const std::string_view text(given);
    int n = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (error == std::errc() && end == text.data() + text.size() && n > 0)
      return std::max(n, kFewestColumns);
  }
  winsize size{};
  if (!is_terminal(file) || ::ioctl(file, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 0;
  return std::max(int(size.ws_col), kFewestColumns);
}

bool has_colours(int file) {
  const char* no = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return !(no && *no) && !(term && std::string_view(term) == "dumb") && is_terminal(file);
}

std::string in_style(bool colour, const char* style, std::string_view text) {
  if (!colour || text.empty()) return std::string(text);
  return std::string("\x1b[") + style + "m" + std::string(text) + "\x1b[0m";
}

bool is_rule(std::string_view line) {
  bool any = false;
  for (size_t at = 0; at < line.size();) {
    const char32_t c = decode_utf8(line, at);
    if (c != U' ' && c != U'─') return false;
    any = any || c == U'─';
  }
  return any;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return lines;
}

// The start of each cell but the first: after two spaces or more.
std::vector<size_t> cells_of(std::string_view line) {
  std::vector<size_t> starts;
  size_t at = line.find_first_not_of(' ');
  while (at != std::string_view::npos && (at = line.find("  ", at)) != std::string_view::npos) {
    at = line.find_first_not_of(' ', at);
    if (at != std::string_view::npos) starts.push_back(at);
  }
  return starts;
}

// As much of the line as fits, whole cells where it has several.
std::string cut(std::string_view line, int columns) {
  size_t end = 0;
  for (size_t at = 0; at < line.size();) {
    decode_utf8(line, at);
    if (display_width(line.substr(0, at)) > columns - 1) break;
    end = at;
  }
  size_t whole = 0;
  for (const size_t start : cells_of(line)) {
    const size_t before = line.find_last_not_of(' ', start - 1) + 1;
    if (before <= end) whole = before;
  }
  return std::string(line.substr(0, whole > 0 ? whole : end)) + "…";
}

std::string fitted_line(std::string_view line, int columns) {
  if (columns <= 0 || display_width(line) <= columns) return std::string(line);
  if (is_rule(line)) {
    size_t end = 0;
    for (size_t at = 0; at < line.size(); end = at) {
      decode_utf8(line, at);
      if (display_width(line.substr(0, at)) > columns) break;
    }
    return std::string(line.substr(0, end));
  }
  const size_t first = line.find_first_not_of(' ');
  const std::vector<size_t> cells = cells_of(line);
  const size_t last = cells.empty() ? first : cells.back();
  const int indent = display_width(line.substr(0, last));
  const std::string_view cell = line.substr(last);
  // A last cell longer than this is a sentence, or a text without spaces that wraps anywhere.
  constexpr int kSentence = 24;
  if (indent > columns / 2 || display_width(cell) < std::min(kSentence, columns - indent))
    return cut(line, columns);
  return std::string(line.substr(0, last)) + wrapped(cell, columns, indent, indent);
}

}  // namespace

std::string Terminal::bold(std::string_view text) const { return in_style(colour, "1", text); }
std::string Terminal::dim(std::string_view text) const { return in_style(colour, "2", text); }
std::string Terminal::red(std::string_view text) const { return in_style(colour, "1;31", text); }

Terminal output_terminal() { return {columns_of(STDOUT_FILENO), has_colours(STDOUT_FILENO)}; }
Terminal error_terminal() { return {columns_of(STDERR_FILENO), has_colours(STDERR_FILENO)}; }

std::string wrapped(std::string_view text, int columns, int indent, int used) {
  const std::string margin(size_t(std::max(indent, 0)), ' ');
  std::string out, word;
  int at = used, spaces = 0;
  bool begun = false;  // the line has a word
  const auto put = [&] {
    if (word.empty()) return;
    const int width = display_width(word);
    if (begun && at + spaces + width > columns) {
      out += "\n" + margin;
      at = indent;
    } else if (begun) {
      out.append(size_t(spaces), ' ');
      at += spaces;
    }
    out += word;
    at += width;
    begun = true;
    spaces = 0;
    word.clear();
  };
  constexpr std::string_view kCloses = "，。、；：！？”’）》…";  // begin no line
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    decode_utf8(text, i);
    const std::string_view c = text.substr(begin, i - begin);
    if (c == " ") {
      put();
      ++spaces;
      continue;
    }
    if (display_width(c) == 2 && kCloses.find(c) == std::string_view::npos) put();
    word += c;
    const bool closes =
        i < text.size() && kCloses.find(text.substr(i, 3)) != std::string_view::npos;
    if (display_width(c) == 2 && !closes) put();
  }
  put();
  return out;
}

std::string fitted(std::string_view text, const Terminal& terminal) {
  if (terminal.columns <= 0 && !terminal.colour) return std::string(text);
  const std::vector<std::string_view> lines = lines_of(text);
  std::string out;
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string line = fitted_line(lines[i], terminal.columns);
    const bool title = i + 1 < lines.size() && is_rule(lines[i + 1]) && !lines[i].empty();
    out += (is_rule(lines[i]) ? terminal.dim(line) : title ? terminal.bold(line) : line) + "\n";
  }
  if (!text.ends_with('\n') && !out.empty()) out.pop_back();
  return out;
}

Progress::Progress(std::string title, int n_steps)
    : title_(std::move(title)),
      n_steps_(n_steps),
      on_terminal_(is_terminal(STDERR_FILENO)),
      next_(Clock::now() + std::chrono::milliseconds(500)) {}

Progress::~Progress() {
  if (shown_) std::fputs("\r\x1b[K", stderr);
}

void Progress::step() {
  ++n_done_;
  at(n_steps_ > 0 ? float(n_done_) / float(n_steps_) : -1);
}

void Progress::at(float share) {
  if (!on_terminal_ || Clock::now() < next_) return;
  next_ = Clock::now() + std::chrono::milliseconds(100);
  shown_ = true;
  if (share < 0)
    std::fprintf(stderr, "\r\x1b[K%s …", title_.c_str());
  else
    std::fprintf(stderr, "\r\x1b[K%s  %d %%", title_.c_str(), int(100 * std::min(share, 1.f)));
  std::fflush(stderr);
}

}  // namespace attn
