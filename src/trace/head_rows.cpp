#include "trace/head_rows.h"

#include <algorithm>
#include <limits>

namespace attn {

HeadRows::HeadRows(int64_t n_heads, int64_t n_rows, int64_t width, int64_t room)
    : memory_(std::make_shared<Memory>()),
      n_heads_(n_heads),
      n_rows_(n_rows),
      width_(width),
      room_(std::max(n_rows, room)) {
  // With a 32-bit size_t, an overflow must fail to allocate rather than wrap around.
  const uint64_t size = uint64_t(n_heads) * uint64_t(room_) * uint64_t(width);
  const size_t most = std::numeric_limits<size_t>::max() / sizeof(float);
  memory_->floats.reset(new float[size_t(std::min<uint64_t>(size, most))]);
  memory_->n_filled = n_rows;
  data_ = memory_->floats.get();
}

HeadRows::HeadRows(int64_t n_heads, int64_t n_rows, int64_t width, const std::vector<float>& values)
    : HeadRows(n_heads, n_rows, width) {
  assert(int64_t(values.size()) == n_heads * n_rows * width);
  std::copy(values.begin(), values.end(), data_);
}

HeadRows HeadRows::extended(int64_t n_kept, int64_t n_rows, int64_t room) const {
  assert(n_kept <= n_rows_ && n_kept <= n_rows);
  HeadRows out = *this;
  out.n_rows_ = n_rows;
  if (n_rows <= n_kept) return out;
  int64_t filled = n_kept;
  // Succeeds only for the first trace to append after n_kept; the others copy.
  if (n_rows <= room_ && memory_->n_filled.compare_exchange_strong(filled, n_rows)) {
    out.claim_ = std::make_shared<Claim>(memory_, claim_, n_kept, n_rows);
    return out;
  }
  out = HeadRows(n_heads_, n_rows, width_, room);
  for (int64_t i = 0; i < n_heads_; ++i) {
    std::copy_n(at(i), n_kept * width_, out.at(i));
  }
  return out;
}

HeadRows::Claim::~Claim() {
  int64_t filled = to;
  memory->n_filled.compare_exchange_strong(filled, from);
}

uint64_t HeadRows::bytes() const {
  return uint64_t(n_heads_) * uint64_t(room_) * uint64_t(width_) * sizeof(float);
}

}  // namespace attn
