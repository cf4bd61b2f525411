// test_parallel.cpp - loops over threads: every index once, from many callers, in quick succession
// and after a rest.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "tensor/parallel.h"

using namespace attn;

namespace {

// Sums 0 .. n-1; the ranges write to places of their own, as a product's do.
int64_t sum_of_loop(int64_t n, int64_t grain) {
  int64_t value[64] = {};
  parallel_for(n, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) value[i] += i;
  });
  int64_t sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += value[i];
  return sum;
}

int64_t wrong_sums(int n_loops) {
  int64_t wrong = 0;
  for (int i = 0; i < n_loops; ++i) {
    const int64_t n = 1 + i % 64;
    wrong += sum_of_loop(n, 1 + i % 3) != n * (n - 1) / 2;
  }
  return wrong;
}

}  // namespace

TEST_CASE("a hundred thousand small loops of two callers") {
#if ATTNSCOPE_THREADS
  std::atomic<int64_t> wrong{0};
  std::thread other([&] { wrong += wrong_sums(50'000); });
  wrong += wrong_sums(50'000);
  other.join();
  CHECK(wrong == 0);
#else
  CHECK(wrong_sums(100'000) == 0);
#endif
}

TEST_CASE("a loop after a rest, when the helpers sleep or are about to") {
#if ATTNSCOPE_THREADS
  for (int us = 0; us < 400; us += 3) {
    std::this_thread::sleep_for(std::chrono::microseconds(us));
    REQUIRE(wrong_sums(3) == 0);
  }
#else
  CHECK(wrong_sums(3) == 0);
#endif
}

TEST_CASE("as many threads take part as are allowed") {
  const int all = n_threads();
  set_n_threads(1);
  CHECK(n_threads() == 1);
  int n_calls = 0;  // no thread but this one may count
  parallel_for(1000, 1, [&](int64_t, int64_t) { ++n_calls; });
  CHECK(n_calls == 1);
  set_n_threads(2);
  CHECK(n_threads() == (all > 1 ? 2 : 1));
  std::atomic<int> at_once{0}, most{0};
  for (int loop = 0; loop < 200; ++loop) {
    parallel_for(20, 1, [&](int64_t, int64_t) {
      const int now = ++at_once;
      int seen = most;
      while (seen < now && !most.compare_exchange_weak(seen, now)) {
      }
      --at_once;
    });
  }
  CHECK(most <= 2);
  set_n_threads(1000);
  CHECK(n_threads() == all);
  set_n_threads(0);
  CHECK(n_threads() == all);
  CHECK(wrong_sums(100) == 0);
}
