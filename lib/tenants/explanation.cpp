#include "tenants/explanation.hpp"

#include <algorithm>
#include <cmath>

#include "broker/topology.hpp"

namespace mtmsg::tenants {
namespace {

using enum Cause;

constexpr std::array kRows{
    CauseRow{deleting, "deleting", Severity::blocked},
    CauseRow{creating, "creating", Severity::blocked},
    CauseRow{paused, "paused", Severity::blocked},
    CauseRow{full, "full", Severity::blocked},
    CauseRow{database_away, "database_away", Severity::blocked},
    CauseRow{broker_away, "broker_away", Severity::blocked},
    CauseRow{queue_missing, "queue_missing", Severity::blocked},
    CauseRow{no_consumer, "no_consumer", Severity::blocked},
    CauseRow{held, "held", Severity::blocked},
    CauseRow{publishing_blocked, "publishing_blocked", Severity::blocked},
    CauseRow{queue_full, "queue_full", Severity::blocked},
    CauseRow{not_moving, "not_moving", Severity::blocked},
    CauseRow{poison_retried, "poison_retried", Severity::slow},
    CauseRow{memory_full, "memory_full", Severity::slow},
    CauseRow{waiting_for_share, "waiting_for_share", Severity::slow},
    CauseRow{throttled, "throttled", Severity::slow},
    CauseRow{draining, "draining", Severity::slow},
    CauseRow{dead_letters, "dead_letters", Severity::note},
    CauseRow{nothing_came, "nothing_came", Severity::note},
    CauseRow{well, "well", Severity::fine},
};

/// Nothing of what is in hand settled for so long is no coincidence.
constexpr std::chrono::seconds kStuck{10};

constexpr auto kAskOperator = "The operator of this service can change that.";
constexpr auto kGoesOnByItself = "Nothing to do: it goes on by itself.";

std::string counted(std::uint64_t number, std::string_view one) {
  return std::to_string(number) + " " + std::string(one) + (number == 1 ? "" : "s");
}

/// "N messages wait"; "N message waits".
std::string waiting(std::uint64_t number) {
  return counted(number, "message") + (number == 1 ? " waits" : " wait");
}

std::string about(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::ceil(seconds));
  if (whole < 120) return counted(whole, "second");
  if (whole < 7200) return counted(whole / 60, "minute");
  return counted(whole / 3600, "hour");
}

class Judge {
 public:
  Judge(const TenantFacts& facts, const Circumstances& around, Audience audience)
      : facts_(facts), around_(around), audience_(audience) {}

  std::vector<Finding> findings() {
    life();
    servers();
    queue();
    holds();
    speed();
    failed();
    rest();
    return std::move(findings_);
  }

 private:
  bool for_admin() const { return audience_ == Audience::administrator; }
  const std::string& name() const { return facts_.tenant.name; }
  bool has_queue() const { return facts_.queue_is == TenantFacts::Queue::there; }
  std::uint64_t ready() const { return has_queue() ? facts_.queue.ready : 0; }
  std::string command(const std::string& words) const { return "mtmsgctl " + words; }

  /// `detail` goes to an administrator only, and `remedy`; a tenant hears `for_tenant` instead.
  void say(Cause cause, std::string what, const std::string& detail, std::string remedy, std::string for_tenant) {
    what += for_admin() && !detail.empty() ? ": " + detail : ".";
    findings_.push_back({cause, std::move(what), for_admin() ? std::move(remedy) : std::move(for_tenant)});
  }
  std::string held_back() const {
    return has_queue() ? "; " + waiting(ready()) + " in its queue" : "; its messages wait in its queue";
  }

  void life() {
    const auto& tenant = facts_.tenant;
    if (tenant.state == TenantState::deleting)
      say(deleting, "It is being deleted, and takes no messages any more", facts_.delayed,
          "Nothing to do: the daemon goes on as soon as nothing holds it up.", "");
    if (tenant.state == TenantState::creating)
      say(creating, "It is being created, and takes no messages yet", facts_.delayed,
          "Nothing to do: the daemon goes on as soon as nothing holds it up.", kGoesOnByItself);
    if (tenant.state != TenantState::active) return;
    if (tenant.paused) say(paused, "It is paused" + held_back(), "", command("tenant resume " + name()), kAskOperator);
    if (facts_.full)
      say(full,
          "It keeps as many bytes as it may (max_stored_bytes, " +
              std::to_string(facts_.limits.value(Limit::max_stored_bytes)) + ")" + held_back(),
          "",
          "Give it more room, or keep less: " + command("tenant update " + name() + " --max-stored-bytes SIZE") +
              ", or --retention-seconds or --retention-messages.",
          kAskOperator);
  }

