#include "ingest/scheduler.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace mtmsg::ingest {
namespace {

TenantId tenant(unsigned number) {
  TenantId id;
  id.value.bytes[15] = static_cast<std::uint8_t>(number);
  id.value.bytes[14] = static_cast<std::uint8_t>(number >> 8);
  return id;
}

using Transaction = std::vector<Scheduler::Turn>;

/// What a writer does: turns until the transaction is full.
Transaction fill(Scheduler& scheduler, std::size_t rows, std::size_t tenants = 200) {
  Transaction transaction;
  while (rows > 0 && transaction.size() < tenants) {
    const auto turn = scheduler.next(rows);
    if (!turn) break;
    scheduler.took(turn->rows);
    rows -= turn->rows;
    transaction.push_back(*turn);
  }
  return transaction;
}

void finish(Scheduler& scheduler, const Transaction& transaction) {
  for (const auto& turn : transaction) scheduler.finished(turn.tenant);
}

TEST(Scheduler, GivesATenantAloneTheWholeTransaction) {
  Scheduler scheduler;
  scheduler.add(tenant(1), 1);
  scheduler.arrived(tenant(1), 5000);
  const auto transaction = fill(scheduler, 1000);
  ASSERT_EQ(transaction.size(), 1U);
  EXPECT_EQ(transaction[0].rows, 1000U);
}

TEST(Scheduler, SkipsATenantThatIsBeingWritten) {
  Scheduler scheduler;
  scheduler.add(tenant(1), 1);
  scheduler.arrived(tenant(1), 5000);
  const auto transaction = fill(scheduler, 1000);
  EXPECT_FALSE(scheduler.has_ready());
  EXPECT_FALSE(scheduler.next(1000));
  scheduler.arrived(tenant(1), 10);
  EXPECT_FALSE(scheduler.has_ready());
  finish(scheduler, transaction);
  EXPECT_TRUE(scheduler.has_ready());
}

TEST(Scheduler, ForgetsDiscardedRows) {
  Scheduler scheduler;
  scheduler.add(tenant(1), 1);
  scheduler.arrived(tenant(1), 10);
  scheduler.discarded(tenant(1));
  EXPECT_FALSE(scheduler.has_ready());
  scheduler.arrived(tenant(1), 3);
  EXPECT_EQ(fill(scheduler, 1000).front().rows, 3U);
}

TEST(Scheduler, AQuietTenantIsInTheNextTransactionWhateverItsNeighboursFlood) {
  Scheduler scheduler;
  for (unsigned i = 1; i <= 5; ++i) {
    scheduler.add(tenant(i), 8);
    scheduler.arrived(tenant(i), 1'000'000);
  }
  scheduler.add(tenant(9), 1);
  auto running = fill(scheduler, 1000);
  scheduler.arrived(tenant(9), 1);
  finish(scheduler, running);
  const auto next = fill(scheduler, 1000);
  EXPECT_TRUE(std::any_of(next.begin(), next.end(), [](const auto& turn) { return turn.tenant == tenant(9); }));
}

TEST(Scheduler, ChangedWorkersCountFromTheNextRound) {
  Scheduler scheduler;
  for (unsigned i = 1; i <= 2; ++i) {
    scheduler.add(tenant(i), 1);
    scheduler.arrived(tenant(i), 1'000'000);
  }
  finish(scheduler, fill(scheduler, 1000));
  scheduler.set_workers(tenant(2), 9);
  std::map<TenantId, std::size_t> rows;
  for (int i = 0; i < 100; ++i) {
    const auto transaction = fill(scheduler, 1000);
    for (const auto& turn : transaction) rows[turn.tenant] += turn.rows;
    finish(scheduler, transaction);
  }
  EXPECT_NEAR(static_cast<double>(rows[tenant(2)]) / static_cast<double>(rows[tenant(1)]), 9.0, 0.5);
}

TEST(Scheduler, WhatRoundingKeptBackAmongManyIsNoLongTurnAmongFew) {
  Scheduler scheduler;
  constexpr unsigned kMany = 100;
  scheduler.add(tenant(0), 1);
  scheduler.arrived(tenant(0), 1'000'000);
  for (unsigned i = 1; i < kMany; ++i) {
    scheduler.add(tenant(i), 65);
    scheduler.arrived(tenant(i), 1);
  }
  finish(scheduler, fill(scheduler, 1000, 1));  // less than a row is due to the first one, and kept for later
  finish(scheduler, fill(scheduler, 1000));     // the others are through
  const auto alone = fill(scheduler, 1000);
  scheduler.arrived(tenant(1), 1);
  finish(scheduler, alone);
  const auto next = fill(scheduler, 1000);
  EXPECT_TRUE(std::any_of(next.begin(), next.end(), [](const auto& turn) { return turn.tenant == tenant(1); }));
}

/// Property: under saturation every tenant's rows are in proportion to its workers, with one writer and with several.
class Saturated : public testing::TestWithParam<std::tuple<unsigned, std::vector<unsigned>>> {};

TEST_P(Saturated, SharesAreInProportionToWorkers) {
  const auto& [writers, workers] = GetParam();
  Scheduler scheduler;
  std::map<TenantId, std::size_t> rows;
  std::size_t all_workers = 0;
  for (unsigned i = 0; i < workers.size(); ++i) {
    scheduler.add(tenant(i), workers[i]);
    scheduler.arrived(tenant(i), 100'000'000);
    all_workers += workers[i];
  }
  std::deque<Transaction> running;
  std::size_t all_rows = 0;
  for (int i = 0; i < 4000; ++i) {
    while (running.size() < writers) {
      auto transaction = fill(scheduler, 1000);
      if (transaction.empty()) break;
      for (const auto& turn : transaction) {
        rows[turn.tenant] += turn.rows;
        all_rows += turn.rows;
      }
      running.push_back(std::move(transaction));
    }
    ASSERT_FALSE(running.empty());
    finish(scheduler, running.front());
    running.pop_front();
  }
  for (unsigned i = 0; i < workers.size(); ++i) {
    const auto fair = static_cast<double>(all_rows) * workers[i] / static_cast<double>(all_workers);
    EXPECT_NEAR(static_cast<double>(rows[tenant(i)]) / fair, 1.0, 0.05) << "tenant with " << workers[i] << " workers";
  }
}

INSTANTIATE_TEST_SUITE_P(Scheduler, Saturated,
                         testing::Combine(testing::Values(1U, 2U, 4U),
                                          testing::Values(std::vector<unsigned>{1, 2, 8}, std::vector<unsigned>{3, 3},
                                                          std::vector<unsigned>{1, 64, 64},
                                                          std::vector<unsigned>(100, 3),
                                                          std::vector<unsigned>{64, 1, 1, 1, 1, 1, 1, 1})));

// Property: any sequence of arrivals, transactions, resizes, removals: no turn beyond what waits, none for a tenant
// being written, every waiting tenant is served within a bounded number of transactions, and nothing is left over.
TEST(Scheduler, ServesEverybodyWithinARoundInAnySequenceOfEvents) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    Scheduler scheduler;
    std::map<TenantId, std::size_t> waiting;
    std::map<TenantId, bool> writing;
    std::map<TenantId, int> passed_over;
    std::deque<Transaction> running;
    const unsigned tenants = 1 + random() % 30;
    for (unsigned i = 0; i < tenants; ++i) scheduler.add(tenant(i), 1 + random() % 64);
    const auto transact = [&] {
      const auto transaction = fill(scheduler, 1 + random() % 1000, 1 + random() % 40);
      for (auto& [id, rows] : waiting) {
        if (rows > 0 && !writing[id]) ++passed_over[id];
      }
      for (const auto& turn : transaction) {
        ASSERT_FALSE(writing[turn.tenant]);
        ASSERT_GE(turn.rows, 1U);
        ASSERT_LE(turn.rows, waiting[turn.tenant]);
        waiting[turn.tenant] -= turn.rows;
        writing[turn.tenant] = true;
        passed_over[turn.tenant] = 0;
      }
      for (const auto& [id, times] : passed_over) ASSERT_LT(times, 3000);
      if (!transaction.empty()) running.push_back(transaction);
    };
    const auto end_one = [&] {
      if (running.empty()) return;
      finish(scheduler, running.front());
      for (const auto& turn : running.front()) writing[turn.tenant] = false;
      running.pop_front();
    };
    for (int step = 0; step < 500; ++step) {
      const auto id = tenant(random() % tenants);
      switch (random() % 8) {
        case 0:
        case 1:
        case 2: {
          const std::size_t rows = 1 + random() % 700;
          scheduler.arrived(id, rows);
          waiting[id] += rows;
          break;
        }
        case 3:
          scheduler.set_workers(id, 1 + random() % 64);
          break;
        case 4:
          scheduler.discarded(id);
          waiting[id] = 0;
          passed_over[id] = 0;
          break;
        case 5:
          end_one();
          break;
        default:
          transact();
      }
    }
    for (int i = 0; i < 100'000 && (scheduler.has_ready() || !running.empty()); ++i) {
      transact();
      end_one();
    }
    for (const auto& [id, rows] : waiting) ASSERT_EQ(rows, 0U) << "seed " << seed;
  }
}

}  // namespace
}  // namespace mtmsg::ingest
