// site.h - which head: part of the model, layer, head.
#pragma once

namespace attn {

struct Site {
  int part = 0;  // of Trace::parts: one in most models, encoder, decoder and cross in some
  int layer = 0, head = 0;

  const Site& site() const { return *this; }
  bool operator==(const Site&) const = default;
};

}  // namespace attn
