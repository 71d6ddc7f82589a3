#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "wire/status.hpp"

namespace mtmsg::daemon {

/// A part of the readiness that changed.
struct PartChange {
  std::string part;
  bool ok = false;
  std::string reason;  ///< why not
  friend bool operator==(const PartChange&, const PartChange&) = default;
};

/// What an operator has to hear of the readiness that no other event says. Pure.
///
/// A part that is not ready at two looks one after the other is told once, and once that it is ready again; what comes
/// and goes between two looks is nobody's trouble. Not told: the delivery link, the writers and the tenants (their own
/// events say it, at once), and what they explain: the database while the writers miss it or the tenants wait for it,
/// the other links while the delivery link is away too.
class Announcer {
 public:
  /// What changed with this look.
  std::vector<PartChange> look(const wire::Readiness& now);
  /// It was told that the part is not ready, and not yet that it is again.
  bool told_away(std::string_view part) const;

 private:
  struct Known {
    bool missed = false;  ///< at the last look, with nothing that explains it
    bool told = false;
  };
  std::map<std::string, Known, std::less<>> parts_;
};

/// Looks at the readiness every second, and tells what changed. The looks must not block.
class Watch {
 public:
  Watch(std::function<wire::Readiness()> look, std::function<void(const PartChange&)> tell);
  /// As stop().
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  void start();
  /// At once. Idempotent.
  void stop();
  /// Any thread, but not from `tell`.
  bool told_away(std::string_view part) const;

 private:
  void run();

  const std::function<wire::Readiness()> look_;
  const std::function<void(const PartChange&)> tell_;

  mutable std::mutex mutex_;  ///< guards what follows
  std::condition_variable wake_;
  Announcer announcer_;
  bool stopping_ = false;

  std::thread thread_;
};

}  // namespace mtmsg::daemon
