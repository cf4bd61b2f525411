// export_png.cpp - rasterizes a figure, with edges antialiased by their distance to the pixel.
#include <zlib.h>

#include <algorithm>
#include <cmath>

#include "base/utf8.h"
#include "figure/exporters.h"

namespace attn {
namespace {

constexpr int kMostSide = 16384;  // pixels
constexpr int64_t kMostBytes = 200'000'000;

struct Raster {
  int width, height;
  std::vector<uint8_t> rgb;

  // Blends in sRGB values; pixels outside are ignored.
  void blend(int x, int y, uint32_t color, float cover) {
    if (x < 0 || y < 0 || x >= width || y >= height || cover <= 0) return;
    cover = std::min(cover, 1.f);
    uint8_t* p = rgb.data() + (size_t(y) * size_t(width) + size_t(x)) * 3;
    for (int i = 0; i < 3; ++i) {
      const float to = float(color >> (16 - 8 * i) & 255);
      p[i] = uint8_t(float(p[i]) + (to - float(p[i])) * cover + .5f);
    }
  }
};

struct PngPen {
  const ExportStyle& style;
  Raster& picture;

  Vec2 at(Vec2 v) const {
    return {(v.x + style.margin) * style.scale, (v.y + style.margin) * style.scale};
  }
  // NaN is a masked cell.
  uint32_t cell_color(float place) const {
    return place == place ? palette_rgb(style.palette, style.dark, place)
           : style.dark   ? 0x242934
                          : 0xe9edf2;
  }

  // Coverage of each pixel by a rectangle with rounded corners.
  void fill(Vec2 min, Vec2 max, uint32_t color, float alpha, float round) const {
    min = at(min), max = at(max);
    round *= style.scale;
    const Vec2 c = {(min.x + max.x) / 2, (min.y + max.y) / 2};
    const Vec2 half = {(max.x - min.x) / 2, (max.y - min.y) / 2};
    for (int y = int(std::floor(min.y)); y <= int(max.y); ++y)
      for (int x = int(std::floor(min.x)); x <= int(max.x); ++x) {
        if (round < .5f) {  // the covered part of the pixel
          const float w = std::min(max.x, float(x + 1)) - std::max(min.x, float(x));
          const float h = std::min(max.y, float(y + 1)) - std::max(min.y, float(y));
          picture.blend(x, y, color, alpha * std::max(0.f, w) * std::max(0.f, h));
          continue;
        }
        // Signed distance from the pixel's centre to the edge.
        const float dx = std::abs(float(x) + .5f - c.x) - half.x + round;
        const float dy = std::abs(float(y) + .5f - c.y) - half.y + round;
        const float away = std::hypot(std::max(dx, 0.f), std::max(dy, 0.f)) +
                           std::min(std::max(dx, dy), 0.f) - round;
        picture.blend(x, y, color, alpha * std::clamp(.5f - away, 0.f, 1.f));
      }
  }
  void operator()(const Rect& r) const {
    fill(r.min, r.max,
         r.weight >= 0 ? palette_rgb(style.palette, style.dark, r.weight)
                       : ink_rgb(style.dark, r.ink),
         r.alpha, r.corner());
  }
  void operator()(const Line& l) const {
    const Vec2 a = at(l.from), b = at(l.to);
    const float half = l.width * style.scale / 2, dx = b.x - a.x, dy = b.y - a.y;
    const float length = dx * dx + dy * dy;
    const uint32_t color = ink_rgb(style.dark, l.ink);
    const int y0 = int(std::floor(std::min(a.y, b.y) - half - 1)),
              y1 = int(std::max(a.y, b.y) + half + 1);
    for (int y = std::max(y0, 0); y <= std::min(y1, picture.height - 1); ++y) {
      // Visit only the part of the row near the line.
      float from = std::min(a.x, b.x) - half - 1, to = std::max(a.x, b.x) + half + 1;
      if (std::abs(dy) > 1e-3f) {
        const float reach = (half + 1) * std::sqrt(length) / std::abs(dy);
        const float x = a.x + (float(y) + .5f - a.y) * dx / dy;
        from = std::max(from, x - reach - 1), to = std::min(to, x + reach + 1);
      }
      for (int x = std::max(0, int(from)); x <= std::min(int(to), picture.width - 1); ++x) {
        // Distance from the pixel's centre to the segment.
        const float px = float(x) + .5f - a.x, py = float(y) + .5f - a.y;
        const float t = length > 0 ? std::clamp((px * dx + py * dy) / length, 0.f, 1.f) : 0;
        const float away = std::hypot(px - t * dx, py - t * dy) - half;
        picture.blend(x, y, color, l.alpha * std::clamp(.5f - away, 0.f, 1.f));
      }
    }
  }
  void operator()(const Photo& p) const {
    const Picture& of = p.of->picture;
    const Vec2 min = at(p.min), max = at(p.max);
    for (int y = std::max(0, int(min.y)); y < std::min(picture.height, int(max.y + .5f)); ++y)
      for (int x = std::max(0, int(min.x)); x < std::min(picture.width, int(max.x + .5f)); ++x) {
        const float u = (float(x) + .5f - min.x) / (max.x - min.x),
                    v = (float(y) + .5f - min.y) / (max.y - min.y);
        const uint8_t* c = of.at(std::clamp(int(u * float(of.width)), 0, of.width - 1),
                                 std::clamp(int(v * float(of.height)), 0, of.height - 1));
        picture.blend(x, y, uint32_t(c[0]) << 16 | uint32_t(c[1]) << 8 | c[2], 1);
      }
  }
  void operator()(const Cells& c) const {
    if (c.rows < 1 || c.cols < 1) return;
    const Vec2 min = at(c.min), max = at(c.max);
    for (int y = std::max(0, int(min.y)); y < std::min(picture.height, int(max.y + .5f)); ++y)
      for (int x = std::max(0, int(min.x)); x < std::min(picture.width, int(max.x + .5f)); ++x) {
        const int r = std::clamp(int((float(y) + .5f - min.y) / (max.y - min.y) * float(c.rows)), 0,
                                 c.rows - 1);
        const int k = std::clamp(int((float(x) + .5f - min.x) / (max.x - min.x) * float(c.cols)), 0,
                                 c.cols - 1);
        picture.blend(x, y, cell_color(c.places[size_t(r) * size_t(c.cols) + size_t(k)]), 1);
      }
  }

