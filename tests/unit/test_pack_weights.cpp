// test_pack_weights.cpp - weights packed in their files' own memory are those packed elsewhere.
#include <doctest/doctest.h>

#include <cstring>
#include <random>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "golden_model.h"
#include "model/pack_weights.h"

using namespace attn;

namespace {

struct Entry {
  std::string name;
  std::vector<int64_t> shape;
};

// A file of random numbers of `dtype`, its data `pad` bytes further than need be.
ByteBuffer file_of(const std::vector<Entry>& entries, const std::string& dtype, int pad,
                   uint32_t seed) {
  const int64_t size = dtype == "F64" ? 8 : dtype == "F32" ? 4 : 2;
  std::string header = "{";
  int64_t at = 0;
  for (const Entry& e : entries) {
    int64_t n = 1;
    std::string dims;
    for (int64_t d : e.shape) {
      n *= d;
      dims += (dims.empty() ? "" : ",") + std::to_string(d);
    }
    header += (at ? ",\"" : "\"") + e.name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":[" + dims +
              "],\"data_offsets\":[" + std::to_string(at) + "," + std::to_string(at + n * size) +
              "]}";
    at += n * size;
  }
  header += "}" + std::string(size_t(pad), ' ');
  const uint64_t n_header = header.size();
  ByteBuffer buffer;
  REQUIRE(buffer.resize(8 + n_header + uint64_t(at)));
  std::memcpy(buffer.data(), &n_header, 8);
  std::memcpy(buffer.data() + 8, header.data(), n_header);
  std::mt19937 random(seed);
  for (int64_t i = 0; i < at; i += size) {
    uint8_t* to = buffer.data() + 8 + n_header + i;
    const float number = float(random() % 20001) / 1000 - 10;
    const double wide = double(number) / 3;
    const uint16_t half = uint16_t(random() & 0xBFFF);  // neither infinite nor no number
    if (size == 8) std::memcpy(to, &wide, 8);
    if (size == 4) std::memcpy(to, &number, 4);
    if (size == 2) std::memcpy(to, &half, 2);
  }
  return buffer;
}

Result<NamedTensors> parsed(Bytes bytes) {
  return read_safetensors({"model.safetensors", std::move(bytes)});
}

Layout layout_of(int d_model, int d_mlp) {
  Layout layout;
  Config& c = layout.config;
  c.family = "toy";
  c.d_model = d_model;
  c.n_layers = 2;
  c.n_heads = c.n_kv_heads = 2;
  c.d_head = d_model / 2;
  c.d_mlp = d_mlp;
  c.d_vocab = 37;
  c.n_ctx = 5;
  layout.qkv_bias = true;
  return layout;
}

bool same(const Table& a, const Table& b) {
  return a.rows == b.rows && a.cols == b.cols && a.format == b.format &&
         std::memcmp(a.data, b.data, size_t(a.rows * a.cols * bytes_of(a.format))) == 0;
}

bool same(const PackedMatrix& a, const PackedMatrix& b) {
  return a.d_out() == b.d_out() && a.d_in() == b.d_in() && a.format() == b.format() &&
         std::memcmp(a.data(), b.data(),
                     size_t(PackedMatrix::bytes_needed(a.d_out(), a.d_in(), a.format()))) == 0;
}

bool same(const Tensor& a, const Tensor& b) {
  return a.shape == b.shape && std::ranges::equal(a.vec(), b.vec());
}

bool same(const Weights& a, const Weights& b) {
  bool all = same(a.embed, b.embed) && same(a.positions, b.positions) &&
             same(a.unembed, b.unembed) && same(a.ln_final.gamma, b.ln_final.gamma);
  for (size_t l = 0; l < a.blocks.size(); ++l) {
    for (Linear Block::* field : {&Block::q, &Block::k, &Block::v, &Block::o, &Block::mlp_in}) {
      all = all && same((a.blocks[l].*field).w, (b.blocks[l].*field).w) &&
            same((a.blocks[l].*field).b, (b.blocks[l].*field).b);
    }
  }
  return all;
}

bool is_within(const void* at, const uint8_t* begin, size_t size) {
  const auto* byte = static_cast<const uint8_t*>(at);
  return byte >= begin && byte < begin + size;
}

WeightPacker::Packed pack(const Recipe& recipe, const Layout& layout, Bytes bytes) {
  std::vector<NamedTensors> files = {*parsed(std::move(bytes))};
  Result<WeightPlan> plan = plan_weights(recipe, layout, files);
  if (!plan) FAIL(plan.error().message);
  WeightPacker packer(std::move(files), std::move(*plan));
  while (packer.step()) {
  }
  return *packer.take();
}

}  // namespace

