#include "daemon/probe.hpp"

#include <atomic>
#include <future>

#include <gtest/gtest.h>

namespace mtmsg::daemon {
namespace {

using namespace std::chrono_literals;

/// Until it holds, or ten seconds are over.
bool soon(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

TEST(Probe, GivesTheLastAnswer) {
  std::atomic<bool> fine = false;
  Probe probe([&]() -> Result<void> {
    if (!fine) return fail(ErrorCode::database_unavailable, "refused");
    return {};
  });
  EXPECT_TRUE(probe.answer().has_error());
  probe.start();
  EXPECT_TRUE(soon([&] { return probe.answer().has_error() && probe.answer().error().message == "refused"; }));
  fine = true;
  probe.ask_now();
  EXPECT_TRUE(soon([&] { return probe.answer().has_value(); }));
}

TEST(Probe, AQuestionThatIsNotAnsweredMakesNobodyWaitAndCountsAsAway) {
  std::promise<void> release;
  auto released = release.get_future();
  std::atomic<int> asked = 0;
  Probe probe(
      [&]() -> Result<void> {
        if (++asked == 2) released.wait();
        return {};
      },
      Probe::Times{1ms, 50ms});
  probe.start();
  EXPECT_TRUE(soon([&] { return probe.answer().has_error() && asked == 2; }));
  EXPECT_EQ(probe.answer().error().message, "PostgreSQL does not answer");
  probe.ask_to_stop();
  release.set_value();
  probe.stop();
  EXPECT_TRUE(probe.answer().has_value());
}

}  // namespace
}  // namespace mtmsg::daemon
