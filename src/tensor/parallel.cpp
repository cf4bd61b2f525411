#include "tensor/parallel.h"

#include <algorithm>

#if ATTNSCOPE_THREADS
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <new>
#include <thread>
#include <vector>
#endif

namespace attn {

#if ATTNSCOPE_THREADS

namespace {

using std::chrono::microseconds;

// How long a helper spins for the next loop before it sleeps. A pass has about a hundred loops of
// some 100 µs with shorter gaps; waking a sleeper costs 5-50 µs.
constexpr microseconds kSpinForLoop(60);
// The same for the end of a loop, whose last ranges are small: a helper that takes longer has lost
// its processor, perhaps to the thread that waits for it.
constexpr microseconds kSpinForEnd(25);

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Spins until ready() or a timeout; returns ready(). Yields, in case there are fewer processors
// than threads.
template <class F>
bool spin(microseconds how_long, F&& ready) {
  using Clock = std::chrono::steady_clock;
  Clock::time_point end{};
  for (;;) {
    for (int i = 0; i < 64; ++i) {
      if (ready()) return true;
      relax();
    }
    const Clock::time_point now = Clock::now();
    if (end == Clock::time_point{}) end = now + how_long;
    if (now >= end) return false;
    std::this_thread::yield();
  }
}

// Helpers wait for a loop, share its ranges with the caller, and wait again. They start on first
// use and end with the program. One loop at a time: a second caller, or a nested loop, runs its
// ranges itself.
class Pool {
 public:
  Pool() {
    const int n = std::clamp(int(std::thread::hardware_concurrency()), 1, kMostThreads);
    limit_ = n;
    try {
      for (int i = 1; i < n; ++i) threads_.emplace_back([this] { serve(); });
    } catch (const std::exception&) {  // no memory or no threads are left: fewer do as well
      limit_ = int(threads_.size()) + 1;
    }
  }
  ~Pool() {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (std::thread& t : threads_) t.join();
  }

  int size() const { return limit_; }
  void limit(int n) {
    const int all = int(threads_.size()) + 1;
    limit_ = n <= 0 ? all : std::min(n, all);
  }

  void run(int64_t n, int64_t grain, const std::function<void(int64_t, int64_t)>& body) {
    n_ = n;
    grain_ = grain;
    n_helpers_ = uint64_t(std::min<int64_t>(limit_ - 1, (n - 1) / grain));
    body_ = &body;
    next_.store(0, std::memory_order_relaxed);
    const uint64_t loop = (state_.load(std::memory_order_relaxed) & ~kLow) + kOneLoop;
    // Either this thread sees that a helper is about to sleep, or the helper sees the loop.
    state_.store(loop | kOpen);
    if (n_asleep_ > 0) wake(n_helpers_);
    take_ranges();
    state_.fetch_and(~kOpen);  // no thread joins from here on
    wait_for_helpers();
    if (no_memory_.exchange(false)) throw std::bad_alloc();
  }

  bool try_own() { return !owned_.exchange(true); }
  void release() { owned_ = false; }

 private:
  static constexpr int kMostThreads =
      8;  // workers that a page starts, one of them the compute thread
  // state_ combines the loop's number, whether helpers may join, and how many are working on it.
  // The description of a loop is written only while it is closed and no helper works on it.
  static constexpr uint64_t kWorking = 0xFF, kOpen = 0x100, kLow = kOpen | kWorking,
                            kOneLoop = 0x200;

  void wait_for_helpers() {
    const auto all_left = [this] { return (state_ & kWorking) == 0; };
    if (spin(kSpinForEnd, all_left)) return;
    std::unique_lock lock(mutex_);
    caller_asleep_ = true;
    // Checks again now and then: a wake-up lost by an engine must not hang a pass.
    while (!done_.wait_for(lock, std::chrono::milliseconds(20), all_left)) {
    }
    caller_asleep_ = false;
  }

  void wake(uint64_t n) {
    {
      std::lock_guard lock(mutex_);
    }  // a helper that was about to sleep is asleep now
    if (n >= threads_.size()) {
      wake_.notify_all();
    } else {
      for (uint64_t i = 0; i < n; ++i) wake_.notify_one();
    }
  }