TEST_CASE("bytes are taken by the last who holds them, and by nobody else") {
  Bytes bytes = std::vector<uint8_t>{1, 2, 3};
  {
    const Bytes other = bytes;
    CHECK(!bytes.take());
    CHECK(bytes.size() == 3);
  }
  const std::shared_ptr<uint8_t> mine = bytes.take();
  REQUIRE(mine);
  CHECK(mine.get()[2] == 3);
  CHECK(bytes.size() == 0);
  CHECK(!Bytes().take());

  ByteBuffer buffer;
  REQUIRE(buffer.resize(3));
  std::memcpy(buffer.data(), "abc", 3);
  REQUIRE(buffer.resize(100'000));
  CHECK(std::memcmp(buffer.data(), "abc", 3) == 0);
  CHECK(reinterpret_cast<uintptr_t>(buffer.data()) % 64 == 0);
  const uint8_t* before = buffer.data();
  REQUIRE(buffer.resize(2));
  CHECK(buffer.data() == before);
  CHECK(!buffer.resize(UINT64_MAX));
  CHECK(buffer.size() == 2);
}

TEST_CASE("weights packed in place are, bit for bit, those packed elsewhere") {
  int n_in_place = 0, n_elsewhere = 0;
  std::mt19937 random(3);
  for (int round = 0; round < 600; ++round) {
    const char* const kTypes[] = {"F32", "F16", "BF16", "F64"};
    const std::string dtype = kTypes[round % 4];
    const int d = 2 * int(1 + random() % 40), d_mlp = int(1 + random() % 90);
    const bool flipped = random() % 2, per_head = random() % 2;
    const MatrixOrder store = flipped ? MatrixOrder::in_out : MatrixOrder::out_in;
    const Bind binds[] = {
        {"embed", &Weights::embed},
        {"pos", &Weights::positions},
        {"h.{}.qkv",
         {&Block::q, &Block::k, &Block::v},
         &Layout::qkv_bias,
         store,
         per_head ? Fused::per_group : Fused::one_by_one},
        {"h.{}.o", &Block::o},
        {"h.{}.in", &Block::mlp_in, nullptr, store},
        {"norm", &Weights::ln_final},
        {"head", &Weights::unembed},
    };
    const Recipe recipe = {"toy", "Toy", nullptr, binds, "toy."};
    std::vector<Entry> entries = {{"embed.weight", {37, d}},
                                  {"pos.weight", {5, d}},
                                  {"norm.weight", {d}},
                                  {"norm.bias", {d}},
                                  {"head.weight", {37, d}}};
    for (const char* l : {"h.0", "h.1"}) {
      const std::string h = l;
      entries.push_back({h + ".qkv.weight", flipped ? std::vector<int64_t>{d, 3 * d}
                                                    : std::vector<int64_t>{3 * d, d}});
      entries.push_back({h + ".qkv.bias", {3 * d}});
      entries.push_back({h + ".o.weight", {d, d}});
      entries.push_back({h + ".in.weight", flipped ? std::vector<int64_t>{d, d_mlp}
                                                   : std::vector<int64_t>{d_mlp, d}});
      if (random() % 2) entries.push_back({h + ".mask", {int64_t(1 + random() % 500)}});
    }
    std::shuffle(entries.begin(), entries.end(), random);
    const int pad = int(random() % 70);
    const Layout layout = layout_of(d, d_mlp);
    ByteBuffer ours = file_of(entries, dtype, pad, uint32_t(round));
    const size_t size = ours.size();
    const uint8_t* begin = ours.data();

    // Somebody else holds the same bytes: they stay as they are.
    const Bytes shared = file_of(entries, dtype, pad, uint32_t(round));
    const std::vector<uint8_t> kept(shared.span().begin(), shared.span().end());
    const WeightPacker::Packed elsewhere = pack(recipe, layout, shared);
    CHECK(std::ranges::equal(kept, shared.span()));
    CHECK(!is_within(elsewhere.weights.embed.data, shared.data(), size));

    const WeightPacker::Packed packed = pack(recipe, layout, std::move(ours));
    CHECK(same(packed.weights, elsewhere.weights));
    CHECK(packed.bytes >= size);
    for (const Block& b : packed.weights.blocks) {
      for (const Linear* l : {&b.q, &b.k, &b.v, &b.o, &b.mlp_in}) {
        ++(is_within(l->w.data(), begin, size) ? n_in_place : n_elsewhere);
        CHECK(reinterpret_cast<uintptr_t>(l->w.data()) % 64 == 0);
      }
    }
    const auto at = reinterpret_cast<uintptr_t>(packed.weights.embed.data);
    CHECK(at % uintptr_t(bytes_of(packed.weights.embed.format)) == 0);
  }
  CHECK(n_in_place > 500);
  CHECK(n_elsewhere > 500);
}

TEST_CASE("a tensor that is wanted twice is not packed under its second reader") {
  const Bind binds[] = {
      {"embed", &Weights::embed}, {"h.{}.o", &Block::o}, {"h.0.o", &Weights::head_dense}};
  const Recipe recipe = {"toy", "Toy", nullptr, binds, "toy."};
  const std::vector<Entry> entries = {{"embed.weight", {37, 64}},
                                      {"h.0.o.weight", {64, 64}},
                                      {"h.0.o.bias", {64}},
                                      {"h.1.o.weight", {64, 64}}};
  const WeightPacker::Packed packed = pack(recipe, layout_of(64, 8), file_of(entries, "F32", 0, 1));
  CHECK(same(packed.weights.head_dense.w, packed.weights.blocks[0].o.w));
}

TEST_CASE("packing a real size takes no second copy of it, in short steps") {
  const int d = 512;
  Layout layout = layout_of(d, 4 * d);
  layout.config.n_layers = 12;
  const Bind binds[] = {
      {"embed", &Weights::embed},
      {"h.{}.qkv", {&Block::q, &Block::k, &Block::v}, nullptr, MatrixOrder::in_out},
      {"h.{}.in", &Block::mlp_in}};
  const Recipe recipe = {"toy", "Toy", nullptr, binds, "toy."};
  std::vector<Entry> entries = {{"embed.weight", {37, d}}};
  for (int l = 0; l < 12; ++l) {
    entries.push_back({"h." + std::to_string(l) + ".qkv.weight", {d, 3 * d}});
    entries.push_back({"h." + std::to_string(l) + ".in.weight", {4 * d, d}});
  }
  Bytes bytes = file_of(entries, "F32", 0, 9);
  const uint64_t size = bytes.size();
  std::vector<NamedTensors> files = {*parsed(std::move(bytes))};
  Result<WeightPlan> plan = plan_weights(recipe, layout, files);
  REQUIRE(plan);
#if defined(__GLIBC__)
  const auto in_use = [] {
    const auto info = mallinfo2();
    return double(info.uordblks + info.hblkhd);
  };
#else
  const auto in_use = [] { return 0.0; };
#endif
  const double before = in_use();
  if (before <= 0) std::printf("SKIPPED memory of packing: nobody counts it here\n");
  WeightPacker packer(std::move(files), std::move(*plan));
  double most = 0;
  int n_steps = 1;
  while (packer.step()) {
    ++n_steps;
    most = std::max(most, in_use() - before);
  }
  CHECK(n_steps > 5);
  CHECK(n_steps <= WeightPacker::n_steps(size));
  const Result<WeightPacker::Packed> packed = packer.take();
  REQUIRE(packed);
  CHECK(packed->bytes == size);
  if (before > 0) CHECK(most < 4.0 * d * 4 * d + 200'000);  // the largest tensor
}
