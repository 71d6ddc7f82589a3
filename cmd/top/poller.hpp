#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "client/client.hpp"

namespace mtmsg::ctl::top {

/// Asks the daemon on a thread of its own, so that keys are answered while it does not. The client is that thread's
/// until the object ends. Its public functions: one thread.
class Poller {
 public:
  explicit Poller(client::Client& client);
  /// Ends a question that is under way.
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  /// Asks this as soon as the question under way is answered; one that still waits is forgotten.
  void ask(const client::ActivityQuery& query);
  /// An answer that was not taken yet.
  std::optional<client::Call<wire::ActivityPage>> take();
  bool under_way() const;
  /// Becomes readable with an answer; take() makes it wait again.
  int descriptor() const noexcept { return answered_; }

 private:
  void run();

  client::Client& client_;
  const int answered_;  ///< an eventfd

  mutable std::mutex mutex_;  ///< guards all below
  std::condition_variable wake_;
  std::optional<client::ActivityQuery> next_;
  std::optional<client::Call<wire::ActivityPage>> answer_;
  bool asking_ = false;
  bool over_ = false;

  std::thread thread_;
};

}  // namespace mtmsg::ctl::top
