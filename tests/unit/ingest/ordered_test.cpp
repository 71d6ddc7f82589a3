// An ordered tenant's consumers in several daemons, on a model of its queue: whatever happens, messages are stored in
// the order of the queue.

#include <algorithm>
#include <deque>
#include <optional>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "ingest/consumer.hpp"

namespace mtmsg::ingest {
namespace {

using Step = Consumer::Step;

constexpr std::uint16_t kPrefetch = 5;

/// A quorum queue with a single active consumer, as RabbitMQ 3.10 was found to behave.
class Queue {
 public:
  struct Delivered {
    std::uint64_t tag;
    int message;
  };
  struct Channel {
    bool consuming = false;
    std::uint16_t prefetch = 0;
    std::uint64_t last_tag = 0;
    std::deque<Delivered> unacked;
    std::deque<Delivered> on_the_wire;
  };

  explicit Queue(int messages) {
    for (int i = 1; i <= messages; ++i) ready_.push_back(i);
  }

  void consume(Channel& channel, std::uint16_t prefetch) {
    channel.consuming = true;
    channel.prefetch = prefetch;
    waiting_.push_back(&channel);
    deliver();
  }
  /// Makes room for the next one; what is in hand stays with the channel.
  void cancel(Channel& channel) {
    channel.consuming = false;
    std::erase(waiting_, &channel);
    deliver();
  }
  /// Also what a lost connection does. What comes back is put behind what came back before.
  void close(Channel& channel) {
    for (const auto& each : channel.unacked) returned_.push_back(each.message);
    cancel(channel);
    channel = Channel{};
  }
  void ack(Channel& channel, std::uint64_t up_to) {
    while (!channel.unacked.empty() && channel.unacked.front().tag <= up_to) channel.unacked.pop_front();
    deliver();
  }
  bool empty() const { return ready_.empty() && returned_.empty(); }

 private:
  void deliver() {
    if (waiting_.empty()) return;
    auto& active = *waiting_.front();
    while (active.unacked.size() < active.prefetch && !empty()) {
      auto& from = returned_.empty() ? ready_ : returned_;
      active.unacked.push_back({++active.last_tag, from.front()});
      active.on_the_wire.push_back(active.unacked.back());
      from.pop_front();
    }
  }

  std::deque<int> ready_;
  std::deque<int> returned_;
  std::vector<Channel*> waiting_;  ///< the first one is active
};

/// What DeliveryLink, Dispatcher and a writer do for one tenant.
class Daemon {
 public:
  Daemon(Queue& queue, std::vector<int>& table) : queue_(queue), table_(table) {
    consumer.ordered = true;
    consumer.wanted_prefetch = kPrefetch;
  }

  void step() {
    const auto step = consumer.next_step();
    switch (step) {
      case Step::none:
        break;
      case Step::open_channel:
        consumer.channel_open = true;
        restart();
        break;
      case Step::consume:
        ASSERT_TRUE(consumer.ledger.unacked() == 0) << "another one may be active by now";
        consumer.tag = "tag";
        consumer.prefetch = consumer.target_prefetch();
        queue_.consume(channel_, consumer.prefetch);
        break;
      case Step::freeze:
        consumer.frozen = true;
        break;
      case Step::cancel:
        FAIL() << "an ordered tenant's consumer was cancelled";
        break;
      case Step::close_channel: {
        const bool forced =
            consumer.wanted == Wanted::drop ||
            (consumer.wanted == Wanted::serve && (consumer.reopen || consumer.admission == Admission::closed));
        ASSERT_TRUE(forced || consumer.ledger.unacked() == 0) << "closed with messages in hand";
        lose_channel();
        break;
      }
    }
  }
  void receive() {
    if (channel_.on_the_wire.empty()) return;
    const auto delivered = channel_.on_the_wire.front();
    channel_.on_the_wire.pop_front();
    if (!consumer.takes()) return;
    consumer.ledger.delivered({delivered.tag});
    inbox_.push_back(delivered);
  }
  void begin_transaction(std::size_t most) {
    if (!writing_.empty()) return;
    while (!inbox_.empty() && writing_.size() < most) {
      writing_.push_back(inbox_.front());
      inbox_.pop_front();
    }
    writing_generation_ = generation_;
  }
  void commit() {
    for (const auto& each : writing_) {
      if (std::find(table_.begin(), table_.end(), each.message) == table_.end()) table_.push_back(each.message);
    }
    if (!writing_.empty() && writing_generation_ == generation_) {
      consumer.ledger.settled({writing_.front().tag}, {writing_.back().tag});
      if (const auto tag = consumer.ledger.take_ack()) queue_.ack(channel_, tag->value);
    }
    writing_.clear();
  }
  /// Its counter is held: it is tried again later.
  void postpone() {
    if (writing_generation_ == generation_) inbox_.insert(inbox_.begin(), writing_.begin(), writing_.end());
    writing_.clear();
  }
  void give_back() {
    if (!consumer.channel_open || consumer.reopen) return;
    consumer.reopen = true;
    restart();
  }
  void lose_channel() {
    if (!consumer.channel_open) return;
    queue_.close(channel_);
    consumer.channel_lost();
    restart();
  }
  void die() {
    lose_channel();
    consumer.narrow = false;
    writing_.clear();
  }

