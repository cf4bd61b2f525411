#include "model/pack_weights.h"

#include <algorithm>
#include <cstring>

#include "files/blocks.h"
#include "model/adapter.h"

namespace attn {

namespace {

constexpr uintptr_t kAlign = 64;  // a cache line, and the widest register

uintptr_t rounded_up(uintptr_t at) { return (at + kAlign - 1) / kAlign * kAlign; }

// Of `n` numbers in memory, in one of the floating formats: those that are NaN or infinite.
uint64_t count_not_finite(const uint8_t* at, int64_t n, Format format) {
  const auto count = [&]<class T>(T mask) {
    uint64_t bad = 0;
    for (int64_t i = 0; i < n; ++i) {
      T bits;
      std::memcpy(&bits, at + size_t(i) * sizeof bits, sizeof bits);
      bad += (bits & mask) == mask;
    }
    return bad;
  };
  switch (format) {
    case Format::f32:
      return count(uint32_t(0x7F800000));
    case Format::f16:
      return count(uint16_t(0x7C00));
    case Format::bf16:
      return count(uint16_t(0x7F80));
    case Format::q8_0:
      break;
  }
  uint64_t bad = 0;  // blocks whose scale is not finite
  for (int64_t i = 0; i < n; i += numbers_of(format))
    bad += count_not_finite(at + bytes_of(format, i), 1, Format::f16);
  return bad * uint64_t(numbers_of(format));
}

}  // namespace

std::string not_finite(std::string_view tensor, uint64_t n) {
  return "The weights are damaged: " + quoted_name(tensor) + " has " + std::to_string(n) +
         (n == 1 ? " number that is" : " numbers that are") +
         " NaN or infinite; whatever depends on them is NaN";
}

struct WeightPacker::Impl {
  std::vector<NamedTensors> files;
  WeightPlan plan;
  std::shared_ptr<uint8_t> memory;  // of the current file; null: shared with others
  uint8_t* free = nullptr;          // free space in it, up to the next tensor
  ByteBuffer aside;                 // the current tensor
  uint64_t bytes = 0;
  Status error;
  uint64_t n_bad = 0;  // numbers of the current tensor that are not finite
  std::vector<std::string> warnings;

  size_t next = 0;  // of plan.wanted
  // Progress in the current tensor: numbers copied, parts packed, panels of the next part packed.
  int64_t n_copied = 0;
  size_t n_parts = 0;
  int64_t n_panels = 0;
  // The destination of the current table or part.
  uint8_t* to = nullptr;
  bool stays = false;  // the table, at its place in the file
  std::shared_ptr<const void> owner;

  const WantedTensor& wanted() const { return plan.wanted[next]; }
  uint8_t* begin() const { return const_cast<uint8_t*>(wanted().stored->bytes.data()); }
  uint8_t* end() const { return begin() + wanted().stored->bytes.size(); }
  Format format() const { return *format_of(files[wanted().file], *wanted().stored); }
  int64_t n_numbers() const { return wanted().stored->shape[0] * wanted().stored->shape[1]; }
  // Bytes of the next n numbers in memory, and of their share of the file.
  uint64_t in_memory(int64_t n) const { return uint64_t(attn::bytes_of(format(), n)); }
  uint64_t in_file(int64_t n) const {
    const StoredTensor& stored = *wanted().stored;
    return uint64_t(n / numbers_of(stored.dtype)) * attn::bytes_of(stored.dtype);
  }
  // Numbers that take about so many bytes in memory, in whole blocks.
  int64_t numbers_in(uint64_t n_bytes) const {
    return int64_t(n_bytes) * numbers_of(format()) / attn::bytes_of(format()) / kMostInBlock *
           kMostInBlock;
  }

