// read_picture.h - a PNG or JPEG file as pixels.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "text/picture.h"

namespace attn {

// By its first bytes.
bool is_picture(const File& file);

// As Pillow's convert("RGB"): transparency is dropped, not blended, and profiles of colours are not
// applied. Upright, by the orientation in its EXIF data. Errors name the file.
Result<Picture> read_picture(const File& file);

}  // namespace attn
