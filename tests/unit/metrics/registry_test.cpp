#include "metrics/registry.hpp"

#include <stdexcept>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/dead_letter.hpp"

namespace mtmsg::metrics {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Metrics, StandAtZeroFromTheStart) {
  const auto text = Registry("1.2.3").render();
  EXPECT_THAT(text, HasSubstr("# TYPE mtmsg_messages_stored_total counter\nmtmsg_messages_stored_total 0\n"));
  EXPECT_THAT(text, HasSubstr("mtmsg_batch_rows_count 0\n"));
  EXPECT_THAT(text, HasSubstr("mtmsg_store_seconds_bucket{le=\"+Inf\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("mtmsg_build_info{version=\"1.2.3\"} 1\n"));
}

TEST(Metrics, KnowEveryReasonOfADeadLetter) {
  const auto text = Registry("1").render();
  for (const auto reason : kDeadReasons) {
    EXPECT_THAT(text, HasSubstr("mtmsg_dead_letters_total{reason=\"" + std::string(to_string(reason)) + "\"} 0\n"));
  }
}

TEST(Metrics, CountWhatTheHandlesAreGiven) {
  Registry registry("1");
  IngestMetrics ingest(registry);
  ingest.messages_stored.add(500);
  ingest.messages_stored.add(0);
  ingest.messages_stored.add();
  ingest.dead_letters("too_large").add(2);
  ingest.dead_letters("too_large").add();
  ingest.batch_rows.observe(7);
  ingest.store_seconds.observe(3ms);
  const auto text = registry.render();
  EXPECT_THAT(text, HasSubstr("mtmsg_messages_stored_total 501\n"));
  EXPECT_THAT(text, HasSubstr("mtmsg_dead_letters_total{reason=\"too_large\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("mtmsg_batch_rows_bucket{le=\"5\"} 0\nmtmsg_batch_rows_bucket{le=\"10\"} 1\n"));
  EXPECT_THAT(text,
              HasSubstr("mtmsg_store_seconds_bucket{le=\"0.0025\"} 0\nmtmsg_store_seconds_bucket{le=\"0.005\"} 1\n"));
}

TEST(Metrics, StayExactBeyondWhatSixDigitsHold) {
  Registry registry("1");
  registry.counter(Metric::messages_stored).add(123'456'789'012);
  EXPECT_THAT(registry.render(), HasSubstr("mtmsg_messages_stored_total 123456789012\n"));
}

TEST(Metrics, RefuseAHandleOfTheWrongKind) {
  Registry registry("1");
  EXPECT_THROW(registry.counter(Metric::batch_rows), std::logic_error);
  EXPECT_THROW(registry.histogram(Metric::messages_stored), std::logic_error);
  EXPECT_THROW(registry.counter(Metric::dead_letters), std::logic_error);
  EXPECT_THROW(registry.counter(Metric::messages_stored, "x"), std::logic_error);
}

TEST(Metrics, LoseNoCountBetweenThreads) {
  Registry registry("1");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      auto counter = registry.counter(Metric::deliveries_acked);
      for (int n = 0; n < 10'000; ++n) counter.add(2);
    });
  }
  registry.render();
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(registry.render(), HasSubstr("mtmsg_deliveries_acked_total 80000\n"));
}

}  // namespace
}  // namespace mtmsg::metrics
