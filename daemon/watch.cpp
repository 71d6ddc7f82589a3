#include "daemon/watch.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace mtmsg::daemon {
namespace {

constexpr std::chrono::seconds kLookEvery{1};

/// What is told, and what explains it.
struct Row {
  std::string_view part;
  std::array<std::string_view, 2> explained_by;
};
constexpr Row kRows[] = {
    {"database", {"writers", "tenants"}},
    {"broker.control", {"broker.delivery", ""}},
    {"broker.publish", {"broker.delivery", ""}},
    {"broker.dead_letters", {"broker.delivery", "tenants"}},
};

const wire::Part* find(const wire::Readiness& readiness, std::string_view name) {
  const auto found = std::ranges::find(readiness.parts, name, &wire::Part::name);
  return found == readiness.parts.end() ? nullptr : &*found;
}

bool is_away(const wire::Readiness& readiness, std::string_view name) {
  const auto* part = find(readiness, name);
  return part != nullptr && !part->ok;
}

}  // namespace

std::vector<PartChange> Announcer::look(const wire::Readiness& now) {
  std::vector<PartChange> changes;
  for (const auto& row : kRows) {
    const auto* part = find(now, row.part);
    if (part == nullptr) continue;
    auto& known = parts_[std::string(row.part)];
    if (part->ok) {
      if (std::exchange(known.told, false)) changes.push_back({part->name, true, {}});
      known.missed = false;
      continue;
    }
    const bool explained = std::ranges::any_of(row.explained_by, [&](auto other) { return is_away(now, other); });
    const bool again = std::exchange(known.missed, !explained);
    if (explained || !again || known.told) continue;
    known.told = true;
    changes.push_back({part->name, false, part->reason});
  }
  return changes;
}

bool Announcer::told_away(std::string_view part) const {
  const auto known = parts_.find(part);
  return known != parts_.end() && known->second.told;
}

Watch::Watch(std::function<wire::Readiness()> look, std::function<void(const PartChange&)> tell)
    : look_(std::move(look)), tell_(std::move(tell)) {}

Watch::~Watch() {
  stop();
}

void Watch::start() {
  thread_ = std::thread([this] { run(); });
}

void Watch::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool Watch::told_away(std::string_view part) const {
  const std::lock_guard lock(mutex_);
  return announcer_.told_away(part);
}

void Watch::run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kLookEvery, [this] { return stopping_; })) {
    lock.unlock();
    const auto now = look_();
    lock.lock();
    for (const auto& change : announcer_.look(now)) tell_(change);
  }
}

}  // namespace mtmsg::daemon
