#include "broker/refusals.hpp"

#include <map>
#include <random>

#include <gtest/gtest.h>

namespace mtmsg::broker {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kPatience{100};

TEST(Refusals, AreTooManyOnceAQueueHasRefusedEverythingForLong) {
  Refusals refusals(kPatience);
  const Refusals::Clock::time_point begin{};
  EXPECT_FALSE(refusals.refused("one", begin));
  EXPECT_FALSE(refusals.refused("one", begin + kPatience - milliseconds(1)));
  EXPECT_TRUE(refusals.refused("one", begin + kPatience));
  EXPECT_FALSE(refusals.refused("two", begin + kPatience)) << "each queue counts for itself";
}

TEST(Refusals, AreForgottenWhenTheQueueTakesAMessage) {
  Refusals refusals(kPatience);
  const Refusals::Clock::time_point begin{};
  refusals.refused("one", begin);
  refusals.taken("one");
  EXPECT_FALSE(refusals.refused("one", begin + kPatience));
}

TEST(Refusals, AgreeWithWhoeverRemembersEverything) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    std::mt19937 random(seed);
    Refusals refusals(kPatience);
    std::map<std::string, Refusals::Clock::time_point> since;
    Refusals::Clock::time_point now{};
    for (int step = 0; step < 500; ++step) {
      now += milliseconds(random() % 30);
      const std::string exchange(1, static_cast<char>('a' + random() % 3));
      const auto choice = random() % 10;
      if (choice == 0) {
        refusals.forget();
        since.clear();
      } else if (choice < 3) {
        refusals.taken(exchange);
        since.erase(exchange);
      } else {
        const auto first = since.try_emplace(exchange, now).first->second;
        EXPECT_EQ(refusals.refused(exchange, now), now - first >= kPatience) << "seed " << seed << ", step " << step;
      }
    }
  }
}

}  // namespace
}  // namespace mtmsg::broker
