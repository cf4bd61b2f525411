// worker.h - runs one job in small steps, on a compute thread or, without threads, between frames.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "state/language.h"

namespace attn {

// step() runs on the compute thread and returns false after the last; deliver() runs on the
// caller's thread, in poll(). After cancel() no further step begins and nothing is delivered; a
// running step still finishes, so a job must own everything it touches.
struct Job {
  std::string title;
  int n_steps = 1;
  std::function<bool()> step;
  std::function<void()> deliver;
  std::shared_ptr<std::atomic<int>> n_steps_known = nullptr;  // replaces n_steps once known
  // Called where a step ran out of memory, in place of deliver(), and where deliver() did; the job
  // and what it holds are gone.
  std::function<void()> out_of_memory = nullptr;
};

class Worker {
 public:
  // With threads, `finished` is called on another thread when poll() has something to deliver.
  explicit Worker(std::function<void()> finished = {});
  ~Worker();  // waits for the step in progress (not used on the browser's main thread)
  Worker(const Worker&) = delete;

  // Replaces any job not yet delivered.
  void post(Job job);
  void cancel();
  // Delivers what is finished. Without threads, first works for up to `budget_ms`. True if
  // something was delivered.
  bool poll(double budget_ms = 8);

  bool busy() const;
  // Of the current job.
  std::string title() const;
  float progress() const;  // 0 .. 1
  double seconds() const;  // since it was posted
  // The longest step so far, and its job. Without threads a frame may wait that long.
  struct Longest {
    double ms = 0;
    std::string title;
  };
  Longest longest_step() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace attn
