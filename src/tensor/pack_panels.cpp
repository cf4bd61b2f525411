// pack_panels.cpp - packs rows or columns of a file into panels.
#include <algorithm>
#include <cstring>

#include "tensor/packed.h"
#include "tensor/parallel.h"

namespace attn {
namespace {

constexpr int64_t kAbreast = 4;  // panels filled at once, so that whole cache lines are read
constexpr int64_t kBlock = 16;   // columns of all rows at a time, for the same reason

// T is as wide as a number of the format; kPanel is the processor's panel.
template <class T, int kPanel>
struct Packer {
  const WeightSource& source;
  T* to;

  T* panel(int64_t p) const { return to + p * kPanel * source.d_in; }
  const T* row(int64_t r) const {
    return static_cast<const T*>(source.data) + source.row_at[size_t(r)];
  }
  bool is_whole(int64_t p) const { return (p + 1) * kPanel <= int64_t(source.row_at.size()); }

  // Whether the outputs of a panel are adjacent in the file, as in GPT-2.
  bool is_columns(int64_t begin, int64_t end) const {
    if (source.in_stride == 1 || !is_whole(end - 1)) return false;
    for (int64_t r = begin * kPanel; r + 1 < end * kPanel; ++r) {
      if (source.row_at[size_t(r + 1)] != source.row_at[size_t(r)] + 1) return false;
    }
    return true;
  }

  template <int kPanels>
  void copy_columns(int64_t p) const {
    const T* from = row(p * kPanel);
    T* out = panel(p);
    for (int64_t k = 0; k < source.d_in; ++k) {
      for (int i = 0; i < kPanels; ++i) {
        std::memcpy(out + (i * source.d_in + k) * kPanel, from + i * kPanel, kPanel * sizeof(T));
      }
      from += source.in_stride;
    }
  }

  void transpose(int64_t p) const {
    const T* rows[kPanel];
    for (int j = 0; j < kPanel; ++j) rows[j] = row(p * kPanel + j);
    T* out = panel(p);
    for (int64_t k0 = 0; k0 < source.d_in; k0 += kBlock) {
      const int64_t k1 = std::min(source.d_in, k0 + kBlock);
      for (int j = 0; j < kPanel; ++j) {
        for (int64_t k = k0; k < k1; ++k) out[k * kPanel + j] = rows[j][k];
      }
    }
  }

  void any(int64_t p) const {
    T* out = panel(p);
    const int64_t first = p * kPanel,
                  n = std::min<int64_t>(kPanel, int64_t(source.row_at.size()) - first);
    if (n < kPanel) std::memset(out, 0, size_t(kPanel * source.d_in) * sizeof(T));
    for (int64_t j = 0; j < n; ++j) {
      const T* from = row(first + j);
      for (int64_t k = 0; k < source.d_in; ++k) out[k * kPanel + j] = from[k * source.in_stride];
    }
  }

  void run(int64_t begin, int64_t end) const {
    for (int64_t p = begin; p < end; ++p) {
      if (p + kAbreast <= end && is_columns(p, p + kAbreast)) {
        copy_columns<kAbreast>(p);
        p += kAbreast - 1;
      } else if (is_columns(p, p + 1)) {
        copy_columns<1>(p);
      } else if (source.in_stride == 1 && is_whole(p)) {
        transpose(p);
      } else {
        any(p);
      }
    }
  }
};

// Keeps blocks whole, with scales before numbers.
void run_blocks(const WeightSource& source, int64_t begin, int64_t end, uint8_t* to) {
  constexpr Format kFormat = Format::q8_0;
  constexpr int kNumbers = numbers_of(kFormat);
  assert(source.in_stride == 1 && source.d_in % kNumbers == 0);
  const int64_t panel = PackedMatrix::panel(), n_blocks = source.d_in / kNumbers;
  const int64_t block_bytes = panel * bytes_of(kFormat), n_rows = int64_t(source.row_at.size());
  for (int64_t p = begin; p < end; ++p) {
    uint8_t* const blocks = to + p * n_blocks * block_bytes;
    if (n_rows < (p + 1) * panel) std::memset(blocks, 0, size_t(n_blocks * block_bytes));
    for (int64_t j = 0; j < panel && p * panel + j < n_rows; ++j) {
      const uint8_t* from = static_cast<const uint8_t*>(source.data) +
                            bytes_of(kFormat, source.row_at[size_t(p * panel + j)]);
      uint8_t* block = blocks;
      for (int64_t b = 0; b < n_blocks; ++b, block += block_bytes, from += bytes_of(kFormat)) {
        std::memcpy(block + 2 * j, from, 2);
        for (int k = 0; k < kNumbers; ++k) block[(2 + k) * panel + j] = from[2 + k];
      }
    }
  }
}

template <class T>
void run(const WeightSource& source, int64_t begin, int64_t end, void* to) {
  T* out = static_cast<T*>(to);
  switch (PackedMatrix::panel()) {
    case 8:
      return Packer<T, 8>{source, out}.run(begin, end);
    case 16:
      return Packer<T, 16>{source, out}.run(begin, end);
    case 32:
      return Packer<T, 32>{source, out}.run(begin, end);
    default:
      assert(!"a panel of another width");
  }
}

}  // namespace

void PackedMatrix::pack_panels(const WeightSource& source, int64_t begin, int64_t end, void* to) {
  const int64_t size = panel() * std::max<int64_t>(1, source.d_in);
  const int64_t grain = std::max<int64_t>(kAbreast, (1 << 17) / size);
  parallel_for(end - begin, grain, [&](int64_t b, int64_t e) {
    if (source.format == Format::f32) {
      run<uint32_t>(source, begin + b, begin + e, to);
    } else if (source.format == Format::q8_0) {
      run_blocks(source, begin + b, begin + e, static_cast<uint8_t*>(to));
    } else {
      run<uint16_t>(source, begin + b, begin + e, to);
    }
  });
}

}  // namespace attn