  // What a loop throws ends it on all threads, and leaves run(). Loops allocate, and throw nothing
  // else.
  void take_ranges() {
    try {
      take_all_ranges();
    } catch (const std::bad_alloc&) {
      no_memory_ = true;
      next_ = n_;
    }
  }

  // Large ranges first, then smaller ones to balance late or slow threads.
  void take_all_ranges() {
    const int64_t n = n_, parts = 2 * int64_t(n_helpers_ + 1);
    int64_t begin = next_.load(std::memory_order_relaxed);
    while (begin < n) {
      const int64_t end = std::min(n, begin + std::max(grain_, (n - begin + parts - 1) / parts));
      if (!next_.compare_exchange_weak(begin, end, std::memory_order_relaxed)) continue;
      (*body_)(begin, end);
      begin = next_.load(std::memory_order_relaxed);
    }
  }

  // Is there a loop other than `seen`?
  bool is_open(uint64_t seen) const {
    const uint64_t state = state_;
    return (state & kOpen) != 0 && (state & ~kLow) != seen;
  }

  // Joins the loop unless it is over or has enough helpers; `seen` becomes its number.
  bool join(uint64_t& seen) {
    uint64_t state = state_;
    while ((state & kOpen) != 0 && (state & ~kLow) != seen) {
      // n_helpers_ may be read only after joining, so the pool's limit applies here.
      if ((state & kWorking) + 1 >= uint64_t(limit_)) break;
      if (state_.compare_exchange_weak(state, state + 1)) {
        seen = state & ~kLow;
        return true;
      }
    }
    seen = state & ~kLow;
    return false;
  }

  void leave() {
    if (((state_.fetch_sub(1) - 1) & kLow) == 0 && caller_asleep_) {
      {
        std::lock_guard lock(mutex_);
      }
      done_.notify_all();
    }
  }

  void serve() {
    uint64_t seen = 0;
    unsigned in_vain = 0;  // consecutive spins without finding a loop
    for (;;) {
      const auto called = [&] { return stop_ || is_open(seen); };
      // A spinning helper may take the processor from the thread that makes loops (WebAssembly
      // cannot yield), so after two spins in vain it spins only every eighth time.
      const bool look = in_vain < 2 || in_vain % 8 == 0;
      if (look && spin(kSpinForLoop, called)) {
        in_vain = 0;
      } else {
        ++in_vain;
        std::unique_lock lock(mutex_);
        ++n_asleep_;
        wake_.wait(lock, called);
        --n_asleep_;
      }
      if (stop_) return;
      if (!join(seen)) continue;
      take_ranges();
      leave();
    }
  }

  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::atomic<int> limit_{1}, n_asleep_{0};
  std::atomic<bool> owned_{false}, stop_{false}, caller_asleep_{false}, no_memory_{false};
  const std::function<void(int64_t, int64_t)>* body_ = nullptr;
  int64_t n_ = 0, grain_ = 1;
  uint64_t n_helpers_ = 0;
  alignas(64) std::atomic<uint64_t> state_{0};
  alignas(64) std::atomic<int64_t> next_{0};
};

Pool& pool() {
  static Pool instance;
  return instance;
}

}  // namespace

int n_threads() { return pool().size(); }

void set_n_threads(int n) { pool().limit(n); }

void parallel_for(int64_t n, int64_t grain, const std::function<void(int64_t, int64_t)>& body) {
  if (n <= 0) return;
  grain = std::max<int64_t>(1, grain);
  if (n <= grain || n_threads() == 1 || !pool().try_own()) {
    body(0, n);
    return;
  }
  const struct Owner {
    ~Owner() { pool().release(); }
  } owner;
  pool().run(n, grain, body);
}

#else

int n_threads() { return 1; }

void set_n_threads(int) {}

void parallel_for(int64_t n, int64_t, const std::function<void(int64_t, int64_t)>& body) {
  if (n > 0) body(0, n);
}

#endif

}  // namespace attn
