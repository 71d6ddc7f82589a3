#include "daemon/repeats.hpp"

#include <algorithm>

namespace mtmsg::daemon {

bool Repeats::first(std::string_view kind, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  std::string name(kind);
  if (windows_.size() >= kKinds && !windows_.contains(name)) name = kOthers;
  const auto [entry, fresh] = windows_.try_emplace(std::move(name), Window{now, 0});
  if (windows_.size() == 1 && fresh) next_look_ = now + kWindow;
  if (!fresh) ++entry->second.more;
  return fresh;
}

std::vector<Repeats::Sum> Repeats::sums(Clock::time_point now) {
  std::vector<Sum> found;
  const std::lock_guard lock(mutex_);
  if (windows_.empty() || now < next_look_) return found;
  next_look_ = now + kWindow;
  std::erase_if(windows_, [&](const auto& entry) {
    const auto& [kind, window] = entry;
    if (now - window.begin < kWindow) {
      next_look_ = std::min(next_look_, window.begin + kWindow);
      return false;
    }
    if (window.more > 0) found.push_back({kind, window.more});
    return true;
  });
  return found;
}

}  // namespace mtmsg::daemon
