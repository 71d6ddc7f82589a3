#include "wire/explanation.hpp"

#include <gtest/gtest.h>

#include "domain/message.hpp"

namespace mtmsg::wire {
namespace {

Explanation paused() {
  Explanation seen;
  seen.tenant = TenantId::parse("0190d3c4-5a6b-7c8d-9e0f-112233445566").value();
  seen.name = "acme";
  seen.verdict = "blocked";
  seen.findings = {{"paused", "blocked", "It is paused.", "mtmsgctl tenant resume acme"}, {"x", "note", "\"", ""}};
  seen.queue = QueueDepth{7, 0};
  seen.workers = 3;
  seen.workers_busy = 1;
  seen.unacked = 2;
  seen.delivered_per_second = 1234.5;
  seen.messages = 9;
  seen.dead_letters = 0;
  seen.last_stored_at = parse_timestamp("2026-01-31T12:00:00.5Z").value();
  return seen;
}

std::string text_of(const Explanation& seen) {
  std::string text;
  append_explanation(text, seen);
  return text;
}

TEST(WireExplanation, ReadsBackWhatItWrote) {
  EXPECT_EQ(read_explanation(text_of(paused())).value(), paused());
}

TEST(WireExplanation, SaysNullForWhatCantBeFoundOut) {
  auto seen = paused();
  seen.queue.reset();
  seen.messages.reset();
  seen.dead_letters.reset();
  seen.last_stored_at.reset();
  const auto text = text_of(seen);
  for (const auto* field : {"queue", "messages", "dead_letters", "last_stored_at"})
    EXPECT_NE(text.find("\"" + std::string(field) + "\":null"), std::string::npos) << text;
  EXPECT_EQ(read_explanation(text).value(), seen);
}

TEST(WireExplanation, TakesFieldsItDoesNotKnowAndRefusesARateThatIsNone) {
  auto text = text_of(paused());
  text.insert(1, "\"new\":{},");
  EXPECT_TRUE(read_explanation(text));
  text.replace(text.find("1234.5"), 6, "\"fast\"");
  EXPECT_FALSE(read_explanation(text));
}

}  // namespace
}  // namespace mtmsg::wire
