#include "app/jobs.h"

#include <algorithm>
#include <optional>

#include "model/forward.h"
#include "tensor/parallel.h"

namespace attn {
namespace {

// Room for a trace, its maps and what the pass needs beside the weights.
constexpr uint64_t kMostBytes = 2'000'000'000;
constexpr int kRowsAStep = 64;

Error too_much(uint64_t bytes) {
  return Error{"The text is too long for the memory here: it would take " + human_bytes(bytes) +
               ", and " + human_bytes(kMostBytes) + " is the most; shorten it"};
}

}  // namespace

Job load_job(std::vector<File> files, std::string name, Lang lang,
             std::function<void(LoadResult)> done) {
  struct Work {
    std::vector<File> files;
    std::string name;
    std::optional<LoadResult> result;
  };
  auto work = std::make_shared<Work>(Work{std::move(files), std::move(name), {}});
  return {tr(lang, "Loading the model", "正在加载模型"), 1,
          [work] {
            work->result.emplace(load_model(work->files, work->name));
            work->files.clear();
            return false;
          },
          [work, done] { done(std::move(*work->result)); }};
}

Job scratch_job(ScratchSettings settings, Lang lang, std::function<void(TraceResult)> done) {
  auto result = std::make_shared<std::optional<TraceResult>>();
  return {tr(lang, "Computing", "正在计算"), 1,
          [settings = std::move(settings), result] {
            Result<ScratchRun> run = run_scratch(settings);
            if (!run) {
              result->emplace(run.error());
            } else {
              auto kept = std::make_shared<const ScratchRun>(std::move(*run));
              result->emplace(TracePair{kept->trace, kept});
            }
            return false;
          },
          [result, done] { done(std::move(**result)); }};
}

Job forward_job(std::shared_ptr<const Model> model, std::string text, Lang lang,
                std::function<void(TraceResult)> done) {
  struct Work {
    std::shared_ptr<const Model> model;
    std::string text;
    std::optional<ForwardPass> pass;
    std::optional<TraceResult> result;

    // The first step: tokens, and whether they fit.
    bool begin() {
      Tokens tokens = model->tokenizer->encode(text);
      if (Status wrong = ForwardPass::check(*model, tokens)) {
        result.emplace(*wrong);
        return false;
      }
      const uint64_t bytes = ForwardPass::bytes_needed(model->config, tokens.size(), {});
      if (bytes > kMostBytes) {
        result.emplace(too_much(bytes));
        return false;
      }
      pass.emplace(model, std::move(tokens));
      return true;
    }
    bool step() {
      if (!pass) return begin();
      if (pass->step()) return true;
      result.emplace(TracePair{std::make_shared<const Trace>(pass->take()), nullptr});
      return false;
    }
  };
  auto work = std::make_shared<Work>();
  work->model = std::move(model);
  work->text = std::move(text);
  return {tr(lang, "Running the model", "正在运行模型"), work->model->config.n_layers + 3,
          [work] { return work->step(); }, [work, done] { done(std::move(*work->result)); }};
}

Job map_job(std::shared_ptr<const Trace> trace, int sample, int layer, int head, Lang lang,
            std::function<void(std::shared_ptr<const PatternMap>)> done) {
  const Attention& attention = trace->attention();
  auto map = std::make_shared<PatternMap>();
  map->trace = trace;
  map->sample = sample;
  map->layer = layer;
  map->head = head;
  map->n_query = attention.n_query;
  map->n_key = attention.n_key;
  auto next = std::make_shared<int>(0);
  const int n_steps = (attention.n_query + kRowsAStep - 1) / kRowsAStep;
  return {tr(lang, "Drawing the pattern", "正在绘制注意力图"), n_steps,
          [map, next] {
            if (*next == 0) {
              map->values.resize(size_t(map->n_query) * size_t(map->n_key));
              map->row_max.resize(size_t(map->n_query));
            }
            const int begin = *next, end = std::min(map->n_query, begin + kRowsAStep);
            Mat rows(map->values.data() + int64_t(begin) * map->n_key, end - begin, map->n_key);
            map->trace->attention().pattern_rows(map->sample, map->layer, map->head, begin, end,
                                                 rows);
            for (int r = begin; r < end; ++r) {
              const auto row = rows.row(r - begin);
              map->row_max[size_t(r)] = *std::max_element(row.begin(), row.end());
            }
            *next = end;
            return end < map->n_query;
          },
          [map, done] { done(map); }};
}

Job grid_job(std::shared_ptr<const Trace> trace, int sample, Lang lang,
             std::function<void(std::shared_ptr<const HeadGrid>)> done) {
  const Attention& attention = trace->attention();
  auto grid = std::make_shared<HeadGrid>();
  grid->trace = trace;
  grid->sample = sample;
  grid->n_layers = attention.n_layers;
  grid->n_heads = attention.n_heads;
  grid->side_q = std::min(attention.n_query, kGridSide);
  grid->side_k = std::min(attention.n_key, kGridSide);
  auto next = std::make_shared<int>(0);

  auto thumbnail = [](HeadGrid& g, int layer, int head) {
    const Attention& a = g.trace->attention();
    float* out = g.values.data() +
                 (int64_t(layer) * g.n_heads + head) * int64_t(g.side_q) * g.side_k;
    std::vector<float> rows(size_t(kRowsAStep) * size_t(a.n_key));
    for (int q0 = 0; q0 < a.n_query; q0 += kRowsAStep) {
      const int q1 = std::min(a.n_query, q0 + kRowsAStep);
      Mat block(rows.data(), q1 - q0, a.n_key);
      a.pattern_rows(g.sample, layer, head, q0, q1, block);
      for (int q = q0; q < q1; ++q) {
        float* line = out + int64_t(q) * g.side_q / a.n_query * g.side_k;
        for (int key = 0; key < a.n_key; ++key) {
          float& cell = line[int64_t(key) * g.side_k / a.n_key];
          cell = std::max(cell, block(q - q0, key));
        }
      }
    }
  };
  return {tr(lang, "Drawing all heads", "正在绘制所有注意力头"), attention.n_layers,
          [grid, next, thumbnail] {
            if (*next == 0)
              grid->values.assign(size_t(grid->n_layers) * size_t(grid->n_heads) *
                                      size_t(grid->side_q) * size_t(grid->side_k),
                                  0.0f);
            const int layer = (*next)++;
            parallel_for(grid->n_heads, 1, [&](int64_t begin, int64_t end) {
              for (int64_t head = begin; head < end; ++head) thumbnail(*grid, layer, int(head));
            });
            return *next < grid->n_layers;
          },
          [grid, done] { done(grid); }};
}

}  // namespace attn