  void servers() {
    if (!around_.database_away.empty())
      say(database_away, "The database is away; messages wait in RabbitMQ, and nothing is lost", around_.database_away,
          "Bring PostgreSQL back; the daemon goes on by itself. Parts and times: " + command("status"),
          kGoesOnByItself);
    if (!around_.broker_away.empty())
      say(broker_away, "The message broker is away", around_.broker_away,
          "Bring RabbitMQ back; the daemon goes on by itself. Parts and times: " + command("status"), kGoesOnByItself);
    else if (!around_.publishing_blocked.empty())
      say(publishing_blocked, "The message broker takes no messages at the moment", around_.publishing_blocked,
          "RabbitMQ is short of memory or disk: 'rabbitmq-diagnostics alarms' says of which.",
          "Publish again in a while.");
  }

  void queue() {
    if (facts_.tenant.state != TenantState::active) return;
    if (facts_.queue_is == TenantFacts::Queue::missing)
      say(queue_missing, "Its queue in RabbitMQ is gone, and what waited in it with it", facts_.delayed,
          "Somebody deleted " + broker::tenant_queue(facts_.tenant.id) +
              "; the daemon declares it again within half a minute. If it does not, its log says why.",
          "Nothing to do: it comes back by itself. What waited has to be published again.");
    const auto most = facts_.limits.value(Limit::max_queue_length);
    if (has_queue() && most > 0 && ready() >= most)
      say(queue_full,
          "Its queue is full (max_queue_length, " + std::to_string(most) + "): who publishes is refused for now", "",
          "It drains by itself unless something else is said here; the length is fixed when a tenant is created.",
          "Publish again in a while.");
    if (consumer_missing())
      say(no_consumer,
          std::string(facts_.queue.consumers == 0 ? "Nobody takes messages from its queue; "
                                                  : "This daemon can't take messages from its queue; ") +
              waiting(ready()),
          facts_.delayed,
          "The daemon tries again by itself. If it stays so, its log says why (consumer_lost, tenant_delayed).",
          kGoesOnByItself);
  }

  /// Where nothing else explains it. Another daemon's consumer is as good as ours, unless ours is refused.
  bool consumer_missing() const {
    const bool meant_to = !facts_.tenant.paused && !facts_.full && around_.database_away.empty() &&
                          around_.broker_away.empty() && has_queue();
    return meant_to && !facts_.activity.consuming && (facts_.queue.consumers == 0 || !facts_.delayed.empty());
  }

  void holds() {
    const auto& activity = facts_.activity;
    if (activity.held)
      say(held, "Somebody holds a lock on its rows or its table in the database; its messages wait, others' don't", "",
          "Look who: select pid, state, query from pg_stat_activity where state like 'idle in transaction%' or "
          "wait_event_type = 'Lock'; pg_terminate_backend(pid) ends it.",
          kAskOperator);
    const bool explained = activity.held || !around_.database_away.empty() || !around_.broker_away.empty();
    if (!explained && activity.stuck_for && *activity.stuck_for >= kStuck)
      say(not_moving,
          counted(activity.unacked, "message") + " of it are in hand, and none was stored for " +
              about(static_cast<double>(activity.stuck_for->count())),
          "", "The database is slow, or something holds it up: look at the daemon's log and at pg_stat_activity.",
          kAskOperator);
  }

  void speed() {
    const auto& activity = facts_.activity;
    if (activity.suspicious)
      say(poison_retried,
          "Messages came back several times without an answer, as one does that brings a daemon down; until they are "
          "through they are taken one by one",
          "", "Nothing to do. If it stays so, look at the daemon's log for crashes.", kGoesOnByItself);
    else if (around_.tried_again > 0)
      say(poison_retried,
          counted(around_.tried_again, "message") + " that RabbitMQ gave up after too many deliveries " +
              (around_.tried_again == 1 ? "is" : "are") + " tried once more, one by one",
          "", "Nothing to do: what can't be stored becomes a dead letter.", kGoesOnByItself);
    if (activity.memory_full)
      say(memory_full, "The daemon holds as many bytes as it may, and reads on when some are stored", "",
          "Look why they are not stored faster, or raise limits.memory_bytes or database.writers.", kGoesOnByItself);
    if (activity.waiting > 0 && activity.writers_all_busy && activity.crowd.tenants > 1 && facts_.delayed.empty())
      say(waiting_for_share, "It waits for its share: all writers are busy, with others' messages too",
          std::to_string(activity.workers) + " of the " + std::to_string(activity.crowd.workers) + " workers of " +
              counted(activity.crowd.tenants, "tenant") + " that want to be stored",
          "A larger share: " + command("concurrency set " + name() + " WORKERS") +
              ". More for all: database.writers, or a faster database.",
          kAskOperator);
    if (around_.throttled)
      say(throttled,
          "It publishes faster than it may (publish_rate, " + std::to_string(facts_.limits.value(Limit::publish_rate)) +
              " a second): the API answers 429",
          "", command("tenant update " + name() + " --publish-rate N"),
          "Publish slower, or ask the operator for more.");
    drain();
  }

