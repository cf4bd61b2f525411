#include "files/inflate.h"

#include <zlib.h>

#include <algorithm>

namespace attn {

struct Inflating::Impl {
  std::span<const uint8_t> rest;  // not yet handed to the library
  z_stream stream{};
  int state = Z_OK;
  uLong crc = 0;

  ~Impl() { inflateEnd(&stream); }
};

Inflating::Inflating(std::span<const uint8_t> from, Wrapped wrapped)
    : impl_(std::make_unique<Impl>()) {
  constexpr int kGzip = 16;
  impl_->rest = from;
  impl_->state =
      inflateInit2(&impl_->stream, wrapped == Wrapped::raw ? -MAX_WBITS : kGzip + MAX_WBITS);
}

Inflating::~Inflating() = default;
Inflating::Inflating(Inflating&&) noexcept = default;
Inflating& Inflating::operator=(Inflating&&) noexcept = default;

size_t Inflating::read(std::span<uint8_t> to) {
  constexpr size_t kMost = 1 << 20;  // the library counts in 32 bits
  Impl& z = *impl_;
  size_t n = 0;
  while (n < to.size() && z.state == Z_OK) {
    if (z.stream.avail_in == 0 && !z.rest.empty()) {
      const size_t more = std::min(z.rest.size(), kMost);
      z.stream.next_in = const_cast<Bytef*>(z.rest.data());  // which is not written to
      z.stream.avail_in = uInt(more);
      z.rest = z.rest.subspan(more);
    }
    const size_t room = std::min(to.size() - n, kMost);
    z.stream.next_out = to.data() + n;
    z.stream.avail_out = uInt(room);
    z.state = inflate(&z.stream, Z_NO_FLUSH);
    const size_t made = room - z.stream.avail_out;
    z.crc = crc32(z.crc, to.data() + n, uInt(made));
    n += made;
  }
  return n;
}

bool Inflating::ended() const {
  Impl& z = *impl_;
  // What is left may be the end alone.
  uint8_t none = 0;
  if (z.state == Z_OK) {
    z.stream.next_out = &none;
    z.stream.avail_out = 0;
    if (z.stream.avail_in == 0 && !z.rest.empty()) {
      z.stream.next_in = const_cast<Bytef*>(z.rest.data());
      z.stream.avail_in = uInt(std::min<size_t>(z.rest.size(), 64));
      z.rest = z.rest.subspan(z.stream.avail_in);
    }
    z.state = inflate(&z.stream, Z_NO_FLUSH);
  }
  return z.state == Z_STREAM_END;
}

uint32_t Inflating::crc() const { return uint32_t(impl_->crc); }

}  // namespace attn
