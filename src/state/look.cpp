#include "state/look.h"

#include <array>
#include <charconv>
#include <cmath>

namespace attn {

namespace {

constexpr int kPerCell = 1000;
constexpr long kMostCells = 1 << 20;

std::string written(float cells) {
  const long thousandths = std::lround(double(cells) * kPerCell);
  std::string out = std::to_string(thousandths / kPerCell);
  std::string rest = std::to_string(kPerCell + thousandths % kPerCell).substr(1);
  while (!rest.empty() && rest.back() == '0') rest.pop_back();
  return rest.empty() ? out : out + "." + rest;
}

// A number of digits, with at most three after a point, taken from the start of `text`.
std::optional<float> take_cells(std::string_view& text) {
  long whole = 0, thousandths = 0;
  const auto number = [&](long* out, size_t longest) {
    const size_t n = text.find_first_not_of("0123456789");
    const std::string_view digits = text.substr(0, n);
    if (digits.empty() || digits.size() > longest) return false;
    std::from_chars(digits.data(), digits.data() + digits.size(), *out);
    text.remove_prefix(digits.size());
    for (size_t i = digits.size(); out == &thousandths && i < 3; ++i) *out *= 10;
    return true;
  };
  if (!number(&whole, 7) || whole > kMostCells) return std::nullopt;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (!number(&thousandths, 3)) return std::nullopt;
  }
  return float(whole) + float(thousandths) / kPerCell;
}

}  // namespace

std::string write_look(const CellsInView& view) {
  return written(view.key_min) + "-" + written(view.query_min) + "-" + written(view.key_max) + "-" +
         written(view.query_max);
}

std::optional<CellsInView> read_look(std::string_view text) {
  std::array<float, 4> ends{};
  for (float& end : ends) {
    if (&end != &ends[0]) {
      if (!text.starts_with('-')) return std::nullopt;
      text.remove_prefix(1);
    }
    const std::optional<float> cells = take_cells(text);
    if (!cells) return std::nullopt;
    end = *cells;
  }
  if (!text.empty() || ends[2] <= ends[0] || ends[3] <= ends[1]) return std::nullopt;
  return CellsInView{ends[0], ends[1], ends[2], ends[3]};
}

}  // namespace attn
