// vision.h - how a model reads pictures, as data: what is done to them first, and their patches.
#pragma once

#include "tensor/resample.h"

namespace attn {

// What happens to a picture before it is cut into patches, as preprocessor_config.json asks.
struct PictureInput {
  bool resizes = true;
  int shortest = 0;  // of the sides, after resizing; 0: width and height
  int width = 0, height = 0;
  Resample resample = Resample::bilinear;
  int crop_width = 0, crop_height = 0;  // 0: the whole picture
  double factor = 1. / 255;             // of a pixel's bytes
  double mean[3] = {0, 0, 0}, deviation[3] = {1, 1, 1};
};

struct Vision {
  int side = 0;               // of a patch, in pixels; 0: the model reads text
  int width = 0, height = 0;  // of the pictures that its positions are for
  bool has_class = true;      // [CLS] before the patches
  int n_extra = 0;            // tokens between [CLS] and the patches
  bool extra_placed = false;  // which have positions, such as DeiT's distillation token
  // Pictures of other sizes are read, too: positions are interpolated, smoothly or as
  // plain_bicubic_taps().
  bool any_size = false, smooth = false;
  PictureInput input;

  int n_before() const { return int(has_class) + n_extra; }
  int columns() const { return side > 0 ? width / side : 0; }
  int rows() const { return side > 0 ? height / side : 0; }
  int n_placed_before() const { return int(has_class) + (extra_placed ? n_extra : 0); }
};

}  // namespace attn
