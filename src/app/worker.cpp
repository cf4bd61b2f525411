#include "app/worker.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <optional>

#include "base/memory.h"

#if ATTNSCOPE_THREADS
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#endif

namespace attn {

using Clock = std::chrono::steady_clock;

namespace {

double ms_since(Clock::time_point begun) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begun).count();
}

float part_done(const Job& job, int steps_done) {
  const int n = job.n_steps_known ? job.n_steps_known->load() : job.n_steps;
  return std::min(1.0f, float(steps_done) / float(std::max(1, n)));
}

// One step; false after the last, or where the memory is used up.
bool step_of(Job& job, bool& no_memory) {
  try {
    return job.step();
  } catch (const std::bad_alloc&) {
    no_memory = true;
    return false;
  }
}

// Where the memory is used up, what the job holds is let go first, since what is called may need
// some of it. By reference: a function that was moved from may hold what it held.
void conclude(Job& job, bool no_memory) {
  const auto deliver = [&] {
    if (job.deliver) job.deliver();
  };
  if (!no_memory && has_memory(deliver)) return;
  const auto then = std::move(job.out_of_memory);
  job = {};
  if (then) then();
}

// Nothing where there is no memory for the title.
void note(Worker::Longest& longest, double ms, const std::string& title) {
  if (ms > longest.ms) (void)has_memory([&] { longest = {ms, title}; });
}

}  // namespace

#if ATTNSCOPE_THREADS

// The lock is held only to hand a job over; never while a step runs. The browser's main thread may
// not sleep on a lock, but may take one that is held for an instant.
struct Worker::Impl {
  struct Running {
    Job job;
    Clock::time_point begun = Clock::now();
    std::atomic<int> steps_done{0};
    std::atomic<bool> cancelled{false};
    std::atomic<bool> finished{false};
    bool no_memory = false;  // written before `finished`
  };

  std::mutex mutex;
  std::condition_variable wake;
  std::shared_ptr<Running> current;  // the job in hand, running or finished but not yet delivered
  bool stop = false;
  std::function<void()> finished;
  Longest longest;
  std::thread thread;

  void serve() {
    std::shared_ptr<Running> last;
    double slowest = 0;
    for (;;) {
      std::shared_ptr<Running> running;
      {
        std::unique_lock lock(mutex);
        wake.wait(lock, [&] { return stop || (current && current != last); });
        if (stop) return;
        running = last = current;
      }
      bool more = true;
      while (more && !running->cancelled) {
        const auto begun = Clock::now();
        more = step_of(running->job, running->no_memory);
        ++running->steps_done;
        if (const double ms = ms_since(begun); ms > slowest) {
          slowest = ms;
          std::lock_guard lock(mutex);
          note(longest, ms, running->job.title);
        }
      }
      if (more) continue;
      running->finished = true;
      if (finished) finished();
    }
  }
};

Worker::Worker(std::function<void()> finished) : impl_(std::make_shared<Impl>()) {
  impl_->finished = std::move(finished);
  impl_->thread = std::thread([impl = impl_.get()] { impl->serve(); });
}

Worker::~Worker() {
  cancel();
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stop = true;
  }
  impl_->wake.notify_all();
  impl_->thread.join();
}

void Worker::post(Job job) {
  auto running = std::make_shared<Impl::Running>();
  running->job = std::move(job);
  {
    std::lock_guard lock(impl_->mutex);
    if (impl_->current) impl_->current->cancelled = true;
    impl_->current = std::move(running);
  }
  impl_->wake.notify_all();
}

void Worker::cancel() {
  std::lock_guard lock(impl_->mutex);
  if (impl_->current) impl_->current->cancelled = true;
  impl_->current.reset();
}

bool Worker::poll(double) {
  std::shared_ptr<Impl::Running> done;
  {
    std::lock_guard lock(impl_->mutex);
    if (!impl_->current || !impl_->current->finished) return false;
    done = std::move(impl_->current);
    impl_->current.reset();
  }
  conclude(done->job, done->no_memory);
  return true;
}

bool Worker::busy() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->current != nullptr;
}

std::string Worker::title() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->current ? impl_->current->job.title : "";
}

float Worker::progress() const {
  std::lock_guard lock(impl_->mutex);
  if (!impl_->current) return 0;
  return part_done(impl_->current->job, impl_->current->steps_done);
}

double Worker::seconds() const {
  std::lock_guard lock(impl_->mutex);
  if (!impl_->current) return 0;
  return std::chrono::duration<double>(Clock::now() - impl_->current->begun).count();
}

Worker::Longest Worker::longest_step() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->longest;
}

#else

struct Worker::Impl {
  std::optional<Job> job;
  Clock::time_point begun;
  int steps_done = 0;
  Longest longest;
};

// Without threads poll() does the work itself, so nobody needs a notification.
Worker::Worker(std::function<void()>) : impl_(std::make_shared<Impl>()) {}
Worker::~Worker() = default;

void Worker::post(Job job) {
  impl_->job = std::move(job);
  impl_->begun = Clock::now();
  impl_->steps_done = 0;
}

void Worker::cancel() { impl_->job.reset(); }

bool Worker::poll(double budget_ms) {
  if (!impl_->job) return false;
  const auto end = Clock::now() + std::chrono::duration<double, std::milli>(budget_ms);
  bool more = true, no_memory = false;
  do {
    const auto begun = Clock::now();
    more = step_of(*impl_->job, no_memory);
    ++impl_->steps_done;
    note(impl_->longest, ms_since(begun), impl_->job->title);
  } while (more && Clock::now() < end);
  if (more) return false;
  Job done = std::move(*impl_->job);
  impl_->job.reset();
  conclude(done, no_memory);
  return true;
}

bool Worker::busy() const { return impl_->job.has_value(); }
std::string Worker::title() const { return impl_->job ? impl_->job->title : ""; }
float Worker::progress() const {
  if (!impl_->job) return 0;
  return part_done(*impl_->job, impl_->steps_done);
}
double Worker::seconds() const {
  if (!impl_->job) return 0;
  return std::chrono::duration<double>(Clock::now() - impl_->begun).count();
}

Worker::Longest Worker::longest_step() const { return impl_->longest; }

#endif

}  // namespace attn
