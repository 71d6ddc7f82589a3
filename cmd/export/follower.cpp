#include "cmd/export/follower.hpp"

#include <algorithm>

#include "cmd/message_dump.hpp"
#include "wire/message.hpp"

namespace mtmsg::ctl {
namespace {

constexpr std::chrono::milliseconds kPoll{1000};
/// At the daemon, for the next message. Short enough that nothing between drops the connection for being idle.
constexpr unsigned kWaitSeconds = 30;

}  // namespace

bool WaitRule::can_wait(const std::optional<std::string>& tenant, const client::MessageQuery& query, Timestamp now) {
  if (!tenant) return false;
  if (!query.since) return true;
  const auto since = parse_timestamp(*query.since);
  // The daemon's clock decides; this one may be ahead of it.
  return since && *since < now - kWithout;
}

Follower::Follower(Context& context, Plan plan, Printer& printer)
    : context_(context),
      plan_(std::move(plan)),
      printer_(printer),
      source_(daemon_source(context.client())),
      interruption_([this] { context_.client().interrupt(); }) {
  if (plan_.tenant) tenants_.push_back({*plan_.tenant, plan_.query.cursor, !plan_.query.cursor.empty()});
}

std::optional<ExitCode> Follower::run() {
  while (!interruption_.requested()) {
    round_began_ = WaitRule::Clock::now();
    const auto went = round();
    if (!went && !interruption_.requested()) {
      if (waited_ && went.error().cause == client::CallError::Cause::refused) rule_.refused(WaitRule::Clock::now());
      if (const auto code = failed(went.error())) return code;
    } else if (went) {
      away_ = false;
      connected_ = true;
    }
    if (ended_) return ended_;
    if (went && waits_next()) continue;
    if (!interruption_.sleep(kPoll)) break;
  }
  return std::nullopt;
}

/// Whether the next round may come at once. One that waited and brought nothing before its time was not waited for.
bool Follower::waits_next() const {
  if (!plan_.tenant || tenants_.empty()) return false;
  auto query = plan_.query;
  if (tenants_.front().follows_on) query.since.reset();
  const bool in_vain = waited_ && rows_ == 0 && WaitRule::Clock::now() - round_began_ < kPoll;
  return WaitRule::can_wait(plan_.tenant, query, now()) && rule_.wait_now(WaitRule::Clock::now()) && !in_vain;
}

std::string Follower::next_cursor() const {
  return tenants_.empty() || tenants_.front().cursor.empty() ? "0" : tenants_.front().cursor;
}

client::Call<void> Follower::round() {
  waited_ = false;
  rows_ = 0;
  if (!plan_.tenant)
    if (auto looked = look_for_tenants(); !looked) return looked.error();
  for (auto& tenant : tenants_) {
    if (auto went = walk(tenant); !went) return went.error();
    if (ended_) break;
  }
  printer_.flush();
  return {};
}

client::Call<void> Follower::look_for_tenants() {
  auto now = source_->tenants();
  if (!now) return now.error();
  std::vector<Followed> all;
  for (const auto& tenant : *now) {
    const auto id = tenant.id.to_string();
    const auto known = std::ranges::find(tenants_, id, &Followed::tenant);
    all.push_back(known != tenants_.end() ? *known : Followed{id, "", connected_});
  }
  tenants_ = std::move(all);
  return {};
}

client::Call<void> Follower::walk(Followed& followed) {
  Walk::Plan plan{followed.tenant, plan_.query, followed.follows_on};
  plan.query.cursor = followed.cursor;
  if (!followed.cursor.empty() && followed.follows_on) plan.query.since.reset();
  // The first walk brings what is there already, or says at once that there is no such tenant.
  waited_ = connected_ && WaitRule::can_wait(plan_.tenant, plan.query, now()) && rule_.wait_now(WaitRule::Clock::now());
  if (waited_) plan.query.wait = kWaitSeconds;
  Walk walk(*source_, std::move(plan), listener());
  auto end = walk.run();
  followed.cursor = walk.cursor();
  followed.follows_on |= walk.rows() > 0;
  rows_ += walk.rows();
  if (disorder_) return client::CallError{client::CallError::Cause::answer, *disorder_};
  if (!end && end.error().error.code == ErrorCode::not_found && !plan_.tenant) return {};
  if (!end) return end.error();
  if (!end->stopped) see_epoch(end->tail.epoch);
  return {};
}

Walk::Listener Follower::listener() {
  return {[this](std::string_view row, const RowHead&) {
            if (interruption_.requested()) return false;
            if (auto added = printer_.add(row); !added) disorder_ = added.error();
            printer_.flush();
            return !disorder_;
          },
          [this](const Gap& gap) {
            report_gap(context_, gap);
            gaps_ = true;
          },
          [this] { return interruption_.requested(); }};
}

void Follower::see_epoch(std::int64_t epoch) {
  if (epoch_ == 0) epoch_ = epoch;
  if (epoch == epoch_) return;
  context_.complain("the database was restored, or lost commits in a failover (epoch " + std::to_string(epoch_) +
                    ", now " + std::to_string(epoch) + "): numbers that were shown may be other messages now");
  ended_ = ExitCode::history;
}

std::optional<ExitCode> Follower::failed(const client::CallError& error) {
  printer_.flush();
  const bool refused_to_wait = waited_ && error.cause == client::CallError::Cause::refused;
  const bool passing = refused_to_wait || error.cause == client::CallError::Cause::unreachable ||
                       error.error.code == ErrorCode::database_unavailable || error.error.code == ErrorCode::stopping;
  if (!connected_ || !passing || disorder_) return context_.failed(error);
  if (!away_ && !refused_to_wait) context_.note(error.error.message + "; waiting until it is back");
  away_ = away_ || !refused_to_wait;
  return std::nullopt;
}

}  // namespace mtmsg::ctl
