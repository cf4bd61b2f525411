// parallel.h - one loop over many threads where there are threads, and over one where not.
#pragma once

#include <cstdint>
#include <functional>

namespace attn {

// Threads that a parallel_for may use (1 without threads).
int n_threads();

// At most so many threads take part from the next loop on; 0: all there are, as at the start. For
// measurements; results are the same bits with any number.
void set_n_threads(int n);

// Calls body(begin, end) over disjoint ranges that cover [0, n), and returns when all are done.
// Results must not depend on how the ranges are cut. `grain` is the smallest range worth a thread.
// Threads wait actively for some microseconds after a loop, so that loops in quick succession cost
// about a microsecond each, and then sleep.
void parallel_for(int64_t n, int64_t grain, const std::function<void(int64_t, int64_t)>& body);

}  // namespace attn