  void open_file();
  bool place(uint64_t size, const uint8_t* last);
  uint64_t advance();
  uint64_t advance_table();
  uint64_t advance_parts();
  void scale_rows(const WantedTensor& w, int64_t end);
  WeightSource source_of(const WantedTensor::Part& part) const;
  uint64_t done();
};

void WeightPacker::Impl::open_file() {
  if (next > 0 && plan.wanted[next - 1].file == wanted().file) return;
  // What is used twice, or shares its memory with another, must not change before its last use.
  memory.reset();
  const uint8_t* until = nullptr;
  for (size_t i = next; i < plan.wanted.size() && plan.wanted[i].file == wanted().file; ++i) {
    const std::span<const uint8_t> stored = plan.wanted[i].stored->bytes;
    if (i > next && stored.data() < until) return;
    until = std::max(until, stored.data() + stored.size());
  }
  Bytes& mine = files[wanted().file].bytes;
  const size_t size = mine.size();
  memory = mine.take();
  free = memory.get();
  if (memory) bytes += size;
}

// Allocates `size` bytes: in the free space of the file's memory if they end at or before `last`,
// else in new memory.
bool WeightPacker::Impl::place(uint64_t size, const uint8_t* last) {
  if (memory) {
    const uintptr_t at = rounded_up(reinterpret_cast<uintptr_t>(free));
    const uintptr_t most = reinterpret_cast<uintptr_t>(last);
    if (at <= most && size <= most - at) {
      to = free + (at - reinterpret_cast<uintptr_t>(free));
      free = to + size;
      owner = memory;
      return true;
    }
  }
  ByteBuffer buffer;
  if (!buffer.resize(size)) {
    error = Error{files[wanted().file].file + ": not enough memory for tensor " +
                  quoted_name(wanted().stored->name) + " (" + human_bytes(size) +
                  "); close other models, or use a smaller one"};
    return false;
  }
  to = buffer.data();
  const Bytes own(std::move(buffer));
  owner = own.owner();
  bytes += size;
  return true;
}

// Does the next piece of work; returns the bytes of the file that it covered.
uint64_t WeightPacker::Impl::advance() {
  if (n_copied == 0) {
    open_file();
    if (memory &&
        free > begin()) {  // unreachable: tensors do not overlap, and none is packed past its place
      error = Error{files[wanted().file].file + ": tensors overlap"};
      return 0;
    }
  }
  return wanted().table ? advance_table() : advance_parts();
}

uint64_t WeightPacker::Impl::done() {
  if (n_bad > 0) warnings.push_back(not_finite(wanted().stored->name, n_bad));
  n_bad = 0;
  n_copied = 0;
  n_parts = 0;
  n_panels = 0;
  ++next;
  return 0;
}

uint64_t WeightPacker::Impl::advance_table() {
  const WantedTensor& w = wanted();
  const int64_t n = n_numbers();
  const uint64_t room = in_memory(n), stored = w.stored->bytes.size();
  if (n_copied == 0) {
    const uintptr_t align = format() == Format::f32 ? 4 : 2;
    stays = memory && stored == room && reinterpret_cast<uintptr_t>(begin()) % align == 0;
    if (stays) {
      to = begin();
      free = end();
      owner = memory;
    } else {
      // Moves towards the front only, so that no number is overwritten before it is read.
      if (!place(room, room > stored ? begin() : begin() + room)) return 0;
    }
  }
  const int64_t last = std::min<int64_t>(n, n_copied + numbers_in(kBytesAStep));
  const uint64_t went = in_file(last - n_copied);
  uint8_t* const here = to + in_memory(n_copied);
  if (!stays) copy_numbers(*w.stored, n_copied, last, here);
  if (w.added) add_low_rank(*w.added, n_copied, last, to, format());
  n_bad += count_not_finite(here, last - n_copied, format());
  n_copied = last;
  if (n_copied < n) return went;
  *w.table = {std::move(owner), to, format(), w.stored->shape[0], w.stored->shape[1]};
  return done() + went;
}

WeightSource WeightPacker::Impl::source_of(const WantedTensor::Part& part) const {
  const std::vector<int64_t>& shape = wanted().stored->shape;
  const bool flipped = wanted().store == MatrixOrder::in_out;
  WeightSource source{
      aside.data(), format(), {}, flipped ? shape[1] : 1, flipped ? shape[0] : shape[1]};
  source.row_at.reserve(size_t(part.rows.n));
  for (int64_t i = 0; i < part.rows.n; ++i)
    source.row_at.push_back(flipped ? part.rows[i] : part.rows[i] * shape[1]);
  return source;
}

// Of the numbers from n_copied on, which are floats.
void WeightPacker::Impl::scale_rows(const WantedTensor& w, int64_t end) {
  for (int64_t i = n_copied; i < end; ++i) {
    float x;
    std::memcpy(&x, aside.data() + i * int64_t(sizeof x), sizeof x);
    x *= w.row_scale.data[i / w.stored->shape[1]];
    std::memcpy(aside.data() + i * int64_t(sizeof x), &x, sizeof x);
  }
}

uint64_t WeightPacker::Impl::advance_parts() {
  const WantedTensor& w = wanted();
  const int64_t n = n_numbers();
  if (n_copied < n) {
    if (n_copied == 0 && !aside.resize(in_memory(n))) {
      error = Error{files[w.file].file + ": not enough memory to load it; close other models"};
      return 0;
    }
    const int64_t last = std::min<int64_t>(n, n_copied + numbers_in(kBytesAStep / 2));
    uint8_t* const here = aside.data() + in_memory(n_copied);
    copy_numbers(*w.stored, n_copied, last, here);
    if (w.added) add_low_rank(*w.added, n_copied, last, aside.data(), format());
    if (!w.row_scale.empty()) scale_rows(w, last);
    n_bad += count_not_finite(here, last - n_copied, format());
    const uint64_t went = in_file(last - n_copied);
    n_copied = last;
    return went / 2;
  }
  const WantedTensor::Part& part = w.parts[n_parts];
  const WeightSource source = source_of(part);
  const int64_t all = PackedMatrix::n_panels(part.rows.n);
  const uint64_t room = PackedMatrix::bytes_needed(part.rows.n, source.d_in, source.format);
  if (n_panels == 0 && !place(room, end())) return 0;
  const uint64_t one = room / uint64_t(all);
  const int64_t last = std::min<int64_t>(all, n_panels + 1 + int64_t(kBytesAStep / 2 / one));
  PackedMatrix::pack_panels(source, n_panels, last, to);
  const uint64_t went =
      uint64_t(double(last - n_panels) * double(one) * double(w.stored->bytes.size()) /
               double(in_memory(n_numbers())) / 2);
  n_panels = last;
  if (n_panels < all) return went;
  *part.to = PackedMatrix::packed(source, to, std::move(owner));
  n_panels = 0;
  if (++n_parts < w.parts.size()) return went;
  return done() + went;
}

WeightPacker::WeightPacker(std::vector<NamedTensors> files, WeightPlan plan)
    : impl_(std::make_unique<Impl>()) {
  impl_->files = std::move(files);
  impl_->plan = std::move(plan);
  std::ranges::stable_sort(impl_->plan.wanted, {}, [](const WantedTensor& w) {
    return std::pair(w.file, w.stored->bytes.data());
  });
}

WeightPacker::~WeightPacker() = default;

bool WeightPacker::step() {
  for (uint64_t went = 0; went < kBytesAStep; went += impl_->advance()) {
    if (impl_->error || impl_->next == impl_->plan.wanted.size()) return false;
  }
  return true;
}

Result<WeightPacker::Packed> WeightPacker::take() {
  if (impl_->error) return *impl_->error;
  Packed packed{std::move(*impl_->plan.weights), impl_->bytes, std::move(impl_->warnings)};
  if (impl_->plan.tied) packed.weights.unembed = packed.weights.embed;
  if (impl_->plan.shares_embed) packed.weights.encoder->embed = packed.weights.embed;
  if (!impl_->plan.stored_layers.empty()) {
    const std::vector<Block> stored = std::move(packed.weights.blocks);
    packed.weights.blocks.clear();  // copies share their memory
    for (const int at : impl_->plan.stored_layers)
      packed.weights.blocks.push_back(stored[size_t(at)]);
  }
  return packed;
}

Result<Bound> bind_weights(const Recipe& recipe, const Layout& layout,
                           std::span<const NamedTensors> files) {
  Result<WeightPlan> plan = plan_weights(recipe, layout, files);
  if (!plan) return plan.error();
  if (plan->unused) return *plan->unused;
  Bound bound{{}, plan->tied, plan->n_parameters, plan->warnings, plan->notes};
  WeightPacker packer({files.begin(), files.end()}, std::move(*plan));
  while (packer.step()) {
  }
  Result<WeightPacker::Packed> packed = packer.take();
  if (!packed) return packed.error();
  bound.weights = std::move(packed->weights);
  return bound;
}

}  // namespace attn
