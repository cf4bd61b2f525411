#include <algorithm>
#include <cmath>
#include <cstdio>

#include "figure/export.h"
#include "figure/figure_parts.h"

namespace attn {
namespace {

constexpr int kMostRects = 4096;  // larger maps become an embedded image

std::string number(float x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", double(x));
  std::string out = text;
  while (out.back() == '0') out.pop_back();
  if (out.back() == '.') out.pop_back();
  return out == "-0" ? "0" : out;
}

std::string color(uint32_t rgb) {
  char text[16];
  std::snprintf(text, sizeof text, "#%06x", unsigned(rgb & 0xffffff));
  return text;
}

// Escapes markup and drops control characters, which XML forbids.
std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '"')
      out += "&quot;";
    else if (static_cast<unsigned char>(c) < 32)
      out += ' ';
    else
      out += c;
  }
  return out;
}

std::string base64(std::string_view bytes) {
  constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t three = 0;
    const size_t n = std::min<size_t>(3, bytes.size() - i);
    for (size_t j = 0; j < 3; ++j)
      three = three << 8 | (j < n ? static_cast<unsigned char>(bytes[i + j]) : 0);
    for (size_t j = 0; j < 4; ++j) out += j <= n ? kLetters[three >> (18 - 6 * j) & 63] : '=';
  }
  return out;
}

struct SvgPen {
  const ExportStyle& style;
  std::string& out;

  std::string rect(Vec2 min, Vec2 max, uint32_t fill, float alpha, float round) const {
    std::string s = "<rect x=\"" + number(min.x) + "\" y=\"" + number(min.y) + "\" width=\"" +
                    number(max.x - min.x) + "\" height=\"" + number(max.y - min.y) + "\" fill=\"" +
                    color(fill) + "\"";
    if (round > 0) s += " rx=\"" + number(round) + "\"";
    if (alpha < 1) s += " fill-opacity=\"" + number(alpha) + "\"";
    return s + "/>\n";
  }
  uint32_t cell_color(float place) const {
    return place == place ? palette_rgb(style.palette, style.dark, place)
           : style.dark   ? 0x242934
                          : 0xe9edf2;
  }
  void image(Vec2 min, Vec2 max, const char* rendering, const std::string& png) const {
    out += "<image x=\"" + number(min.x) + "\" y=\"" + number(min.y) + "\" width=\"" +
           number(max.x - min.x) + "\" height=\"" + number(max.y - min.y) +
           "\" preserveAspectRatio=\"none\" style=\"image-rendering:" + rendering +
           "\" href=\"data:image/png;base64," + base64(png) + "\"/>\n";
  }
  void operator()(const Photo& p) const {
    const Picture& of = p.of->picture;
    image(p.min, p.max, "auto", write_png(of.width, of.height, of.rgb));
  }
  void operator()(const Rect& r) const {
    const uint32_t fill = r.weight >= 0 ? palette_rgb(style.palette, style.dark, r.weight)
                                        : ink_rgb(style.dark, r.ink);
    out += rect(r.min, r.max, fill, r.alpha, r.corner());
  }
  void operator()(const Line& l) const {
    out += "<line x1=\"" + number(l.from.x) + "\" y1=\"" + number(l.from.y) + "\" x2=\"" +
           number(l.to.x) + "\" y2=\"" + number(l.to.y) + "\" stroke=\"" +
           color(ink_rgb(style.dark, l.ink)) + "\" stroke-width=\"" + number(l.width) + "\"";
    if (l.alpha < 1) out += " stroke-opacity=\"" + number(l.alpha) + "\"";
    out += "/>\n";
  }
  void operator()(const Label& l) const {
    const float size = style.font_size * l.scale;
    const std::string text = l.max_width > 0 ? rough_fit(l.text, size * .92f, l.max_width) : l.text;
    const uint32_t ink = l.on >= 0 ? ink_on_rgb(palette_rgb(style.palette, style.dark, l.on))
                                   : ink_rgb(style.dark, l.ink);
    out += "<text fill=\"" + color(ink) + "\"";
    if (l.scale != 1) out += " font-size=\"" + number(size * .92f) + "\"";
    if (l.align != Align::left)
      out += std::string(" text-anchor=\"") + (l.align == Align::right ? "end" : "middle") + "\"";
    if (l.upright)
      out += " transform=\"translate(" + number(l.at.x + size * .32f) + " " + number(l.at.y) +
             ") rotate(-90)\"";
    else
      out += " x=\"" + number(l.at.x) + "\" y=\"" + number(l.at.y + size * .85f) + "\"";
    out += ">" + escaped(text) + "</text>\n";
  }
  void operator()(const Cells& c) const {
    if (c.rows < 1 || c.cols < 1) return;
    if (c.rows * c.cols > kMostRects) {
      std::vector<uint8_t> rgb;
      for (float place : c.places) {
        const uint32_t fill = cell_color(place);
        for (int shift : {16, 8, 0}) rgb.push_back(uint8_t(fill >> shift));
      }
      return image(c.min, c.max, "pixelated", write_png(c.cols, c.rows, rgb));
    }
    const float wide = (c.max.x - c.min.x) / float(c.cols),
                high = (c.max.y - c.min.y) / float(c.rows);
    out += "<g shape-rendering=\"crispEdges\">\n";
    for (int r = 0; r < c.rows; ++r)
      for (int k = 0; k < c.cols; ++k) {
        const Vec2 min = {c.min.x + float(k) * wide, c.min.y + float(r) * high};
        out += rect(min, {min.x + wide, min.y + high}, cell_color(c.places[size_t(r * c.cols + k)]),
                    1, 0);
      }
    out += "</g>\n";
  }
};

}  // namespace

uint32_t palette_rgb(Palette palette, bool dark, float place) {
  const Rgb c = place_color(palette, dark, place);
  return uint32_t(c.r) << 16 | uint32_t(c.g) << 8 | c.b;
}

uint32_t ink_on_rgb(uint32_t background) {
  // Rec. 709 weights on gamma-encoded channels; accurate enough to choose between two inks.
  const float light = .2126f * float(background >> 16 & 255) +
                      .7152f * float(background >> 8 & 255) + .0722f * float(background & 255);
  return light > 125 ? 0x101217 : 0xffffff;
}

std::string to_svg(const Figure& figure, const ExportStyle& style, const Caption& caption) {
  const float width = figure.size.x + 2 * style.margin, height = figure.size.y + 2 * style.margin;
  std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + number(width) +
                    "\" height=\"" + number(height) + "\" viewBox=\"0 0 " + number(width) + " " +
                    number(height) +
                    "\" font-family=\"system-ui, 'Noto Sans', 'DejaVu Sans', 'Noto Sans CJK SC', "
                    "sans-serif\" font-size=\"" +
                    number(style.font_size * .92f) + "\">\n";
  if (!caption.title.empty()) {
    out += "<title>" + escaped(caption.title) + "</title>\n";
    out += "<desc>" + escaped(caption.description()) + "</desc>\n";
  }
  out += "<rect width=\"100%\" height=\"100%\" fill=\"" + color(ink_rgb(style.dark, Ink::panel)) +
         "\"/>\n<g transform=\"translate(" + number(style.margin) + " " + number(style.margin) +
         ")\">\n";
  const SvgPen pen{style, out};
  for (const Shape& shape : figure.shapes) std::visit(pen, shape);
  return out + "</g>\n</svg>\n";
}

}  // namespace attn
