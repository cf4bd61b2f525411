#include "figure/figure_parts.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/utf8.h"
#include "figure/contrast.h"
#include "figure/heads_table.h"

namespace attn {

ValueRange range_of(const Metric* metric, std::span<const float> values) {
  ValueRange range{HUGE_VALF, -HUGE_VALF};
  for (float v : values) {
    if (!std::isfinite(v)) continue;
    range.low = std::min(range.low, v);
    range.high = std::max(range.high, v);
  }
  if (range.low > range.high) return {};
  if (!metric) return {0, 1};
  if (range.low >= 0) range.low = 0;
  // Both signs: symmetric, so that 0 has the middle colour.
  if (range.low < 0) {
    range.high = std::max(range.high, -range.low);
    range.low = -range.high;
  }
  if (range.high == 0) range.high = 1;
  return range;
}

float most_of(std::span<const float> row) {
  float most = 0;
  for (float v : row)
    if (std::isfinite(v)) most = std::max(most, std::abs(v));
  return most;
}

float ValueRange::colored(Scale scale, float value, float row_most) const {
  if (!std::isfinite(value)) return NAN;
  if (!diverges() && (scale == Scale::linear || scale == Scale::automatic))
    return std::clamp(place(value), 0.f, 1.f);
  const float size = std::abs(value), most = scale == Scale::row_max ? row_most : high;
  float t = most > 0 ? size / most : 0;
  if (scale == Scale::log) t = t > 0 ? 1 + std::log10(t) / 4 : 0;
  t = std::clamp(t, 0.f, 1.f);
  return diverges() ? kDiverging + .5f + (value < 0 ? -t : t) / 2 : t;
}

std::string ValueRange::tick(const Metric* metric, Scale scale, float at) const {
  const float t = diverges() ? 2 * at - 1 : at;  // -1 .. 1, or 0 .. 1
  if (scale == Scale::row_max) {
    char text[16];
    std::snprintf(text, sizeof text, "%.0f%%", double(100 * t));
    return text;
  }
  if (scale == Scale::automatic && !metric && high < 1) {
    char text[16];
    std::snprintf(text, sizeof text, "%.2g", double(at * high));
    return t == 1 ? top_text(high) : text;
  }
  if (scale == Scale::linear || scale == Scale::automatic)
    return value_text(metric, low + at * (high - low));
  if (t == 0 && diverges()) return "0";
  // Significant digits, since these values may be far below the precision of value_text().
  char text[32];
  const double value =
      double(high) * std::pow(10., 4. * double(std::abs(t)) - 4) * (t < 0 ? -1 : 1);
  std::snprintf(text, sizeof text, "%s%.2g", t == 0 ? "≤" : "", value);
  return text;
}

void add_color_bar(Figure& figure, const Metric* metric, ValueRange range, Vec2 at, float length,
                   float line, bool vertical, const Scale* scale) {
  const int n = 64;
  const float breadth = line * .6f;
  Cells bar{at, {}, vertical ? n : 1, vertical ? 1 : n, {}};
  bar.max = vertical ? Vec2{at.x + breadth, at.y + length} : Vec2{at.x + length, at.y + breadth};
  for (int i = 0; i < n; ++i)
    bar.places.push_back((range.diverges() ? kDiverging : 0) +
                         float(vertical ? n - 1 - i : i) / float(n - 1));
  figure.shapes.push_back(std::move(bar));
  for (float t : {0.f, .5f, 1.f}) {
    const std::string text = scale ? range.tick(metric, *scale, t)
                                   : value_text(metric, range.low + t * (range.high - range.low));
    if (vertical) {
      const float y = at.y + (1 - t) * length;
      figure.shapes.push_back(Line{{at.x + breadth, y}, {at.x + breadth + 4, y}, Ink::faint});
      figure.shapes.push_back(Label{{at.x + breadth + 7, y - line * (t == 0   ? .8f
                                                                     : t == 1 ? 0
                                                                              : .4f)},
                                    text,
                                    Ink::faint,
                                    Align::left,
                                    0,
                                    .85f});
    } else {
      figure.shapes.push_back(Label{{at.x + t * length, at.y + breadth + 2},
                                    text,
                                    Ink::faint,
                                    t == 0   ? Align::left
                                    : t == 1 ? Align::right
                                             : Align::center,
                                    0,
                                    .85f});
    }
  }
}

void add_sign_legend(Figure& figure, Lang lang, Vec2 at, float room, float line) {
  const float small = line * .8f * .8f, gap = 6;
  const std::string low = tr(lang, "negative", "负"), high = tr(lang, "positive", "正");
  const float from = at.x + rough_width(low, small) * 1.15f + gap;
  const float length = std::clamp(room * .25f, 40.f, 120.f);
  const float top = at.y + line * .15f;
  Cells bar{{from, top}, {from + length, top + line * .5f}, 1, 33, {}};
  for (int i = 0; i < bar.cols; ++i) bar.places.push_back(kDiverging + float(i) / 32);
  figure.shapes.push_back(Label{at, low, Ink::faint, Align::left, 0, .8f});
  figure.shapes.push_back(std::move(bar));
  figure.shapes.push_back(
      Label{{from + length + gap, at.y}, high, Ink::faint, Align::left, 0, .8f});
}

std::string_view token_name(const std::vector<Tokens>& samples, int sample, int i) {
  if (size_t(sample) >= samples.size()) return "";
  const auto& items = samples[size_t(sample)].items;
  return size_t(i) < items.size() ? std::string_view(items[size_t(i)].shown) : "";
}

namespace {

// Approximate widths in em.
float letter_width(char32_t c) {
  if (c >= 0x1100 && c != 0x2026 && !(c >= 0x2000 && c < 0x2e80)) return 1;  // East Asian and above
  if (c >= 0x2190 && c < 0x2c00) return .9f;                                 // arrows, signs
  if (c > 0x7e) return .6f;
  constexpr std::string_view kNarrow = "iljtfrI.,:;'|!()[] ", kWide = "mwMW@%";
  if (kNarrow.find(char(c)) != std::string_view::npos) return .31f;
  if (kWide.find(char(c)) != std::string_view::npos) return .85f;
  return c >= 'A' && c <= 'Z' ? .66f : .55f;
}

}  // namespace

float rough_width(std::string_view text, float size) {
  float width = 0;
  for (size_t at = 0; at < text.size();) width += letter_width(decode_utf8(text, at));
  return width * size;
}

std::string rough_fit(std::string_view text, float size, float max_width) {
  if (rough_width(text, size) <= max_width) return std::string(text);
  float width = rough_width("…", size);
  size_t end = 0;
  for (size_t at = 0; at < text.size();) {
    width += letter_width(decode_utf8(text, at)) * size;
    if (width > max_width) break;
    end = at;
  }
  return std::string(text.substr(0, end)) + "…";
}

int every_so_many(float step, float least) {
  for (int decade = 1;; decade *= 10)
    for (int n : {1, 2, 5})
      if (float(n * decade) * step >= least || decade > 1000000) return n * decade;
}

}  // namespace attn
