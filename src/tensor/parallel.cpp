#include "tensor/parallel.h"

#include <algorithm>

#if ATTNSCOPE_THREADS
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>
#endif

namespace attn {

#if ATTNSCOPE_THREADS

namespace {

// Helpers wait for a loop, take its ranges one by one with the caller, and wait again. They are made on first use and end with the
// program. One loop at a time: a second caller, or a loop inside a loop, runs its ranges itself.
class Pool {
 public:
  Pool() {
    const int n = std::clamp(int(std::thread::hardware_concurrency()), 1, kMostThreads);
    for (int i = 1; i < n; ++i) threads_.emplace_back([this] { serve(); });
  }
  ~Pool() {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (std::thread& t : threads_) t.join();
  }

  int size() const { return int(threads_.size()) + 1; }

  void run(int64_t n, int64_t chunk, const std::function<void(int64_t, int64_t)>& body) {
    {
      std::lock_guard lock(mutex_);
      n_ = n;
      chunk_ = chunk;
      body_ = &body;
      next_ = 0;
      ++loop_;
    }
    wake_.notify_all();
    take_ranges(n, chunk, body);
    std::unique_lock lock(mutex_);
    body_ = nullptr;  // nobody joins from here on
    // Looks again now and then: a wake-up that an engine loses must not stop a pass for ever.
    while (!done_.wait_for(lock, std::chrono::milliseconds(20), [this] { return n_working_ == 0; })) {
    }
  }

  bool try_own() { return !owned_.exchange(true); }
  void release() { owned_ = false; }

 private:
  static constexpr int kMostThreads = 8;  // a page starts so many workers, one of them the compute thread

  void take_ranges(int64_t n, int64_t chunk, const std::function<void(int64_t, int64_t)>& body) {
    for (int64_t begin; (begin = next_.fetch_add(chunk)) < n;)
      body(begin, std::min(n, begin + chunk));
  }

  void serve() {
    uint64_t seen = 0;
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return stop_ || (body_ && loop_ != seen); });
      if (stop_) return;
      seen = loop_;
      const int64_t n = n_, chunk = chunk_;
      const auto* body = body_;
      ++n_working_;
      lock.unlock();
      take_ranges(n, chunk, *body);
      lock.lock();
      if (--n_working_ == 0) done_.notify_all();
    }
  }

  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::atomic<int64_t> next_{0};
  std::atomic<bool> owned_{false};
  const std::function<void(int64_t, int64_t)>* body_ = nullptr;
  int64_t n_ = 0, chunk_ = 1;
  uint64_t loop_ = 0;
  int n_working_ = 0;
  bool stop_ = false;
};

Pool& pool() {
  static Pool instance;
  return instance;
}

}  // namespace

int n_threads() { return pool().size(); }

void parallel_for(int64_t n, int64_t grain, const std::function<void(int64_t, int64_t)>& body) {
  if (n <= 0) return;
  grain = std::max<int64_t>(1, grain);
  if (n <= grain || n_threads() == 1 || !pool().try_own()) {
    body(0, n);
    return;
  }
  // A few ranges per thread, so that a slow one is made up for.
  const int64_t even = (n + 4 * n_threads() - 1) / (4 * n_threads());
  pool().run(n, std::max(grain, even), body);
  pool().release();
}

#else

int n_threads() { return 1; }

void parallel_for(int64_t n, int64_t, const std::function<void(int64_t, int64_t)>& body) {
  if (n > 0) body(0, n);
}

#endif

}  // namespace attn
