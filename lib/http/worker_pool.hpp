#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <thread>
#include <utility>

namespace mtmsg::http {

/// Threads that run jobs. A job that must wait for a client says so (Blocked) and is replaced by another thread, so
/// that `workers` threads can always work; no more than `blocked` jobs wait at a time. Any thread.
template <class Job>
class WorkerPool {
 public:
  struct Limits {
    std::size_t workers = 8;
    std::size_t blocked = 64;
    std::size_t queued = 4096;
  };
  using Work = std::function<void(Job)>;

  /// `make_work` is called once on each thread, for what a thread keeps for itself.
  WorkerPool(Limits limits, std::function<Work()> make_work) : limits_(limits), make_work_(std::move(make_work)) {}
  ~WorkerPool() { stop(); }

  void start() {
    const std::lock_guard lock(mutex_);
    stopping_ = false;
    while (threads_.size() < limits_.workers) spawn();
  }

  /// False when the queue is full.
  bool submit(Job job) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_ || queue_.size() >= limits_.queued) return false;
      queue_.push_back(std::move(job));
      if (idle_ == 0) return true;  // whoever is ready next looks at the queue first
    }
    wake_.notify_one();
    return true;
  }

  /// Call it now and then. When no job was taken since the last call although some wait, every thread hangs in a slow
  /// service: more threads come, at most `blocked`, and go when it is quiet again.
  void relieve() {
    const std::lock_guard lock(mutex_);
    const bool stuck = !queue_.empty() && taken_ == taken_before_;
    taken_before_ = taken_;
    if (queue_.empty() && extra_ > 0) {
      extra_ = 0;
      wake_.notify_all();
    }
    if (!stuck || stopping_) return;
    extra_ = std::min(limits_.blocked, extra_ + queue_.size());
    while (running() < limits_.workers + extra_) spawn();
  }

  /// Held by a job while it waits for something slow. Tells false when too many wait already.
  class Blocked {
   public:
    explicit Blocked(WorkerPool& pool) : pool_(pool), entered_(pool.enter()) {}
    ~Blocked() {
      if (entered_) pool_.leave();
    }
    Blocked(const Blocked&) = delete;
    Blocked& operator=(const Blocked&) = delete;
    explicit operator bool() const noexcept { return entered_; }

   private:
    WorkerPool& pool_;
    const bool entered_;
  };

  /// Runs what is queued, then ends every thread. Idempotent.
  void stop() {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
    while (!threads_.empty() || !ended_.empty()) {
      ended_changed_.wait(lock, [&] { return !ended_.empty(); });
      auto ended = std::exchange(ended_, {});
      lock.unlock();
      for (auto& thread : ended) thread.join();
      lock.lock();
    }
  }

 private:
  using Threads = std::list<std::thread>;

  // All of these with mutex_ held.
  std::size_t running() const noexcept { return threads_.size() - blocked_; }
  bool surplus() const noexcept { return running() > limits_.workers + extra_; }

  void spawn() {
    for (auto& thread : ended_) thread.join();  // they left the lock behind: this does not wait
    ended_.clear();
    const auto self = threads_.emplace(threads_.end());
    *self = std::thread([this, self] { run(self); });
  }

  bool enter() {
    const std::lock_guard lock(mutex_);
    if (blocked_ >= limits_.blocked) return false;
    ++blocked_;
    if (running() < limits_.workers + extra_) spawn();
    return true;
  }

  void leave() {
    const std::lock_guard lock(mutex_);
    --blocked_;
    if (surplus()) wake_.notify_one();
  }

  void run(typename Threads::iterator self) {
    const auto work = make_work_();
    std::unique_lock lock(mutex_);
    while (true) {
      ++idle_;
      wake_.wait(lock, [&] { return stopping_ || surplus() || !queue_.empty(); });
      --idle_;
      if (queue_.empty() || surplus()) {
        if (surplus() || stopping_) break;
        continue;
      }
      auto job = std::move(queue_.front());
      queue_.pop_front();
      ++taken_;
      lock.unlock();
      work(std::move(job));
      lock.lock();
    }
    if (!queue_.empty()) wake_.notify_one();  // the wake-up we took may have been for a job
    ended_.splice(ended_.end(), threads_, self);
    ended_changed_.notify_all();
  }

  const Limits limits_;
  const std::function<Work()> make_work_;

  std::mutex mutex_;  // guards everything below
  std::condition_variable wake_;
  std::condition_variable ended_changed_;
  std::deque<Job> queue_;
  Threads threads_;
  Threads ended_;
  std::size_t idle_ = 0;
  std::size_t blocked_ = 0;
  std::size_t extra_ = 0;  // threads beyond `workers`, while all hang
  std::uint64_t taken_ = 0;
  std::uint64_t taken_before_ = 0;
  bool stopping_ = false;
};

}  // namespace mtmsg::http
