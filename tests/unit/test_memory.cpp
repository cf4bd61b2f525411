// test_memory.cpp - where the memory is used up: every allocation fails once, and nothing is lost.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <string>

#include "analysis/measure.h"
#include "app/measures.h"
#include "app/worker.h"
#include "failing_new.h"
#include "figure/exporters.h"
#include "golden_model.h"
#include "pass/forward.h"
#include "pass/generate.h"
#include "tensor/parallel.h"

using namespace attn;

namespace {

struct OneThread {
  OneThread() { set_n_threads(1); }
  ~OneThread() { set_n_threads(0); }
};

// Runs `work` with its first allocation failing, then its second, and so on until none fails.
// Returns how many failed; the last run must have done everything.
template <class Work>
int fail_each(Work&& work) {
  for (int n = 0;; ++n) {
    bool threw = false, failed = false;
    {
      const FailingNew failing(n);
      try {
        work();
      } catch (const std::bad_alloc&) {
        threw = true;
      }
      failed = failing.has_failed();
    }
    if (!failed) {
      CHECK(!threw);
      return n;
    }
  }
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

std::shared_ptr<const Model> load(const std::vector<File>& files) {
  ModelLoad load(files, "tiny");
  while (load.step()) {
  }
  auto model = load.take();
  return model ? *model : nullptr;
}

}  // namespace

TEST_CASE("each allocation of loading, a pass, every measure and every export may fail") {
  if (!ATTNSCOPE_COUNTS_NEW) {
    std::printf("SKIPPED allocations that fail: the sanitizer counts them\n");
    return;
  }
  const OneThread one;
  const std::vector<File> files = read_model_files(test_models() / "gpt2");
  std::shared_ptr<const Model> model;
  const int n_load = fail_each([&] { model = load(files); });
  REQUIRE(model);
  CHECK(n_load > 300);

  Tokens tokens;
  const int n_tokenize = fail_each([&] {
    const Result<Tokens> made = model_tokens(*model, "a bc de bc f", "");
    REQUIRE(made);
    tokens = *made;
  });
  CHECK(n_tokenize > 10);

  std::shared_ptr<const Trace> trace;
  const int n_pass = fail_each([&] {
    ForwardPass pass(model, tokens, {.activations = true});
    while (pass.step()) {
    }
    trace = std::make_shared<const Trace>(pass.take());
  });
  REQUIRE(trace);
  CHECK(n_pass > 100);

  int n_measures = 0, n_in_measures = 0;
  State state;
  state.token = tokens.size() - 1;
  const Inputs inputs{model.get(), trace.get(), &state};
  for (const Metric& metric : metrics()) {
    if (cannot_compute(metric, inputs)) continue;
    CAPTURE(metric.id);
    const Measure expected = metric.compute(inputs);
    Measure made;
    n_in_measures += fail_each([&] { made = metric.compute(inputs); });
    CHECK(same_bits(made.values, expected.values));
    ++n_measures;
  }
  CHECK(n_measures > 40);
  CHECK(n_in_measures > 2000);

  int n_in_exports = 0;
  for (const Exporter& row : exporters()) {
    if (!row.patterns) continue;
    CAPTURE(row.id);
    const PatternExport what{trace->parts[0], "tiny"};
    const auto write = [&] {
      return written([&](ByteSink& sink) { (void)row.patterns(what, sink); });
    };
    const std::string expected = write();
    std::string made;
    n_in_exports += fail_each([&] { made = write(); });
    CHECK(made == expected);
  }
  CHECK(n_in_exports > 20);
  MESSAGE("allocations that failed: load ", n_load, ", tokenize ", n_tokenize, ", pass ", n_pass,
          ", ", n_measures, " measures ", n_in_measures, ", exports ", n_in_exports);
}

TEST_CASE("a job that runs out of memory ends in a call, and the worker goes on") {
  Worker worker;
  int delivered = 0, out_of_memory = 0;
  auto held = std::make_shared<int>(7);
  const std::weak_ptr<int> watched = held;
  Job job{"large", 3,
          [held, n = 0]() mutable -> bool {
            if (++n == 2) throw std::bad_alloc();
            return true;
          },
          [&] { ++delivered; }};
  job.out_of_memory = [&] {
    CHECK(watched.expired());  // what the job held is free by now
    ++out_of_memory;
  };
  held.reset();
  worker.post(std::move(job));
  job = {};
  while (worker.busy()) worker.poll();
  CHECK(delivered == 0);
  CHECK(out_of_memory == 1);
  worker.post({"next", 1, [] { return false; }, [&] { ++delivered; }});
  while (worker.busy()) worker.poll();
  CHECK(delivered == 1);
}

TEST_CASE("a result for whose delivery there is no memory ends in the same call") {
  Worker worker;
  int out_of_memory = 0;
  auto held = std::make_shared<int>(7);
  const std::weak_ptr<int> watched = held;
  Job job{"small", 1, [] { return false; }, [held] { throw std::bad_alloc(); }};
  job.out_of_memory = [&] {
    CHECK(watched.expired());
    ++out_of_memory;
  };
  held.reset();
  worker.post(std::move(job));
  job = {};
  while (worker.busy()) worker.poll();
  CHECK(out_of_memory == 1);
}

TEST_CASE("what a parallel loop throws ends it on all threads, and the next one runs") {
  for (int round = 0; round < 50; ++round) {
    CHECK_THROWS_AS(parallel_for(1000, 1,
                                 [&](int64_t begin, int64_t end) {
                                   if (begin <= round * 20 && round * 20 < end)
                                     throw std::bad_alloc();
                                 }),
                    std::bad_alloc);
    std::atomic<int64_t> sum{0};
    parallel_for(1000, 1, [&](int64_t begin, int64_t end) { sum += end - begin; });
    CHECK(sum == 1000);
  }
}
