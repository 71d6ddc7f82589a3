#include "ingest/dispatcher.hpp"

#include <future>
#include <thread>

#include <gtest/gtest.h>

namespace mtmsg::ingest {
namespace {

TenantId tenant(std::uint8_t number) {
  TenantId id;
  id.value.bytes[15] = number;
  return id;
}

Dispatcher::Arrival arrival(std::uint8_t number, std::uint64_t tag, std::string_view body = "{}",
                            std::uint64_t generation = 1) {
  Parcel parcel;
  parcel.tag.value = tag;
  parcel.body = body;
  return {tenant(number), {generation}, std::move(parcel)};
}

struct Fixture {
  Dispatcher dispatcher{Dispatcher::Limits{}};
  void serve(std::uint8_t number, unsigned workers = 1) {
    dispatcher.add(tenant(number), {.workers = workers});
    dispatcher.restart(tenant(number), {1});
  }
  void deliver(std::vector<Dispatcher::Arrival> arrivals) { dispatcher.deliver(arrivals); }
};

TEST(Dispatcher, GivesAWriterWhateverIsReadyInOrderOfArrival) {
  Fixture f;
  f.serve(1);
  f.serve(2);
  f.deliver({arrival(1, 1), arrival(2, 1), arrival(1, 2)});
  const auto work = f.dispatcher.take();
  ASSERT_TRUE(work);
  ASSERT_EQ(work->parts.size(), 2U);
  ASSERT_EQ(work->parts[0].parcels.size(), 2U);
  EXPECT_EQ(work->parts[0].parcels[0].tag.value, 1U);
  EXPECT_EQ(work->parts[0].parcels[1].tag.value, 2U);
  EXPECT_EQ(f.dispatcher.total().writing, 3U);
  f.dispatcher.finished(*work);
  EXPECT_EQ(f.dispatcher.total().unacked(), 0U);
  EXPECT_EQ(f.dispatcher.in_flight_bytes(), 0U);
}

TEST(Dispatcher, CountsTheMemoryOfABurstUntilItsLastDeliveryIsReleased) {
  Fixture f;
  f.serve(1);
  f.serve(2);
  {
    const auto arena = std::make_shared<Arena>(1000, &f.dispatcher.memory());
    std::vector<Dispatcher::Arrival> burst{arrival(1, 1), arrival(2, 1)};
    for (auto& each : burst) {
      each.parcel.body = {static_cast<const char*>(arena->allocate(100, 1)), 100};
      each.parcel.arena = arena;
    }
    f.dispatcher.deliver(burst);
  }
  EXPECT_GE(f.dispatcher.in_flight_bytes(), 1000U);
  auto work = f.dispatcher.take();
  work->parts[0].parcels[0].release();
  EXPECT_GE(f.dispatcher.in_flight_bytes(), 1000U) << "the other one still needs it";
  work->parts[1].parcels[0].release();
  EXPECT_EQ(f.dispatcher.in_flight_bytes(), 0U);
}

TEST(Dispatcher, ANewChannelDropsWhatCameThroughTheOldOne) {
  Fixture f;
  f.serve(1);
  f.deliver({arrival(1, 1), arrival(1, 2)});
  f.dispatcher.restart(tenant(1), {2});
  f.deliver({arrival(1, 3, "{}", 1), arrival(1, 1, "[]", 2)});
  const auto work = f.dispatcher.take();
  ASSERT_EQ(work->rows(), 1U);
  EXPECT_EQ(work->parts[0].parcels[0].body, "[]");
  EXPECT_EQ(work->parts[0].generation, Generation{2});
  f.dispatcher.finished(*work);
  EXPECT_EQ(f.dispatcher.in_flight_bytes(), 0U);
}

TEST(Dispatcher, CutsATransactionByBytesButTakesASingleLargerMessage) {
  const std::string large(6 << 20, ' ');
  Fixture f;
  f.serve(1);
  f.deliver({arrival(1, 1, large), arrival(1, 2, large), arrival(1, 3, large)});
  for (int i = 0; i < 3; ++i) {
    const auto work = f.dispatcher.take();
    EXPECT_EQ(work->rows(), 1U);
    f.dispatcher.finished(*work);
  }
}

TEST(Dispatcher, AFloodOfLargeMessagesDelaysANeighbourByOneTransaction) {
  const std::string large(3 << 20, ' ');
  Fixture f;
  f.serve(1, 8);
  f.serve(2);
  for (std::uint64_t tag = 1; tag <= 40; ++tag) f.deliver({arrival(1, tag, large)});
  auto running = f.dispatcher.take();
  f.deliver({arrival(2, 1, large)});
  f.dispatcher.finished(*running);
  // The flood may be in front once more, but what it is owed in rows must not keep it there.
  int transactions = 0;
  for (bool served = false; !served; ++transactions) {
    ASSERT_LT(transactions, 2);
    const auto work = f.dispatcher.take();
    for (const auto& part : work->parts) served = served || part.tenant == tenant(2);
    f.dispatcher.finished(*work);
  }
}

/// Tenant 1 with its large transaction out, and tenant 2, which has more than one turn of rows.
struct SmallBesideLarge : Fixture {
  SmallBesideLarge() {
    serve(1, 8);
    serve(2, 1);
    serve(3, 1);
    flood(1, 1500);
    large = *dispatcher.take();
    flood(2, 500);
    small = *dispatcher.take();
  }
  void flood(std::uint8_t number, std::uint64_t rows) {
    for (std::uint64_t tag = 1; tag <= rows; ++tag) deliver({arrival(number, tag)});
  }
  Work large;
  Work small;
};

TEST(Dispatcher, ASmallTransactionDoesNotComeRoundAgainBesideALargeOne) {
  SmallBesideLarge f;
  ASSERT_EQ(f.small.parts.front().tenant, tenant(2));
  f.dispatcher.finished(f.small);
  f.deliver({arrival(3, 1)});
  const auto quiet = f.dispatcher.take();
  ASSERT_EQ(quiet->parts.size(), 1U);
  EXPECT_EQ(quiet->parts.front().tenant, tenant(3)) << "who has little to store waits for nobody";
  f.dispatcher.finished(f.large);
  const auto both = f.dispatcher.take();
  EXPECT_EQ(both->parts.size(), 2U) << "the shares of both are of the same transaction";
}

TEST(Dispatcher, ALargeTransactionThatHangsIsNotWaitedFor) {
  SmallBesideLarge f;
  f.dispatcher.finished(f.small);
  const auto next = f.dispatcher.take();
  ASSERT_TRUE(next);
  EXPECT_EQ(next->parts.front().tenant, tenant(2));
}

TEST(Dispatcher, LosingTheLastWaitingRowsEndsADrain) {
  Fixture f;
  f.serve(1);
  f.deliver({arrival(1, 1)});
  const auto work = f.dispatcher.take();
  f.deliver({arrival(1, 2)});
  f.dispatcher.drain();
  auto writer = std::async(std::launch::async, [&] { return f.dispatcher.take().has_value(); });
  // Nothing tells that the writer waits already; too short a pause only makes the test easier to pass.
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  f.dispatcher.restart(tenant(1), {2});
  EXPECT_FALSE(writer.get());
  f.dispatcher.finished(*work);
  EXPECT_TRUE(f.dispatcher.wait_until_empty(std::chrono::steady_clock::now() + std::chrono::seconds(10)));
}

TEST(Dispatcher, RemovingATenantForgetsWhatWaitsAndLetsWhatIsWrittenFinish) {
  Fixture f;
  f.serve(1);
  f.deliver({arrival(1, 1)});
  const auto work = f.dispatcher.take();
  f.deliver({arrival(1, 2)});
  f.dispatcher.remove(tenant(1));
  EXPECT_EQ(f.dispatcher.total().waiting, 0U);
  f.dispatcher.finished(*work);
  EXPECT_EQ(f.dispatcher.total().unacked(), 0U);
  EXPECT_EQ(f.dispatcher.in_flight_bytes(), 0U);
}

TEST(Dispatcher, ATenantThatIsAddedAgainWaitsForWhatIsStillBeingWritten) {
  Fixture f;
  f.serve(1);
  f.deliver({arrival(1, 1)});
  const auto before = f.dispatcher.take();
  f.dispatcher.remove(tenant(1));
  f.deliver({arrival(1, 2)});
  EXPECT_EQ(f.dispatcher.total().waiting, 0U) << "a removed tenant takes nothing";
  f.dispatcher.add(tenant(1), {});
  f.dispatcher.restart(tenant(1), {2});
  f.serve(2);
  f.deliver({arrival(1, 1, "[]", 2), arrival(2, 1)});
  const auto other = f.dispatcher.take();
  ASSERT_EQ(other->parts.size(), 1U);
  EXPECT_EQ(other->parts[0].tenant, tenant(2)) << "two transactions of one tenant at a time have no order";
  f.dispatcher.finished(*before);
  const auto after = f.dispatcher.take();
  ASSERT_EQ(after->parts.size(), 1U);
  EXPECT_EQ(after->parts[0].generation.value, 2U);
  f.dispatcher.finished(*other);
  f.dispatcher.finished(*after);
  EXPECT_EQ(f.dispatcher.total().unacked(), 0U);
}

TEST(Dispatcher, WhatCouldNotBeStoredIsNotOvertakenByWhatWaitsBehindIt) {
  Fixture f;
  f.serve(1);
  f.deliver({arrival(1, 1)});
  const auto work = f.dispatcher.take();
  f.deliver({arrival(1, 2)});
  f.dispatcher.failed(*work);
  f.deliver({arrival(1, 3)});
  EXPECT_EQ(f.dispatcher.total().unacked(), 0U);
  f.dispatcher.restart(tenant(1), {2});
  f.deliver({arrival(1, 1, "[]", 2)});
  const auto again = f.dispatcher.take();
  ASSERT_EQ(again->rows(), 1U);
  EXPECT_EQ(again->parts[0].parcels[0].body, "[]");
}

TEST(Dispatcher, AMessageIsTakenWithTheOptionsOfThatMoment) {
  Fixture f;
  f.serve(1);
  f.deliver({arrival(1, 1)});
  f.dispatcher.set_options(tenant(1), {.max_message_bytes = 7});
  EXPECT_EQ(f.dispatcher.take()->parts[0].options.max_message_bytes, 7U);
}

TEST(Dispatcher, DrainingGivesOutTheRestAndThenEnds) {
  Fixture f;
  f.serve(1);
  f.deliver({arrival(1, 1)});
  f.dispatcher.drain();
  const auto work = f.dispatcher.take();
  ASSERT_TRUE(work);
  auto second = std::async(std::launch::async, [&] { return f.dispatcher.take().has_value(); });
  EXPECT_FALSE(second.get());
  f.dispatcher.finished(*work);
  EXPECT_TRUE(f.dispatcher.wait_until_empty(std::chrono::steady_clock::now()));
}

TEST(Dispatcher, DrainingWaitsForRowsBehindATenantBeingWritten) {
  Fixture f;
  f.serve(1);
  f.deliver({arrival(1, 1)});
  const auto work = f.dispatcher.take();
  f.deliver({arrival(1, 2)});
  f.dispatcher.drain();
  auto next = std::async(std::launch::async, [&] { return f.dispatcher.take(); });
  f.dispatcher.finished(*work);
  const auto rest = next.get();
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->parts[0].parcels[0].tag.value, 2U);
}

TEST(Dispatcher, AbandoningEndsEverybodyWhoWaits) {
  Fixture f;
  f.serve(1);
  auto writer = std::async(std::launch::async, [&] { return f.dispatcher.take().has_value(); });
  f.dispatcher.abandon();
  EXPECT_FALSE(writer.get());
}

// Property: with many links and writers at once every delivery is written exactly once, in order per tenant.
TEST(Dispatcher, EveryDeliveryIsGivenOutOnceInOrderPerTenantWithManyThreads) {
  constexpr std::uint8_t kTenants = 12;
  constexpr std::uint64_t kEach = 4000;
  Fixture f;
  for (std::uint8_t t = 0; t < kTenants; ++t) f.serve(t, t % 4 + 1U);
  std::vector<std::uint64_t> last(kTenants);  // a tenant is with one writer at a time
  std::atomic<std::uint64_t> written{0};
  std::atomic<bool> in_order{true};
  std::vector<std::thread> threads;
  for (int w = 0; w < 4; ++w) {
    threads.emplace_back([&] {
      while (const auto work = f.dispatcher.take()) {
        for (const auto& part : work->parts) {
          auto& expected = last[part.tenant.value.bytes[15]];
          for (const auto& parcel : part.parcels) {
            if (parcel.tag.value != ++expected) in_order = false;
          }
        }
        written += work->rows();
        f.dispatcher.finished(*work);
      }
    });
  }
  std::vector<std::thread> links;
  for (std::uint8_t link = 0; link < 3; ++link) {
    links.emplace_back([&f, link] {
      for (std::uint64_t tag = 1; tag <= kEach; ++tag) {
        for (std::uint8_t t = link; t < kTenants; t = static_cast<std::uint8_t>(t + 3)) f.deliver({arrival(t, tag)});
      }
    });
  }
  for (auto& link : links) link.join();
  f.dispatcher.drain();
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(in_order);
  EXPECT_EQ(written, kEach * kTenants);
  EXPECT_EQ(f.dispatcher.in_flight_bytes(), 0U);
}

Dispatcher::Arrival suspicious(std::uint8_t number, std::uint64_t tag) {
  auto made = arrival(number, tag);
  made.parcel.delivery_count = Parcel::kSuspicious;
  return made;
}

TEST(Dispatcher, GivesASuspiciousMessageATransactionOfItsOwn) {
  Fixture f;
  f.serve(1);
  f.serve(2);
  f.deliver({arrival(1, 1), suspicious(1, 2), suspicious(1, 3), arrival(1, 4), suspicious(2, 1)});
  std::vector<std::size_t> rows;
  for (int i = 0; i < 5; ++i) {
    const auto work = f.dispatcher.take();
    ASSERT_TRUE(work);
    rows.push_back(work->rows());
    for (const auto& part : work->parts) {
      EXPECT_TRUE(!part.parcels.front().suspicious() || work->rows() == 1);
    }
    f.dispatcher.finished(*work);
  }
  EXPECT_EQ(f.dispatcher.total().unacked(), 0U);
}

TEST(Dispatcher, APostponedTenantComesBackInOrderAndHoldsNobodyElseMeanwhile) {
  Fixture f;
  f.serve(1);
  f.serve(2);
  f.deliver({arrival(1, 1), arrival(1, 2)});
  auto work = f.dispatcher.take();
  f.dispatcher.postpone(std::move(work->parts[0]), std::chrono::milliseconds(50));
  EXPECT_EQ(f.dispatcher.counts(tenant(1)).waiting, 2U);
  f.deliver({arrival(1, 3), arrival(2, 1)});
  const auto other = f.dispatcher.take();
  ASSERT_EQ(other->parts.size(), 1U);
  EXPECT_EQ(other->parts[0].tenant, tenant(2));
  f.dispatcher.finished(*other);
  const auto again = f.dispatcher.take();
  ASSERT_TRUE(again);
  ASSERT_EQ(again->rows(), 3U);
  EXPECT_EQ(again->parts.size(), 1U) << "it holds up nobody but itself";
  EXPECT_EQ(again->parts[0].parcels[0].tag.value, 1U);
  EXPECT_EQ(again->parts[0].parcels[2].tag.value, 3U);
  f.dispatcher.finished(*again);
  EXPECT_EQ(f.dispatcher.in_flight_bytes(), 0U);
}

TEST(Dispatcher, WhatIsPostponedAfterItsChannelEndedIsThrownAway) {
  Fixture f;
  f.serve(1);
  f.deliver({arrival(1, 1)});
  auto work = f.dispatcher.take();
  f.dispatcher.restart(tenant(1), {2});
  f.dispatcher.postpone(std::move(work->parts[0]), std::chrono::hours(1));
  EXPECT_EQ(f.dispatcher.in_flight_bytes(), 0U);
  f.deliver({arrival(1, 1, "[]", 2)});
  const auto next = f.dispatcher.take();
  ASSERT_TRUE(next) << "the new channel's messages don't wait for the old one's";
  EXPECT_EQ(next->parts[0].parcels[0].body, "[]");
}

TEST(Dispatcher, ADrainWaitsForWhatIsPostponed) {
  Fixture f;
  f.serve(1);
  f.deliver({arrival(1, 1)});
  auto work = f.dispatcher.take();
  f.dispatcher.postpone(std::move(work->parts[0]), std::chrono::milliseconds(20));
  f.dispatcher.drain();
  const auto again = f.dispatcher.take();
  ASSERT_TRUE(again);
  f.dispatcher.finished(*again);
  EXPECT_FALSE(f.dispatcher.take());
  EXPECT_TRUE(f.dispatcher.wait_until_empty(std::chrono::steady_clock::now()));
}

}  // namespace
}  // namespace mtmsg::ingest
