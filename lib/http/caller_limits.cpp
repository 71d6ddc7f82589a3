#include "http/caller_limits.hpp"

#include <algorithm>
#include <array>

#include <arpa/inet.h>

namespace mtmsg::http {
namespace {

constexpr std::chrono::seconds kSweepEvery{1};  // while the table is full

bool is_counted(const auth::Peer& peer) noexcept {
  return peer.transport == auth::Peer::Transport::tcp;
}

}  // namespace

std::string counted_address(std::string_view numeric) {
  std::string text(numeric.substr(0, numeric.find('%')));  // a link-local address' interface
  std::array<unsigned char, 16> bytes{};
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) return text;
  std::fill(bytes.begin() + 8, bytes.end(), 0);
  std::array<char, INET6_ADDRSTRLEN> network{};
  return ::inet_ntop(AF_INET6, bytes.data(), network.data(), network.size()) != nullptr ? network.data() : text;
}

std::optional<CallerLimits::Wait> CallerLimits::take(const auth::Peer& peer, const std::string& subject) {
  const std::uint64_t rate = request_rate_;
  if (rate == 0 || !is_counted(peer)) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto now = now_();
  if (subjects_.size() >= sweep_subjects_at_) {
    std::erase_if(subjects_, [now](const auto& entry) { return entry.second.idle(now); });
    sweep_subjects_at_ = std::max(kFewest, 2 * subjects_.size());
  }
  return subjects_.try_emplace(subject, now).first->second.take(rate, now);
}

std::optional<CallerLimits::Wait> CallerLimits::held_back(const auth::Peer& peer) {
  const unsigned limit = failure_limit_;
  if (limit == 0 || !is_counted(peer) || peer.loopback) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto found = addresses_.find(counted_address(peer.address));
  if (found == addresses_.end() || found->second.count < limit) return std::nullopt;
  const auto left = found->second.since + kFailureWindow - now_();
  return left > Wait{0} ? std::optional<Wait>(left) : std::nullopt;
}

void CallerLimits::failed(const auth::Peer& peer) {
  if (failure_limit_ == 0 || !is_counted(peer) || peer.loopback) return;
  const std::lock_guard lock(mutex_);
  const auto now = now_();
  const auto over = [now](const Failures& failures) { return now - failures.since >= kFailureWindow; };
  auto address = counted_address(peer.address);
  if (addresses_.size() >= kAddresses && !addresses_.contains(address)) {
    if (now - swept_ < kSweepEvery) return;
    swept_ = now;
    std::erase_if(addresses_, [&](const auto& entry) { return over(entry.second); });
    if (addresses_.size() >= kAddresses) return;
  }
  auto& failures = addresses_.try_emplace(std::move(address), Failures{now, 0}).first->second;
  if (over(failures)) failures = {now, 0};
  ++failures.count;
}

std::size_t CallerLimits::subjects() const {
  const std::lock_guard lock(mutex_);
  return subjects_.size();
}

std::size_t CallerLimits::addresses() const {
  const std::lock_guard lock(mutex_);
  return addresses_.size();
}

}  // namespace mtmsg::http
