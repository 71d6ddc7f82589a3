#include "http/worker_pool.hpp"

#include <future>
#include <set>

#include <gtest/gtest.h>

namespace mtmsg::http {
namespace {

using Pool = WorkerPool<int>;

/// A pool whose jobs do `work`.
Pool pool_of(Pool::Limits limits, std::function<void(int)> work) {
  return Pool(limits, [work] { return Pool::Work(work); });
}

TEST(WorkerPool, RunsEveryJobBeforeItStops) {
  std::atomic<int> sum = 0;
  auto pool = pool_of({4, 4, 10000}, [&](int n) { sum += n; });
  pool.start();
  for (int n = 1; n <= 1000; ++n) ASSERT_TRUE(pool.submit(n));
  pool.stop();
  EXPECT_EQ(sum, 500500);
  EXPECT_FALSE(pool.submit(1));
}

TEST(WorkerPool, RefusesWhatItsQueueCannotHold) {
  std::promise<void> go;
  auto gate = go.get_future().share();
  std::atomic<int> started = 0;
  auto pool = pool_of({1, 1, 2}, [&](int) {
    ++started;
    gate.wait();
  });
  pool.start();
  ASSERT_TRUE(pool.submit(1));
  while (started == 0) std::this_thread::yield();
  EXPECT_TRUE(pool.submit(2));
  EXPECT_TRUE(pool.submit(3));
  EXPECT_FALSE(pool.submit(4));
  go.set_value();
}

TEST(WorkerPool, ReplacesThreadsThatWaitUpToItsLimit) {
  std::promise<void> go;
  auto gate = go.get_future().share();
  std::atomic<int> waiting = 0;
  std::atomic<int> crowded = 0;
  std::atomic<int> worked = 0;
  Pool* self = nullptr;
  auto pool = pool_of({1, 3, 100}, [&](int n) {
    if (n == 0) {
      ++worked;
      return;
    }
    const Pool::Blocked blocked(*self);
    if (!blocked) {
      ++crowded;
      return;
    }
    ++waiting;
    gate.wait();
  });
  self = &pool;
  pool.start();
  for (int n = 0; n < 4; ++n) ASSERT_TRUE(pool.submit(1));
  ASSERT_TRUE(pool.submit(0));
  while (worked == 0 || crowded == 0) std::this_thread::yield();
  EXPECT_EQ(waiting, 3);
  EXPECT_EQ(crowded, 1);
  go.set_value();
}

TEST(WorkerPool, SurvivesStartAndStopUnderLoad) {
  std::atomic<int> done = 0;
  Pool* self = nullptr;
  auto pool = pool_of({2, 8, 1000}, [&](int n) {
    if (n % 2 == 0) {
      const Pool::Blocked blocked(*self);
      std::this_thread::yield();
    }
    ++done;
  });
  self = &pool;
  int submitted = 0;
  for (int round = 0; round < 50; ++round) {
    pool.start();
    for (int n = 0; n < 100; ++n) submitted += pool.submit(n) ? 1 : 0;
    pool.stop();
  }
  EXPECT_EQ(done, submitted);
}

}  // namespace
}  // namespace mtmsg::http
