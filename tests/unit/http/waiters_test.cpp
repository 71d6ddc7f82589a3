#include "http/waiters.hpp"

#include <optional>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/doorbell.hpp"
#include "tests/unit/http/fakes.hpp"

namespace mtmsg::http {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const TenantId kAcme{Uuid::v4()};
const TenantId kBeta{Uuid::v4()};

/// Counts how often a place was called.
struct Calls {
  std::atomic<int> count = 0;
  Waiters::Call call() {
    return [this] { ++count; };
  }
};

TEST(Waiters, CallsWhoWaitsForTheTenantAndBehindANumberThatWasPassed) {
  Waiters waiters(10);
  Calls first, second, other;
  const auto at_five = waiters.take(kAcme);
  const auto at_seven = waiters.take(kAcme);
  const auto elsewhere = waiters.take(kBeta);
  at_five->await(Sequence{5}, first.call());
  at_seven->await(Sequence{7}, second.call());
  elsewhere->await(Sequence{0}, other.call());
  waiters.ring(kAcme, Sequence{5});
  EXPECT_EQ(first.count, 0);
  waiters.ring(kAcme, Sequence{7});
  EXPECT_EQ(first.count, 1);
  EXPECT_EQ(second.count, 0);
  waiters.ring(kAcme, Sequence{9});
  EXPECT_EQ(first.count, 1) << "once";
  EXPECT_EQ(second.count, 1);
  EXPECT_EQ(other.count, 0);
  EXPECT_EQ(at_five->heard(), Sequence{9});
}

TEST(Waiters, WhatIsStoredBetweenTheLookAndTheWaitIsNotMissed) {
  Waiters waiters(10);
  Calls calls;
  const auto place = waiters.take(kAcme);
  waiters.ring(kAcme, Sequence{8});  // the reader looked before, and found nothing behind 7
  place->await(Sequence{7}, calls.call());
  EXPECT_EQ(calls.count, 1);
  place->await(Sequence{8}, calls.call());
  EXPECT_EQ(calls.count, 1);
}

TEST(Waiters, AnOldNumberRingsForNobody) {
  Waiters waiters(10);
  Calls calls;
  const auto place = waiters.take(kAcme);
  waiters.ring(kAcme, Sequence{8});
  place->await(Sequence{8}, calls.call());
  waiters.ring(kAcme, Sequence{6});
  waiters.ring(kAcme, Sequence{8});
  EXPECT_EQ(calls.count, 0);
}

TEST(Waiters, WhoLeftIsNotCalledAndHisPlaceIsFree) {
  Waiters waiters(10);
  Calls calls;
  auto place = waiters.take(kAcme);
  place->await(Sequence{0}, calls.call());
  EXPECT_TRUE(waiters.anybody());
  place.reset();
  EXPECT_FALSE(waiters.anybody());
  EXPECT_THAT(waiters.waited_for(), IsEmpty());
  waiters.ring(kAcme, Sequence{1});
  EXPECT_EQ(calls.count, 0);
}

TEST(Waiters, OneTenantTakesHalfOfThePlacesAtMost) {
  Waiters waiters(4);
  const auto one = waiters.take(kAcme);
  const auto two = waiters.take(kAcme);
  EXPECT_EQ(waiters.take(kAcme), nullptr);
  const auto three = waiters.take(kBeta);
  auto four = waiters.take(kBeta);
  EXPECT_EQ(waiters.take(TenantId{Uuid::v4()}), nullptr);
  EXPECT_EQ(waiters.count(), 4U);
  EXPECT_THAT(waiters.waited_for(), UnorderedElementsAre(kAcme, kBeta));
  four.reset();
  EXPECT_NE(waiters.take(kBeta), nullptr);
}

TEST(Waiters, SurviveWritersAndReadersThatComeAndGo) {
  Waiters waiters(100);
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (std::int64_t n = 1; !stop; ++n) {
      waiters.ring(kAcme, Sequence{n});
      std::this_thread::yield();  // it would have the lock nearly always
    }
  });
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      for (int n = 0; n < 100; ++n) {
        Calls calls;
        const auto place = waiters.take(kAcme);
        place->await(place->heard(), calls.call());
        if (n % 2 == 0) continue;
        while (calls.count == 0) std::this_thread::yield();
      }
    });
  }
  for (auto& reader : readers) reader.join();
  stop = true;
  writer.join();
  EXPECT_FALSE(waiters.anybody());
}

TEST(Doorbell, AsksForTheNumbersOnlyWhileSomebodyWaits) {
  Waiters waiters(10);
  fakes::Messages messages;
  Doorbell doorbell(waiters, messages, 1ms);
  doorbell.start();
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(messages.asked_for_numbers, 0);
  Calls calls;
  const auto place = waiters.take(kAcme);
  place->await(Sequence{0}, calls.call());
  messages.add(kAcme, "{}");
  while (calls.count == 0) std::this_thread::yield();
  EXPECT_GE(messages.asked_for_numbers, 1);
  doorbell.stop();
  doorbell.stop();
}

TEST(Doorbell, WhoWaitsForATenantThatIsGoneIsCalled) {
  Waiters waiters(10);
  fakes::Messages messages;
  messages.gone.insert(kAcme);
  Doorbell doorbell(waiters, messages, 1ms);
  doorbell.start();
  Calls calls;
  const auto place = waiters.take(kAcme);
  place->await(Sequence{1000}, calls.call());
  while (calls.count == 0) std::this_thread::yield();
}

}  // namespace
}  // namespace mtmsg::http