  Consumer consumer;

 private:
  void restart() {
    ++generation_;
    inbox_.clear();
  }

  Queue& queue_;
  std::vector<int>& table_;
  Queue::Channel channel_;
  std::deque<Queue::Delivered> inbox_;
  std::vector<Queue::Delivered> writing_;
  int generation_ = 0;
  int writing_generation_ = 0;
};

class Story {
 public:
  static constexpr int kMessages = 60;

  explicit Story(unsigned seed) : random_(seed) {}

  void go() {
    for (int i = 0; i < 1500 && !testing::Test::HasFatalFailure(); ++i) disturb(daemons_[random_() % 2]);
    for (auto& daemon : daemons_) {
      daemon.consumer.wanted = Wanted::serve;
      daemon.consumer.admission = Admission::open;
    }
    for (int i = 0; i < 20000 && table.size() < kMessages && !testing::Test::HasFatalFailure(); ++i)
      work(daemons_[random_() % 2]);
  }

  std::vector<int> table;

 private:
  void work(Daemon& daemon) {
    switch (random_() % 4) {
      case 0:
        return daemon.step();
      case 1:
        return daemon.receive();
      case 2:
        return daemon.begin_transaction(1 + random_() % 4);
      default:
        daemon.consumer.narrow = false;  // something was stored
        return daemon.commit();
    }
  }
  void disturb(Daemon& daemon) {
    if (random_() % 5 > 0) return work(daemon);
    switch (random_() % 12) {
      case 0:
        return daemon.die();
      case 1:
        return daemon.lose_channel();
      case 2:
        daemon.consumer.narrow = true;
        return daemon.give_back();
      case 3:
        daemon.consumer.narrow = true;
        return;
      case 4:
        return daemon.postpone();
      case 5:
        daemon.consumer.admission = static_cast<Admission>(random_() % 3);
        return;
      default:
        daemon.consumer.wanted = random_() % 2 == 0 ? Wanted::serve : static_cast<Wanted>(random_() % 4);
    }
  }

  std::mt19937 random_;
  Queue queue_{kMessages};
  Daemon daemons_[2] = {{queue_, table}, {queue_, table}};
};

TEST(Ordered, WhateverHappensToTwoDaemonsMessagesAreStoredInTheOrderOfTheirQueue) {
  for (unsigned seed = 0; seed < 1000; ++seed) {
    Story story(seed);
    story.go();
    ASSERT_FALSE(testing::Test::HasFatalFailure()) << "seed " << seed;
    ASSERT_TRUE(std::is_sorted(story.table.begin(), story.table.end())) << "seed " << seed;
    ASSERT_EQ(story.table.size(), std::size_t{Story::kMessages}) << "seed " << seed;
  }
}

}  // namespace
}  // namespace mtmsg::ingest
