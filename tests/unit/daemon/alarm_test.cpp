#include "daemon/alarm.hpp"

#include <future>

#include <gtest/gtest.h>

namespace mtmsg::daemon {
namespace {

using namespace std::chrono_literals;

TEST(Alarm, GoesOffOnceAtItsMomentOrWhenSomebodyRings) {
  for (const bool by_hand : {true, false}) {
    std::promise<void> done;
    int times = 0;
    Alarm alarm([&] {
      ++times;
      done.set_value();
    });
    by_hand ? alarm.ring() : alarm.set(std::chrono::steady_clock::now() + 1ms);
    done.get_future().wait();
    alarm.ring();
    alarm.switch_off();
    EXPECT_EQ(times, 1);
  }
}

TEST(Alarm, StaysSilentWhenItIsSwitchedOffBefore) {
  bool rang = false;
  Alarm alarm([&] { rang = true; });
  alarm.set(std::chrono::steady_clock::now() + 1h);
  alarm.switch_off();
  alarm.switch_off();
  alarm.ring();
  EXPECT_FALSE(rang);
}

}  // namespace
}  // namespace mtmsg::daemon
