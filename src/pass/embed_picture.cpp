// embed_picture.cpp - the first rows of the residual stream of a picture: patches as numbers, and
// positions, which are interpolated where the picture has another size than the model's.
#include <algorithm>

#include "pass/forward_impl.h"
#include "tensor/kernels.h"

namespace attn {

namespace {

std::span<const float> row_of(const Tensor& t, int64_t i, int64_t width) {
  return t.vec().subspan(size_t(i * width), size_t(width));
}

struct Places {
  Taps down, across;
  bool as_they_are = false;
};

Places places_of(const Vision& v, const Patches& p) {
  // As transformers decides it: by the number of patches, and whether the picture is square.
  if (p.n() == v.rows() * v.columns() && (!v.any_size || p.picture.width == p.picture.height))
    return {.as_they_are = true};
  const auto taps = [&](int from, int to) {
    return v.smooth ? smooth_taps(from, to, Resample::bicubic) : plain_bicubic_taps(from, to);
  };
  return {taps(v.rows(), p.rows()), taps(v.columns(), p.columns())};
}

}  // namespace

StageRun ForwardPass::Impl::embed_picture(RowRange rows) {
  const Vision& v = c.vision;
  const auto places = std::make_shared<const Places>(places_of(v, *tokens.patches));
  return [this, rows, &v, places](int64_t begin, int64_t end) {
    const Patches& p = *tokens.patches;
    const PictureInput& in = v.input;
    for (int64_t r = rows.from + begin; r < rows.from + end; ++r) {
      const std::span<float> x = resid.row(r), pixels = embedded.rows(rows.n()).row(r - rows.from);
      std::ranges::fill(pixels, 0.f);
      const int patch = int(r) - p.first;
      if (patch < 0) {
        const bool extra = !v.has_class || r > 0;
        std::ranges::copy(extra ? row_of(w.extra_tokens, r - int(v.has_class), c.d_model)
                                : row_of(w.class_token, 0, c.d_model),
                          x.begin());
        if (!extra || v.extra_placed) add(x, row_of(w.patch_positions, r, c.d_model));
        continue;
      }
      const int row = patch / p.columns(), column = patch % p.columns();
      float* to = pixels.data();
      for (int colour = 0; colour < 3; ++colour)
        for (int dy = 0; dy < p.side; ++dy)
          for (int dx = 0; dx < p.side; ++dx)
            *to++ =
                float((p.picture.at(column * p.side + dx, row * p.side + dy)[colour] * in.factor -
                       in.mean[colour]) /
                      in.deviation[colour]);
      std::ranges::fill(x, 0.f);
      if (!w.embed_project.b.empty()) add(x, w.embed_project.b.vec());
      const int first = v.n_placed_before();
      if (places->as_they_are) {
        add(x, row_of(w.patch_positions, first + patch, c.d_model));
        continue;
      }
      const Taps &down = places->down, &across = places->across;
      for (int i = 0; i < down.n[size_t(row)]; ++i)
        for (int j = 0; j < across.n[size_t(column)]; ++j) {
          const double by = down.weights[size_t(row * down.most + i)] *
                            across.weights[size_t(column * across.most + j)];
          const int place =
              (down.first[size_t(row)] + i) * v.columns() + across.first[size_t(column)] + j;
          const std::span<const float> from = row_of(w.patch_positions, first + place, c.d_model);
          for (size_t k = 0; k < x.size(); ++k) x[k] += float(by) * from[k];
        }
    }
  };
}

}  // namespace attn
