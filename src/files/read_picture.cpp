// read_picture.cpp - decoding by stb_image, and what it leaves out: orientation and refusals.
#include <algorithm>
#include <memory>
#include <string>

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_NO_FAILURE_STRINGS
#include <stb_image.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#include "files/read_picture.h"

namespace attn {

namespace {

constexpr int64_t kMostPixels = 50'000'000;

using ByteSpan = std::span<const uint8_t>;

bool begins(ByteSpan bytes, std::string_view with) {
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size())
      .starts_with(with);
}

uint32_t number(ByteSpan bytes, size_t at, int n, bool little = false) {
  uint32_t value = 0;
  for (int i = 0; i < n && at + size_t(n) <= bytes.size(); ++i)
    value |= uint32_t(bytes[at + size_t(i)]) << 8 * (little ? i : n - 1 - i);
  return value;
}

// The orientation in EXIF data (a TIFF file), 1 to 8.
int orientation_in(ByteSpan tiff) {
  const bool little = begins(tiff, "II");
  const size_t at = number(tiff, 4, 4, little);
  const uint32_t n = number(tiff, at, 2, little);
  for (size_t i = 0; i < n && at + 14 + 12 * i <= tiff.size(); ++i) {
    const size_t entry = at + 2 + 12 * i;
    if (number(tiff, entry, 2, little) != 0x112) continue;
    const uint32_t value = number(tiff, entry + 8, 2, little);
    return value >= 1 && value <= 8 ? int(value) : 1;
  }
  return 1;
}

struct About {
  int orientation = 1, n_colours = 3, depth = 8;
  bool whole = true;  // a JPEG file that is cut off is decoded without an error
};

// Whether each table of Huffman codes in a segment says at most 256 codes, and ends in it:
// stb_image writes and reads beyond its own where one does not.
bool codes_fit(ByteSpan tables) {
  constexpr size_t kCounts = 16;
  while (tables.size() > kCounts) {
    size_t n = 0;
    for (size_t i = 1; i <= kCounts; ++i) n += tables[i];
    if (n > 256 || 1 + kCounts + n > tables.size()) return false;
    tables = tables.subspan(1 + kCounts + n);
  }
  return tables.empty();
}

// The same of all that stands after the first scan, where a marker is never data.
bool later_codes_fit(ByteSpan bytes) {
  for (size_t at = 0; at + 4 <= bytes.size(); ++at) {
    if (bytes[at] != 0xFF || bytes[at + 1] != 0xC4) continue;
    const size_t size = number(bytes, at + 2, 2);
    if (size < 2 || at + 2 + size > bytes.size()) return false;
    if (!codes_fit(bytes.subspan(at + 4, size - 2))) return false;
  }
  return true;
}

About about_jpeg(ByteSpan bytes) {
  About about;
  about.whole = false;  // until its data are found
  for (size_t at = 2; at + 4 <= bytes.size() && bytes[at] == 0xFF;) {
    const uint8_t kind = bytes[at + 1];
    if (kind == 0xFF) {  // filling
      ++at;
      continue;
    }
    const size_t size = number(bytes, at + 2, 2);
    if (kind == 0xDA || at + 2 + size > bytes.size()) {
      const ByteSpan rest = bytes.subspan(at);
      constexpr uint8_t kEnd[] = {0xFF, 0xD9};
      about.whole = !std::ranges::search(rest, kEnd).empty() && later_codes_fit(rest);
      break;
    }
    const ByteSpan body = bytes.subspan(at + 4, size < 2 ? 0 : size - 2);
    if (size < 2 || (kind == 0xC4 && !codes_fit(body))) break;
    if (kind == 0xE1 && begins(body, std::string_view("Exif\0\0", 6)))
      about.orientation = orientation_in(body.subspan(6));
    const bool is_frame =
        kind >= 0xC0 && kind <= 0xCF && kind != 0xC4 && kind != 0xC8 && kind != 0xCC;
    if (is_frame && body.size() > 5) about.n_colours = body[5];
    at += 2 + size;
  }
  return about;
}

About about_png(ByteSpan bytes) {
  About about;
  about.whole = false;  // until its end is found; what is said of data would be allocated unread
  for (size_t at = 8; at + 12 <= bytes.size();) {
    const size_t size = number(bytes, at, 4);
    about.whole = begins(bytes.subspan(at + 4), "IEND");
    if (about.whole || size > bytes.size() - at - 12) break;
    const ByteSpan body = bytes.subspan(at + 8, size);
    if (begins(bytes.subspan(at + 4), "IHDR") && size > 9) {
      about.depth = body[8];
      about.n_colours = body[9] & 2 ? 3 : 1;
    }
    if (begins(bytes.subspan(at + 4), "eXIf")) about.orientation = orientation_in(body);
    at += 12 + size;
  }
  return about;
}

// Upright, from one of the eight orientations of EXIF.
Picture upright(Picture from, int orientation) {
  if (orientation == 1) return from;
  const bool turns = orientation > 4;
  Picture out{turns ? from.height : from.width, turns ? from.width : from.height, {}};
  out.rgb.reserve(from.rgb.size());
  const bool right_to_left =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool upside_down =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  for (int y = 0; y < out.height; ++y)
    for (int x = 0; x < out.width; ++x) {
      const int u = turns ? y : x, v = turns ? x : y;
      const uint8_t* const rgb =
          from.at(right_to_left ? from.width - 1 - u : u, upside_down ? from.height - 1 - v : v);
      out.rgb.insert(out.rgb.end(), rgb, rgb + 3);
    }
  return out;
}

}  // namespace

bool is_picture(const File& file) {
  return begins(file.bytes.span(), "\x89PNG") || begins(file.bytes.span(), "\xFF\xD8\xFF");
}

Result<Picture> read_picture(const File& file) {
  const ByteSpan bytes = file.bytes.span();
  const std::string name(base_name(file.name));
  const About about = begins(bytes, "\x89PNG") ? about_png(bytes) : about_jpeg(bytes);
  int width = 0, height = 0, n = 0;
  const Error damaged{name + ": the picture is damaged or cut off; get the file again"};
  if (is_picture(file) && !about.whole) return damaged;
  if (bytes.size() > INT32_MAX || !is_picture(file) ||
      !stbi_info_from_memory(bytes.data(), int(bytes.size()), &width, &height, &n))
    return Error{name + ": not a PNG or JPEG picture that can be read; save it again as PNG"};
  if (int64_t(width) * height > kMostPixels)
    return Error{name + ": a picture of " + std::to_string(width) + " × " + std::to_string(height) +
                 " pixels; at most 50 million are read, make it smaller"};
  if (about.n_colours > 3) return Error{name + ": a picture in CMYK colours; save it again in RGB"};
  if (about.depth > 8 && about.n_colours == 1)
    return Error{name + ": a grey picture of 16 bits; save it again with 8"};
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(bytes.data(), int(bytes.size()), &width, &height, &n, 3),
      stbi_image_free);
  if (!pixels) return damaged;
  const size_t size = size_t(width) * size_t(height) * 3;
  return upright({width, height, {pixels.get(), pixels.get() + size}}, about.orientation);
}

}  // namespace attn
