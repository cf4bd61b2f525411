// site.h - identifies a head: part of the model, layer, head.
#pragma once

namespace attn {

struct Site {
  int part =
      0;  // index into Trace::parts; 0 unless the model has an encoder and a decoder, or pools
  int layer = 0, head = 0;

  const Site& site() const { return *this; }
  bool operator==(const Site&) const = default;
};

}  // namespace attn
