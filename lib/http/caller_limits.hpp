#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "auth/authenticator.hpp"
#include "http/token_bucket.hpp"

namespace mtmsg::http {

/// How much one caller over TCP may ask of this daemon. The Unix socket's callers are not counted. Any thread.
///
/// Requests: so many a second for each subject, a second's worth at once. Only subjects of the last moments are kept.
///
/// Failed credentials: so many in ten seconds from one address (of IPv6: one /64), then whatever it shows is refused
/// unseen until the ten seconds are over, so that guessing is slow for them and cheap for us. Callers on this machine
/// are left out: they may be a proxy, with everybody behind it. At most kAddresses are kept; others go uncounted while
/// it is so.
class CallerLimits {
 public:
  using Clock = TokenBucket::Clock;
  using Wait = TokenBucket::Wait;

  static constexpr std::chrono::seconds kFailureWindow{10};
  static constexpr std::size_t kAddresses = 10'000;

  explicit CallerLimits(std::function<Clock::time_point()> now = Clock::now) : now_(std::move(now)) {}

  /// 0: none. While running, too.
  void set_request_rate(unsigned rate) noexcept { request_rate_ = rate; }
  void set_failure_limit(unsigned limit) noexcept { failure_limit_ = limit; }
  unsigned request_rate() const noexcept { return request_rate_; }

  /// One more request; else how long until it may come.
  std::optional<Wait> take(const auth::Peer& peer, const std::string& subject);

  /// How long this address' credentials are not looked at; nullopt: they are.
  std::optional<Wait> held_back(const auth::Peer& peer);
  /// Its credentials were wrong.
  void failed(const auth::Peer& peer);

  std::size_t subjects() const;
  std::size_t addresses() const;

 private:
  struct Failures {
    Clock::time_point since;
    unsigned count = 0;
  };
  static constexpr std::size_t kFewest = 64;

  const std::function<Clock::time_point()> now_;
  std::atomic<unsigned> request_rate_{0};
  std::atomic<unsigned> failure_limit_{0};

  mutable std::mutex mutex_;  ///< guards what follows
  std::unordered_map<std::string, TokenBucket> subjects_;
  std::size_t sweep_subjects_at_ = kFewest;
  std::unordered_map<std::string, Failures> addresses_;
  Clock::time_point swept_{};
};

/// What counts as one address: all of IPv4, the network half of IPv6, where one customer has 2^64.
std::string counted_address(std::string_view numeric);

}  // namespace mtmsg::http
