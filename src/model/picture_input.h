// picture_input.h - preprocessor_config.json, and a picture as the tokens of a model.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "model/model.h"

namespace attn {

constexpr int kMostPictureSide = 8192;  // after resizing
constexpr int kMostPatches = 1 << 16;

// Vision::input of a model: from the file, or where that is missing (`json` null) as it is usual
// for the family, which is noted.
Status read_picture_input(const Json& json, Config& config, std::vector<std::string>& notes);

// What the model sees of a picture, cut into patches; an error if it cannot read it.
Result<Tokens> picture_tokens(const Model& model, const Picture& picture, std::string name);
// The one query of a pooling head, which is no part of the picture.
Tokens pooling_query();

// As Pillow resizes: fixed-point weights, columns first, bytes in between.
Picture resized(const Picture& picture, int width, int height, Resample kind);

// A small landscape, for trying a model without a picture of one's own.
Picture example_picture();

}  // namespace attn
