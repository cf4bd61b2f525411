// inflate.h - deflated bytes, a part at a time; only inflate.cpp depends on the library.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

namespace attn {

class Inflating {
 public:
  enum class Wrapped { raw, gzip };  // as in zip archives, or a .gz file of one member
  // `from` must outlive this.
  Inflating(std::span<const uint8_t> from, Wrapped wrapped);
  ~Inflating();
  Inflating(Inflating&&) noexcept;
  Inflating& operator=(Inflating&&) noexcept;

  // Writes the next bytes to `to`. Returns how many; fewer than there is room for at the end, or
  // where the bytes are damaged.
  size_t read(std::span<uint8_t> to);
  // Whether all of it was read and is as it was when it was packed. Of raw bytes the caller
  // compares crc().
  bool ended() const;
  uint32_t crc() const;  // CRC-32 of what was read so far

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace attn
