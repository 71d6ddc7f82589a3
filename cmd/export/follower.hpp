#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/context.hpp"
#include "cmd/export/interruption.hpp"
#include "cmd/export/source.hpp"
#include "cmd/export/walk.hpp"

namespace mtmsg::ctl {

/// Whether the daemon may be asked to wait for the next message (wait=), and when not. A daemon that refuses, because
/// too many wait already, is looked at every second for a while. Pure; one thread.
class WaitRule {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kWithout{60};

  /// `since` in the future can't be waited for; neither can all tenants at once.
  static bool can_wait(const std::optional<std::string>& tenant, const client::MessageQuery& query, Timestamp now);
  bool wait_now(Clock::time_point now) const noexcept { return now >= not_before_; }
  void refused(Clock::time_point now) noexcept { not_before_ = now + kWithout; }

 private:
  Clock::time_point not_before_{};
};

/// Follows messages as they come, until SIGINT or SIGTERM: of one tenant, waiting at the daemon for the next one; of
/// all, looking every second, each with a cursor of its own (a walk over all of them does not come back to one it has
/// left). A daemon that goes away is waited for, once it was there. One thread.
class Follower {
 public:
  struct Plan {
    std::optional<std::string> tenant;  ///< nothing: all
    client::MessageQuery query;
  };
  class Printer {
   public:
    virtual ~Printer() = default;
    /// Error: `row` is no message.
    virtual Result<void> add(std::string_view row) = 0;
    /// So that a reader sees it now.
    virtual void flush() = 0;
  };

  Follower(Context& context, Plan plan, Printer& printer);

  /// nullopt: it was interrupted, as it is meant to end; else how it failed, which was said.
  std::optional<ExitCode> run();
  /// Of one tenant: where the next one would go on.
  std::string next_cursor() const;
  std::int64_t epoch() const noexcept { return epoch_; }
  /// Some messages were removed before they were seen; it was said.
  bool had_gaps() const noexcept { return gaps_; }

 private:
  struct Followed {
    std::string tenant;
    std::string cursor;
    bool follows_on = false;
  };

  bool waits_next() const;
  client::Call<void> round();
  client::Call<void> look_for_tenants();
  client::Call<void> walk(Followed& followed);
  Walk::Listener listener();
  void see_epoch(std::int64_t epoch);
  std::optional<ExitCode> failed(const client::CallError& error);

  Context& context_;
  const Plan plan_;
  Printer& printer_;
  std::unique_ptr<Source> source_;
  Interruption interruption_;
  WaitRule rule_;
  std::vector<Followed> tenants_;
  std::int64_t epoch_ = 0;
  bool gaps_ = false;
  bool away_ = false;
  bool connected_ = false;
  bool waited_ = false;     ///< the last walk asked the daemon to wait
  std::uint64_t rows_ = 0;  ///< of the last round
  WaitRule::Clock::time_point round_began_{};
  std::optional<Error> disorder_;
  std::optional<ExitCode> ended_;
};

}  // namespace mtmsg::ctl
