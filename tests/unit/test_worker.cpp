#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <numeric>
#include <vector>

#include "app/worker.h"
#include "tensor/parallel.h"

using namespace attn;

namespace {
void poll_until_idle(Worker& worker) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (worker.busy() && std::chrono::steady_clock::now() < end) worker.poll();
  REQUIRE(!worker.busy());
}
}  // namespace

TEST_CASE("a job runs its steps, then delivers once, on the caller's thread") {
  Worker worker;
  auto steps = std::make_shared<std::atomic<int>>(0);
  int delivered = 0;
  worker.post({"ten", 10, [steps] { return ++*steps < 10; }, [&] { ++delivered; }});
  CHECK(worker.busy());
  CHECK(worker.title() == "ten");
  poll_until_idle(worker);
  CHECK(*steps == 10);
  CHECK(delivered == 1);
  CHECK(!worker.poll());
}

TEST_CASE("the longest step is known, and whose it was") {
  Worker worker;
  CHECK(worker.longest_step().ms == 0);
  for (const int ms : {3, 30, 1}) {
    worker.post({std::to_string(ms),
                 1,
                 [ms] {
                   const auto end =
                       std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
                   while (std::chrono::steady_clock::now() < end) {
                   }
                   return false;
                 },
                 {}});
    poll_until_idle(worker);
  }
  CHECK(worker.longest_step().ms >= 30);
  CHECK(worker.longest_step().title == "30");
}

TEST_CASE("a newer job takes the older one's place; nothing of it is delivered") {
  Worker worker;
  bool old_delivered = false, new_delivered = false;
  worker.post({"old", 1 << 30, [] { return true; }, [&] { old_delivered = true; }});
  worker.poll(1);
  worker.post({"new", 1, [] { return false; }, [&] { new_delivered = true; }});
  poll_until_idle(worker);
  CHECK(!old_delivered);
  CHECK(new_delivered);
}

TEST_CASE("a cancelled job delivers nothing and a worker with work in hand can end") {
  bool delivered = false;
  {
    Worker worker;
    worker.post({"endless", 1, [] { return true; }, [&] { delivered = true; }});
    worker.poll(1);
    worker.cancel();
    CHECK(!worker.busy());
    worker.post({"endless", 1, [] { return true; }, [&] { delivered = true; }});
  }
  CHECK(!delivered);
}

TEST_CASE("a job may post the next from its delivery") {
  Worker worker;
  int delivered = 0;
  worker.post({"first", 1, [] { return false; },
               [&] {
                 ++delivered;
                 worker.post({"second", 1, [] { return false; }, [&] { ++delivered; }});
               }});
  poll_until_idle(worker);
  CHECK(delivered == 2);
}

TEST_CASE("parallel_for covers every index once, also inside itself") {
  for (int64_t n : {0, 1, 2, 7, 64, 1000, 4097}) {
    for (int64_t grain : {1, 3, 100}) {
      std::vector<std::atomic<int>> seen(size_t(std::max<int64_t>(n, 1)));
      parallel_for(n, grain, [&](int64_t begin, int64_t end) {
        parallel_for(end - begin, 1, [&](int64_t b, int64_t e) {
          for (int64_t i = begin + b; i < begin + e; ++i) ++seen[size_t(i)];
        });
      });
      for (int64_t i = 0; i < n; ++i) REQUIRE(seen[size_t(i)] == 1);
    }
  }
  for (int round = 0; round < 2000; ++round) {
    std::atomic<int64_t> sum{0};
    parallel_for(50, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) sum += i;
    });
    REQUIRE(sum == 1225);
  }
}
