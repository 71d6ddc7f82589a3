#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "store/change_feed.hpp"

namespace mtmsg::tenants {

/// Hears of changes to tenants as they are made, on a thread of its own. What it may have missed (the database was
/// away) is a gap. Where notifications don't pass (a pooler, without database.direct_url) the reconciler's re-read is
/// the net.
class Listener {
 public:
  /// Both on the listener's thread; must not throw.
  struct Events {
    std::function<void(TenantId)> changed;
    std::function<void()> gap;
  };
  Listener(std::unique_ptr<store::ChangeFeed> feed, Events events)
      : feed_(std::move(feed)), events_(std::move(events)) {}
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void start();
  void ask_to_stop();
  /// Idempotent.
  void stop();

 private:
  void run();

  const std::unique_ptr<store::ChangeFeed> feed_;
  const Events events_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  ///< guarded by mutex_

  std::thread thread_;
};

}  // namespace mtmsg::tenants
