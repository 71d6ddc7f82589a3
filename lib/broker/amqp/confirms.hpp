#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string_view>

namespace mtmsg::broker::amqp {

/// A publication's address in 64 bits: exchange and routing key, then the message id.
inline std::uint64_t address_of(std::uint64_t before, std::string_view part) noexcept {
  const std::uint64_t hash = std::hash<std::string_view>{}(part);
  return (before ^ hash) * 0x9E3779B97F4A7C15ULL + (hash >> 32);
}
inline std::uint64_t address_of(std::string_view exchange, std::string_view routing_key) noexcept {
  return address_of(address_of(std::uint64_t{1}, exchange), routing_key);
}

/// Which publications of a channel the broker has not answered yet. Pure.
///
/// A basic.return says what came back but not which publication it was. The broker returns in the order of
/// publishing and confirms a returned message after its return, so it is the oldest open one with the same address.
class Confirms {
 public:
  /// Its number: 1, 2, 3 … `address` stands for exchange, routing key and message id.
  std::uint64_t add(std::uint64_t address) {
    open_.push_back({address, false, false});
    return first_ + open_.size() - 1;
  }

  void returned(std::uint64_t address) noexcept {
    for (auto& publication : open_) {
      if (publication.address != address || publication.returned || publication.settled) continue;
      publication.returned = true;
      return;
    }
  }

  /// basic.ack or basic.nack. Calls f(number, was it returned) for each publication this answers, in order; what is
  /// unknown or answered already is ignored.
  template <class F>
  void settle(std::uint64_t tag, bool multiple, F f) {
    const std::uint64_t end = first_ + open_.size();
    // AMQP 1.8.3.13.1: 0 with `multiple` means everything outstanding.
    if (multiple && tag == 0) tag = end - 1;
    if (tag < first_ || tag >= end) return;
    for (std::uint64_t number = multiple ? first_ : tag; number <= tag; ++number) {
      auto& publication = open_[number - first_];
      if (publication.settled) continue;
      publication.settled = true;
      f(number, publication.returned);
    }
    while (!open_.empty() && open_.front().settled) {
      open_.pop_front();
      ++first_;
    }
  }

  std::size_t size() const noexcept { return open_.size(); }

 private:
  struct Publication {
    std::uint64_t address;
    bool returned;
    bool settled;
  };
  std::uint64_t first_ = 1;  // the number of open_.front()
  std::deque<Publication> open_;
};

}  // namespace mtmsg::broker::amqp
