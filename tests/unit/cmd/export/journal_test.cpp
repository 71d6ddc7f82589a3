#include "cmd/export/journal.hpp"

#include <gtest/gtest.h>

#include "fake_store.hpp"

namespace mtmsg::ctl {
namespace {

Journal some_journal() {
  Journal journal;
  journal.all_tenants = true;
  journal.since = "2026-01-31T00:00:00Z";
  journal.epoch = 3;
  journal.positions = {{tenant_number(1), "acme", 12}, {tenant_number(2), "a \"quoted\" one", 0}};
  return journal;
}

Sealed some_output() {
  return {"/x/.partial", "/x/out", 3, 400, "ab", 4, {{tenant_number(1), "acme", 15}}, {{tenant_number(1), 12, 14}}};
}

TEST(Journal, IsReadAsItWasWrittenInEveryState) {
  const auto idle = some_journal();
  const auto writing = begun(idle, "/x/.partial");
  for (const auto& journal : {Journal{}, idle, writing, sealed(writing, some_output())}) {
    const auto read = read_journal(journal_text(journal));
    ASSERT_TRUE(read.has_value()) << read.error().message;
    EXPECT_EQ(*read, journal);
  }
}

TEST(Journal, OfAnotherKindIsRefused) {
  auto later = journal_text(some_journal());
  later.replace(later.find(":1,"), 3, ":2,");
  auto negative = journal_text(some_journal());
  negative.replace(negative.find("\"after\":12"), 10, "\"after\":-1");
  for (const std::string& text : {std::string(), std::string("123\n"), std::string("{}"), later, negative,
                                  journal_text(some_journal()).substr(0, 40)})
    EXPECT_EQ(read_journal(text).error().code, ErrorCode::invalid_argument) << text;
}

TEST(Journal, ThatIsAbandonedIsAsItWasBefore) {
  EXPECT_EQ(abandoned(begun(some_journal(), "/x/.partial")), some_journal());
}

TEST(Journal, ThatIsSettledHasThePositionsOfTheOutput) {
  const auto after = settled(sealed(begun(some_journal(), "/x/.partial"), some_output()));
  EXPECT_EQ(after.positions, some_output().positions);
  EXPECT_EQ(after.epoch, 4);
  EXPECT_TRUE(after.writing.empty());
  EXPECT_FALSE(after.sealed);
}

TEST(Journal, TellsWhatACrashLeft) {
  const auto idle = some_journal();
  const auto writing = begun(idle, "/x/.partial");
  const auto complete = sealed(writing, some_output());
  for (const bool final_there : {false, true}) {
    for (const bool temporary_there : {false, true}) {
      EXPECT_EQ(recovery_of(idle, temporary_there, final_there), Recovery::nothing);
      EXPECT_EQ(recovery_of(writing, temporary_there, final_there), Recovery::discard);
    }
    EXPECT_EQ(recovery_of(complete, false, final_there), Recovery::settle);
  }
  EXPECT_EQ(recovery_of(complete, true, false), Recovery::publish);
  EXPECT_EQ(recovery_of(complete, true, true), Recovery::conflict);
}

}  // namespace
}  // namespace mtmsg::ctl
