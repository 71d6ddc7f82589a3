#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "http/waiters.hpp"
#include "store/message_store.hpp"

namespace mtmsg::http {

/// Rings for what other daemons store (and what this one stores without a word, as a replay does): while somebody
/// waits, one query every `every` over the counters of all tenants that are waited for. An outage is somebody else's to
/// tell: here it only means no word.
class Doorbell {
 public:
  explicit Doorbell(Waiters& waiters, store::MessageStore& messages,
                    std::chrono::milliseconds every = std::chrono::milliseconds(250))
      : waiters_(waiters), messages_(messages), every_(every) {}
  ~Doorbell() { stop(); }

  /// Both idempotent; one thread.
  void start();
  void stop();

 private:
  void run();
  void look();

  Waiters& waiters_;
  store::MessageStore& messages_;
  const std::chrono::milliseconds every_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  ///< guarded by mutex_
  std::thread thread_;
};

}  // namespace mtmsg::http
