// test_analysis.cpp - every metric keeps its word, and choices stay inside the trace.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

#include "analysis/measure.h"
#include "pass/scratch.h"

using namespace attn;

namespace {

ScratchRun small_run(ScratchMask mask) {
  ScratchSettings s{.d_model = 12, .n_heads = 3, .n_samples = 2, .seed = 5, .mask = mask};
  auto run = run_scratch(s);
  REQUIRE(run);
  return *run;
}

int size_of(Axis axis, const Attention& a) {
  switch (axis) {
    case Axis::sample:
      return a.n_samples;
    case Axis::layer:
      return a.n_layers;
    case Axis::head:
      return a.n_heads;
    case Axis::query:
      return a.n_query;
    case Axis::key:
      return a.n_key;
    case Axis::dim:
      return a.d_head;
    case Axis::vocab:
    case Axis::component:
      return 0;
  }
  return 0;
}

}  // namespace

TEST_CASE("every metric keeps its word") {
  std::set<std::string> ids;
  for (ScratchMask mask : {ScratchMask::none, ScratchMask::causal, ScratchMask::padding}) {
    const ScratchRun run = small_run(mask);
    const Trace& trace = *run.trace;
    State chosen{.sample = 1, .token = 3};
    chosen.head = 2;
    const State state = clamped(chosen, trace);
    for (const Metric& metric : metrics()) {
      CAPTURE(metric.id);
      ids.insert(metric.id);
      CHECK(find_metric(metric.id) == &metric);
      for (Lang lang : {Lang::en, Lang::zh}) {
        CHECK(std::string(metric.title.in(lang)) != "");
        CHECK(std::string(metric.sentence.in(lang)) != "");
      }
      CHECK(std::string(metric.formula.en) != "");
      CHECK(std::string(metric.source.en) != "");
      for (Lang lang : {Lang::en, Lang::zh}) CHECK(std::string(metric.unit.in(lang)) != "");
      if (const Status e = missing(metric, {nullptr, &trace, &state})) {
        CHECK(metric.needs != 0);
        CHECK(e->message.starts_with(metric.title.en));
        continue;
      }
      const Measure m = metric.compute({nullptr, &trace, &state});
      CHECK(std::ranges::equal(m.axes, metric.axes));
      REQUIRE(m.shape.size() == m.axes.size());
      size_t n = 1;
      for (size_t i = 0; i < m.axes.size(); ++i) {
        CHECK(m.shape[i] == size_of(m.axes[i], trace.parts[0]));
        n *= size_t(m.shape[i]);
      }
      REQUIRE(m.values.size() == n);
      for (float v : m.values) {
        CHECK(v >= metric.low - 1e-5);
        CHECK(v <= metric.high + 1e-5);
      }
    }
  }
  CHECK(ids.size() == metrics().size());  // no two alike
  CHECK(find_metric("nonsense") == nullptr);
}

TEST_CASE("the looks at one pattern agree with each other") {
  const ScratchRun run = small_run(ScratchMask::causal);
  const Attention& a = run.trace->parts[0];
  State chosen{.sample = 1, .token = 4};
  chosen.head = 1;
  const State s = clamped(chosen, *run.trace);
  const Inputs in{nullptr, run.trace.get(), &s};
  const Measure map = find_metric("pattern")->compute(in), row = find_metric("row")->compute(in);
  const Measure heads = find_metric("heads_row")->compute(in);
  const Measure mean = find_metric("head_mean")->compute(in);
  for (int k = 0; k < a.n_key; ++k) {
    const size_t cell = size_t(s.token * a.n_key + k);
    CHECK(row.values[size_t(k)] == map.values[cell]);
    CHECK(heads.values[size_t(s.head * a.n_key + k)] == row.values[size_t(k)]);
    float sum = 0;
    for (int h = 0; h < a.n_heads; ++h) sum += heads.values[size_t(h * a.n_key + k)];
    CHECK(mean.values[cell] == doctest::Approx(sum / float(a.n_heads)));
  }
}

TEST_CASE("choices are clamped to what the trace has") {
  const ScratchRun run = small_run(ScratchMask::none);
  State beyond{.sample = 99, .token = 99, .locked_key = 99};
  beyond.part = beyond.layer = beyond.head = 99;
  const State far = clamped(beyond, *run.trace);
  CHECK(far.part == 0);
  CHECK(far.sample == 1);
  CHECK(far.layer == 0);
  CHECK(far.head == 2);
  CHECK(far.token == 5);
  CHECK(far.locked_key == 5);
  State below{.sample = -1, .token = -1, .locked_key = -1};
  below.part = below.layer = below.head = -1;
  const State near = clamped(below, *run.trace);
  CHECK(near == clamped({}, *run.trace));
  CHECK(near.locked_key == -1);
}

TEST_CASE("top_keys gives the largest first and equal ones in order") {
  const float row[] = {0.1f, 0.3f, 0.1f, 0.4f, 0.1f};
  const auto peaks = top_keys(row, 3);
  REQUIRE(peaks.size() == 3);
  CHECK(peaks[0].key == 3);
  CHECK(peaks[0].weight == 0.4f);
  CHECK(peaks[1].key == 1);
  CHECK(peaks[2].key == 0);
  CHECK(top_keys(row, 99).size() == 5);
  CHECK(top_keys(row, 0).empty());
  CHECK(top_keys({}, 3).empty());
}

TEST_CASE("formulas and sources have no English sentences in Chinese") {
  for (const Metric& metric : metrics()) {
    CAPTURE(std::string(metric.id));
    const auto wordy = [](std::string_view text) {
      for (const char* word :
           {" of ", " over ", " with ", "ours", "after ", "chosen", " by ", " the "})
        if (text.find(word) != text.npos) return true;
      return false;
    };
    const std::string formula = formula_of(metric, Lang::zh), source = source_of(metric, Lang::zh);
    CHECK_MESSAGE(!wordy(formula), metric.formula.en);
    CHECK_MESSAGE(!wordy(source), metric.source.en);
    CHECK(formula_of(metric, Lang::en) == std::string(metric.formula.en));
    CHECK(source_of(metric, Lang::en) == std::string(metric.source.en));
  }
}

TEST_CASE("every measure stands in a group of the menus, and no group is empty") {
  std::vector<int> sizes(std::size(kMetricGroups));
  for (const Metric& metric : metrics()) {
    CAPTURE(std::string(metric.id));
    CHECK(metric.group != MetricGroup::none);
    ++sizes[size_t(metric.group)];
  }
  CHECK(std::count(sizes.begin() + 1, sizes.end(), 0) == 0);
}
