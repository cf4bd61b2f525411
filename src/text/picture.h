// picture.h - a picture as pixels, and the grid of patches that a model reads it as.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace attn {

struct Picture {
  int width = 0, height = 0;
  std::vector<uint8_t> rgb;  // [height, width, 3]

  const uint8_t* at(int x, int y) const {
    return rgb.data() + (size_t(y) * size_t(width) + size_t(x)) * 3;
  }
};

// What the tokens of a picture are: some of no place ([CLS], registers), then patches, row by row.
struct Patches {
  Picture picture;            // as the model sees it: resized and cropped
  int side = 0;               // of a patch, in pixels
  int first = 0;              // the token of the first patch
  std::string name;           // of the file, or ""
  int width = 0, height = 0;  // of the picture before

  int columns() const { return picture.width / side; }
  int rows() const { return picture.height / side; }
  int n() const { return rows() * columns(); }
};

}  // namespace attn
