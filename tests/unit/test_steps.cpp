// test_steps.cpp - how much work a step of a single thread does, and what a longer text takes over.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <random>

#include "app/jobs.h"
#include "app/session.h"
#include "golden_model.h"
#include "pass/forward.h"
#include "tensor/parallel.h"
#include "text/token_sets.h"
#include "trace/attention_block.h"

using namespace attn;

namespace {

struct OneThread {
  OneThread() { set_n_threads(1); }
  ~OneThread() { set_n_threads(0); }
};

std::shared_ptr<const Model> long_model(const std::string& name) {
  const auto tiny = load_model(read_model_files(test_models() / name), name);
  REQUIRE(tiny);
  auto model = std::make_shared<Model>(**tiny);
  model->config.n_ctx = 8192;  // rotary positions know no end
  return model;
}

Tokens some_tokens(int n) {
  std::vector<int> ids;
  for (int i = 0; i < n; ++i) ids.push_back((i * i * 7 + i * 13) % 100);
  return tokens_of(ids);
}

// A causal pattern of random numbers over n tokens, in the memory of `before` where there is one.
std::shared_ptr<const Trace> random_trace(int n, const Trace* before = nullptr) {
  constexpr int kHeads = 2, kRoom = 8192;
  auto trace = std::make_shared<Trace>();
  Attention& a = trace->parts.emplace_back();
  a.n_layers = 1;
  a.n_heads = a.n_kv_heads = kHeads;
  a.d_head = 8;
  a.n_query = a.n_key = n;
  a.scale = .35f;
  a.mask = Mask::causal;
  std::mt19937 random{unsigned(n)};
  std::normal_distribution<float> normal(0, 2);
  const auto make = [&](HeadRows QK::* rows) {
    const int from = before ? std::min(n, before->parts[0].n_query) : 0;
    const HeadRows made = before ? (before->parts[0].computed(0).*rows).extended(from, n, kRoom)
                                 : HeadRows(kHeads, n, a.d_head, kRoom);
    for (int head = 0; head < kHeads; ++head)
      for (int i = from; i < n; ++i)
        for (float& x : made.head_to_fill(head).row(i)) x = normal(random);
    return made;
  };
  a.layers.push_back(QK{make(&QK::q), make(&QK::k), make(&QK::v)});
  a.query_tokens.resize(1);
  a.key_tokens.resize(1);
  return trace;
}

std::shared_ptr<const HeadGrid> grid_of(const std::shared_ptr<const Trace>& trace,
                                        EarlierGrid before) {
  auto grid = std::make_shared<HeadGrid>(empty_grid(trace, 0, 0));
  Job job = grid_job(grid_sizes(trace, 0, 0), 0, 2, std::move(before), Lang::en,
                     [&](GridPart part) { grid->values = std::move(part.values); });
  while (job.step()) {
  }
  job.deliver();
  grid->n_ready = 2;
  return grid;
}

}  // namespace

TEST_CASE("no step of a pass on one thread does more than a bounded amount of work") {
  const OneThread one;
  constexpr int64_t kMost = 1 << 23;
  for (const char* name : {"llama-gqa", "gpt-neox-parallel", "gpt-neox-sequential"}) {
    CAPTURE(name);
    const auto model = long_model(name);
    const Config& c = model->config;
    for (const int n : {600, 6001, 8192}) {
      CAPTURE(n);
      const ForwardPass::Work work = ForwardPass(model, some_tokens(n)).work();
      CHECK(work.most_a_step <= kMost);
      // Products of all queries with the keys that they see, and of weights with values.
      CHECK(work.all >= int64_t(n) * n * c.n_layers * c.n_heads * c.d_head);
    }
  }
}

TEST_CASE("a token typed at the end of a long text costs one thread a row, not the text") {
  const OneThread one;
  const auto model = long_model("llama-gqa");
  const Trace trace = forward(model, some_tokens(1500));
  const ForwardPass all(model, some_tokens(1501)), last(model, some_tokens(1501), {}, &trace);
  CHECK(last.n_reused() == 1500);
  CHECK(last.work().all * 500 < all.work().all);
  CHECK(last.n_steps() * 5 < all.n_steps());
}

