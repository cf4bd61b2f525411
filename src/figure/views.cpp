// views.cpp - the table of views.
#include "figure/figure_views.h"

namespace attn {

std::span<const View> views() {
  static const View kViews[] = {
      {"bars", {"This token", "当前词元"}, {Axis::key}, bars_figure},
      {"heads", {"All heads", "各头对比"}, {Axis::head, Axis::key}, heads_figure},
  };
  return kViews;
}

const View* find_view(std::string_view id) {
  for (const View& view : views())
    if (view.id == id) return &view;
  return nullptr;
}

}  // namespace attn
