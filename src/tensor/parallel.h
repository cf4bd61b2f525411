// parallel.h - a parallel loop, on a single thread in builds without threads.
#pragma once

#include <cstdint>
#include <functional>

namespace attn {

// Threads that a parallel_for may use (1 without threads).
int n_threads();

// Limits the number of threads from the next loop on; 0 (the default): all. For benchmarks; results
// are bit-identical for any number.
void set_n_threads(int n);

// Calls body(begin, end) for disjoint ranges that cover [0, n), and returns when all are done.
// Results must not depend on the ranges. `grain` is the smallest range worth a thread. After a
// loop, threads spin for some microseconds before they sleep, so that loops in quick succession
// cost about a microsecond each.
void parallel_for(int64_t n, int64_t grain, const std::function<void(int64_t, int64_t)>& body);

}  // namespace attn