  void drain() {
    const auto& activity = facts_.activity;
    const auto severe = std::ranges::any_of(
        findings_, [](const Finding& finding) { return row_of(finding.cause).severity == Severity::blocked; });
    if (severe || ready() == 0) return;
    const auto backlog = ready() + activity.unacked;
    if (activity.settled_per_second > 0) {
      const auto rate = std::to_string(std::llround(std::max(1.0, activity.settled_per_second)));
      say(draining,
          waiting(ready()) + " in its queue, and " + rate + " a second are stored: about " +
              about(static_cast<double>(backlog) / activity.settled_per_second) + " until none does",
          "", "Nothing to do; faster with more workers: " + command("concurrency set " + name() + " WORKERS"),
          kGoesOnByItself);
    } else if (activity.unacked == 0) {
      say(draining, waiting(ready()) + " in its queue, and none is in this daemon's hands", "",
          facts_.queue.consumers > 1
              ? "Another daemon has them, or RabbitMQ is about to deliver them: ask again in a moment."
              : "RabbitMQ is about to deliver them: ask again in a moment. If it stays so: rabbitmq-queues "
                "quorum_status " +
                    broker::tenant_queue(facts_.tenant.id),
          "Ask again in a moment.");
    } else {
      say(draining, waiting(ready()) + " in its queue, and the first are in hand", "", "Ask again in a moment.",
          "Ask again in a moment.");
    }
  }

  void failed() {
    const auto letters = facts_.counts ? facts_.counts->dead_letters : 0;
    if (letters <= 0) return;
    const auto many = static_cast<std::uint64_t>(letters);
    say(dead_letters,
        counted(many, "message") +
            (many == 1 ? " could not be stored and is a dead letter" : " could not be stored and are dead letters"),
        "", command("dead-letter list " + name()), command("dead-letter list " + name()));
  }

  void rest() {
    const auto worst = worst_of(findings_);
    const bool empty = facts_.counts && facts_.counts->last_seq.value == 0 && facts_.counts->dead_letters == 0;
    if (worst <= Severity::note && empty && ready() == 0 && facts_.activity.unacked == 0) {
      say(nothing_came, "No message has come for it yet", "",
          "Publish to the exchange " + broker::tenant_exchange(facts_.tenant.id) +
              ", or: " + command("message publish " + name() + " '{\"hello\":\"world\"}'"),
          "Publish to the exchange " + broker::tenant_exchange(facts_.tenant.id) + ".");
    } else if (worst <= Severity::note) {
      say(well, "All is well: what is published is stored at once", "", "", "");
    }
  }

  const TenantFacts& facts_;
  const Circumstances& around_;
  const Audience audience_;
  std::vector<Finding> findings_;
};

}  // namespace

std::string_view to_string(Severity severity) noexcept {
  switch (severity) {
    case Severity::fine:
      return "fine";
    case Severity::note:
      return "note";
    case Severity::slow:
      return "slow";
    case Severity::blocked:
      return "blocked";
  }
  return "";
}

std::array<CauseRow, 20> cause_rows() noexcept {
  return kRows;
}

const CauseRow& row_of(Cause cause) noexcept {
  return kRows[static_cast<std::size_t>(cause)];
}

Severity worst_of(const std::vector<Finding>& findings) noexcept {
  auto worst = Severity::fine;
  for (const auto& finding : findings) worst = std::max(worst, row_of(finding.cause).severity);
  return worst;
}

std::vector<Finding> explain(const TenantFacts& facts, const Circumstances& around, Audience audience) {
  auto findings = Judge(facts, around, audience).findings();
  std::ranges::stable_sort(
      findings, [](const Finding& a, const Finding& b) { return row_of(a.cause).severity > row_of(b.cause).severity; });
  return findings;
}

}  // namespace mtmsg::tenants