  struct Glyph {
    char32_t letter;
    float advance;
  };
  std::vector<Glyph> glyphs_of(std::string_view text, float size) const {
    std::vector<Glyph> glyphs;
    for (size_t i = 0; i < text.size();) {
      const char32_t c = decode_utf8(text, i);
      Letter letter;
      if (style.letters(c, size, 0, false, letter)) glyphs.push_back({c, letter.advance});
    }
    return glyphs;
  }
  static float width_of(const std::vector<Glyph>& glyphs) {
    float width = 0;
    for (const Glyph& g : glyphs) width += g.advance;
    return width;
  }
  void operator()(const Label& l) const {
    const float size = style.font_size * l.scale * style.scale;
    std::vector<Glyph> glyphs = glyphs_of(l.text, size);
    const float room = l.max_width * style.scale;
    if (room > 0 && width_of(glyphs) > room) {
      const std::vector<Glyph> dots = glyphs_of("…", size);
      while (!glyphs.empty() && width_of(glyphs) + width_of(dots) > room) glyphs.pop_back();
      glyphs.insert(glyphs.end(), dots.begin(), dots.end());
    }
    const float width = width_of(glyphs);
    const float before = l.align == Align::left ? 0 : l.align == Align::right ? width : width / 2;
    const uint32_t ink = l.on >= 0 ? ink_on_rgb(palette_rgb(style.palette, style.dark, l.on))
                                   : ink_rgb(style.dark, l.ink);
    const Vec2 start = at(l.at);
    float x = -before;
    for (const Glyph& g : glyphs) {
      draw_glyph(g.letter, size, x, start, l.upright, ink);
      x += g.advance;
    }
  }
  // `x` advances along the text from `start`.
  void draw_glyph(char32_t c, float size, float x, Vec2 start, bool upright, uint32_t ink) const {
    const float along = upright ? x : start.x + x;
    Letter letter;
    if (!style.letters(c, size, along - std::floor(along), true, letter)) return;
    const float across = (upright ? -size / 2 : start.y) + letter.ascent;
    const int x0 = int(std::floor(along)) + letter.left, y0 = int(std::lround(across)) - letter.top;
    for (int r = 0; r < letter.height; ++r)
      for (int k = 0; k < letter.width; ++k) {
        const size_t i = size_t(r) * size_t(letter.width) + size_t(k);
        const float part = float(letter.cover[i]) / 255;
        const uint32_t color = letter.rgb.empty() ? ink
                                                  : uint32_t(letter.rgb[3 * i]) << 16 |
                                                        uint32_t(letter.rgb[3 * i + 1]) << 8 |
                                                        letter.rgb[3 * i + 2];
        // Upright text is rotated by 90° to read upwards.
        if (upright)
          picture.blend(int(std::lround(start.x)) + y0 + r, int(std::lround(start.y)) - 1 - x0 - k,
                        color, part);
        else
          picture.blend(x0 + k, y0 + r, color, part);
      }
  }
};

void append_chunk(std::string& out, const char* type, std::string_view data) {
  const auto big_endian = [&](uint32_t n) {
    for (int shift : {24, 16, 8, 0}) out += char(n >> shift & 255);
  };
  big_endian(uint32_t(data.size()));
  const size_t from = out.size();
  out += type;
  out += data;
  big_endian(uint32_t(
      crc32(0, reinterpret_cast<const Bytef*>(out.data() + from), uInt(out.size() - from))));
}

}  // namespace

std::string write_png(int width, int height, std::span<const uint8_t> rgb,
                      std::span<const std::pair<std::string, std::string>> texts) {
  const size_t row = size_t(width) * 3;
  std::string raw;
  raw.reserve((row + 1) * size_t(height));
  for (int y = 0; y < height; ++y) {
    raw += char(1);  // Sub: difference from the previous pixel
    for (size_t i = 0; i < row; ++i) {
      const uint8_t before = i >= 3 ? rgb[size_t(y) * row + i - 3] : 0;
      raw += char(uint8_t(rgb[size_t(y) * row + i] - before));
    }
  }
  uLongf size = compressBound(uLong(raw.size()));
  std::string packed(size, '\0');
  compress2(reinterpret_cast<Bytef*>(packed.data()), &size,
            reinterpret_cast<const Bytef*>(raw.data()), uLong(raw.size()), 6);
  packed.resize(size);

  std::string out = "\x89PNG\r\n\x1a\n", head;
  for (int n : {width, height})
    for (int shift : {24, 16, 8, 0}) head += char(uint32_t(n) >> shift & 255);
  head += std::string("\x08\x02\x00\x00\x00", 5);  // 8 bits a channel, RGB
  append_chunk(out, "IHDR", head);
  // After the keyword: compression flag and method 0, empty language and translated keyword.
  for (const auto& [keyword, text] : texts)
    append_chunk(out, "iTXt", keyword + std::string(5, '\0') + text);
  append_chunk(out, "IDAT", packed);
  append_chunk(out, "IEND", "");
  return out;
}

Result<std::string> to_png(const Figure& figure, const ExportStyle& style, const Caption& caption) {
  if (!style.letters)
    return Error{
        "PNG: no font could be read; pass --font FILE (.ttf, .otf or .ttc), or save as SVG"};
  const double width = std::ceil(double(figure.size.x + 2 * style.margin) * double(style.scale));
  const double height = std::ceil(double(figure.size.y + 2 * style.margin) * double(style.scale));
  if (!(width >= 1 && height >= 1 && width <= kMostSide && height <= kMostSide &&
        width * height * 3 <= kMostBytes))
    return Error{
        "PNG: the picture would be too large (at most 16384 pixels a side and 200 MB); choose a "
        "smaller "
        "--width, a shorter text, or SVG"};
  Raster picture{int(width), int(height), {}};
  picture.rgb.resize(size_t(width) * size_t(height) * 3);
  const uint32_t paper = ink_rgb(style.dark, Ink::panel);
  for (size_t i = 0; i < picture.rgb.size(); ++i)
    picture.rgb[i] = uint8_t(paper >> (16 - 8 * (i % 3)));
  const PngPen pen{style, picture};
  for (const Shape& shape : figure.shapes) std::visit(pen, shape);
  std::vector<std::pair<std::string, std::string>> texts;
  if (!caption.title.empty()) {
    texts.emplace_back("Title", caption.title);
    texts.emplace_back("Description", caption.description());
  }
  return write_png(picture.width, picture.height, picture.rgb, texts);
}

Status export_png(const FigureExport& what, ByteSink& sink) {
  const Result<std::string> png = to_png(what.figure, what.style, what.caption);
  if (!png) return png.error();
  sink.write(*png);
  return {};
}

}  // namespace attn