TEST_CASE("rows have the same bits however finely a step cuts them") {
  constexpr int kTokens = 400, kFrom = 100, kHead = 1;
  const Tokens tokens = some_tokens(kTokens);
  const TokenSets sets = token_sets(tokens, tokens, true);
  // z and facts of rows from kFrom on.
  const auto run = [&](int n, int64_t most_work, int& n_parts) {
    Trace trace = *random_trace(kTokens);
    Attention& a = trace.parts[0];
    a.facts = {HeadRows(a.n_heads, kTokens, kRowFacts)};
    const QueryParts parts(a, 0, kFrom, kFrom + n, most_work);
    n_parts = parts.n;
    std::vector<float> out(size_t(n * a.d_head));
    for (int i = 0; i < parts.n; ++i) {
      const int from = parts.begin(i), to = parts.end(i);
      attend(a, sets, 0, 0, kHead, from, to,
             {out.data() + (from - kFrom) * a.d_head, to - from, a.d_head});
    }
    for (int q = kFrom; q < kFrom + n; ++q)
      for (const float x : a.facts[0].head(kHead).row(q)) out.push_back(x);
    return out;
  };
  // Few rows take another path than panels do: as many as there are, not as are left over.
  for (const int n : {1, 2, 3, 33, 34, 64, 65, 66, 97, 98, 226}) {
    CAPTURE(n);
    int n_blocks = 0, n_parts = 0;
    const std::vector<float> whole = run(n, INT64_MAX, n_blocks), cut = run(n, 1, n_parts);
    CHECK(whole == cut);
    CHECK(n_blocks == (n + kBlockQueries - 1) / kBlockQueries);
    if (n >= 64) CHECK(n_parts > n_blocks);
  }
}

TEST_CASE("steps of thumbnails and tiles of a long text are bounded") {
  const OneThread one;
  const auto trace = random_trace(6001);
  const Attention& a = trace->parts[0];
  const HeadGrid sizes = grid_sizes(trace, 0, 0);
  const Job grid = grid_job(sizes, 0, 2, {}, Lang::en, [](GridPart) {});
  CHECK(pattern_work(a, 2. * a.n_query) / grid.n_steps <=
        std::max(kWorkAStep, pattern_work(a, sizes.cell)));
  const StripPass tiles(trace, {{0, 0, 1}, trace}, {3, 1, 0, 2});
  CHECK(pattern_work(a, 2048) / tiles.n_steps() <= kWorkAStep);
}

TEST_CASE("thumbnails of a longer text take over the rows of a shorter one") {
  const OneThread one;
  // One token more, several, a cell that is full, one that begins, wider cells, and fewer tokens.
  for (const auto& [n, longer] : {std::pair(4000, 4001),
                                  {4000, 4025},
                                  {4031, 4032},
                                  {4032, 4033},
                                  {4032, 4097},
                                  {4000, 3970},
                                  {600, 601}}) {
    CAPTURE(n);
    CAPTURE(longer);
    const auto first = random_trace(n), next = random_trace(longer, first.get());
    const auto before = grid_of(first, {}), fresh = grid_of(next, {});
    const int n_rows = std::min(n, longer);
    CHECK(grid_of(next, {before, n_rows})->values == fresh->values);
    // Marks tell what is copied: rows of cells that are complete in both.
    const auto marked = std::make_shared<HeadGrid>(*before);
    std::ranges::fill(marked->values, 7.f);
    const auto copied = grid_of(next, {marked, n_rows});
    const int rows = before->cell == fresh->cell ? n_rows / fresh->cell : 0;
    CHECK(std::ranges::count(copied->values, 7.f) ==
          2 * rows * std::min(before->side_k, fresh->side_k));
  }
}

TEST_CASE("tiles of a longer text take over the rows of a shorter one") {
  const OneThread one;
  for (const Pool pool : {Pool::largest, Pool::mean})
    for (const auto& [n, longer] :
         {std::pair(4000, 4001), {4000, 4009}, {4000, 3970}, {4096, 4097}})
      for (const int level : {0, 3}) {
        CAPTURE(n);
        CAPTURE(longer);
        CAPTURE(level);
        const auto first = random_trace(n), next = random_trace(longer, first.get());
        const int row = (std::min(n, longer) - 1) / (kTileSide << level);
        const TileStrip strip{level, row, 0, row + 1};
        const auto run = [&](const std::shared_ptr<const Trace>& trace, EarlierStrip before,
                             int& n_steps) {
          StripPass pass(trace, {{0, 0, 1}, trace, 0, pool}, strip, std::move(before));
          for (n_steps = 1; pass.step();) ++n_steps;
          CHECK(n_steps == pass.n_steps());
          return pass.take();
        };
        int n_steps = 0, n_fresh = 0;
        EarlierStrip before{run(first, {}, n_steps), std::min(n, longer)};
        const auto fresh = run(next, {}, n_fresh), tiles = run(next, std::move(before), n_steps);
        CHECK(n_steps == 1);
        CHECK(n_fresh > 1);
        float worst = 0;
        for (size_t t = 0; t < tiles.size(); ++t) {
          REQUIRE(tiles[t]->pairs.size() == fresh[t]->pairs.size());
          for (size_t i = 0; i < tiles[t]->pairs.size(); ++i)
            worst = std::max(worst, std::abs(tiles[t]->pairs[i] - fresh[t]->pairs[i]));
        }
        CHECK(worst < 1e-5f);  // rows that are computed alone differ in their last bits
      }
}

TEST_CASE("a word typed at the end of a long text leaves its pictures where they are") {
  std::vector<File> files = read_model_files(ATTNSCOPE_SOURCE_DIR "/web/models/bookworm-2m");
  for (File& file : files) {
    if (!file.name.ends_with("/config.json")) continue;
    std::string text(reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size());
    const std::string is = "\"max_position_embeddings\": 256";
    REQUIRE(text.find(is) != text.npos);
    text.replace(text.find(is), is.size(), "\"max_position_embeddings\": 2048");
    file.bytes = Bytes(std::vector<uint8_t>(text.begin(), text.end()));
  }
  Session session;
  State state;
  const auto until = [&](auto&& done) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
    do {
      session.pump();
      session.want(state);
    } while (!done() && std::chrono::steady_clock::now() < end);
  };
  session.open(std::move(files));
  std::optional<std::string> id;
  until([&] { return (id = session.take_opened()).has_value(); });
  REQUIRE(id);
  state.model = *id;
  for (int i = 0; i < 160; ++i) state.text += "Once upon a time ";
  const Snapshot& snap = session.snapshot();
  until([&] { return snap.current || snap.error; });
  REQUIRE(snap.current);
  const auto trace = snap.trace;
  const int n = trace->parts[0].n_query;
  REQUIRE(n > kGridSide * 8);
  REQUIRE(n < 1024);
  REQUIRE(snap.grid->cell > 0);
  // Marks of what was there before, which nothing computes.
  const size_t cells = size_t(snap.grid->side_q) * size_t(snap.grid->side_k);
  const size_t last = snap.grid->values.size() - cells;  // of the last head
  for (const size_t i : {size_t(0), last}) const_cast<float&>(snap.grid->values[i]) = 7;
  const MapKey key{{}, trace};
  REQUIRE(snap.tiles->peek(key, {0, 0, 0}));
  const_cast<float&>(snap.tiles->peek(key, {0, 0, 0})->pairs[0]) = 8;
  state.text += "there lived";
  until([&] { return (snap.current && snap.trace != trace) || snap.error; });
  REQUIRE(snap.trace->parts[0].n_query > n);
  CHECK(snap.grid->trace == snap.trace);
  REQUIRE(snap.grid->values.size() > last);
  CHECK(snap.grid->values[0] == 7);
  CHECK(snap.grid->values[snap.grid->values.size() - cells] == 7);
  const auto tile = snap.tiles->peek({{}, snap.trace}, {0, 0, 0});
  REQUIRE(tile);
  CHECK(tile->pairs[0] == 8);
}
