#include "cmd/output/table.hpp"

#include <gtest/gtest.h>

namespace mtmsg::ctl {
namespace {

const Table kTable{
    {{"seq", Kind::number}, {"created_at", Kind::time}, {"payload", Kind::flexible}},
    {{"7", "2026-01-31T12:00:00.123456Z", R"({"a": "long, \"long\" text"})"}, {"1000", "2026-01-31T12:00:01Z", "1"}}};

TEST(Table, AlignsColumnsAndShowsTimesToTheSecond) {
  std::string out;
  append_table(out, kTable, std::nullopt);
  EXPECT_EQ(out,
            " SEQ  CREATED AT            PAYLOAD\n"
            "   7  2026-01-31T12:00:00Z  {\"a\": \"long, \\\"long\\\" text\"}\n"
            "1000  2026-01-31T12:00:01Z  1\n");
}

TEST(Table, CutsTheFlexibleColumnToTheWidthOfTheLine) {
  std::string out;
  append_table(out, kTable, 40);
  EXPECT_EQ(out,
            " SEQ  CREATED AT            PAYLOAD\n"
            "   7  2026-01-31T12:00:00Z  {\"a\": \"long…\n"
            "1000  2026-01-31T12:00:01Z  1\n");
}

TEST(Table, NeverCutsInsideACharacter) {
  std::string out;
  append_table(out, {{{"x", Kind::flexible}}, {{"ééééééééééééé"}}}, 10);
  EXPECT_EQ(out, "X\nééééééééé…\n");
}

TEST(Table, APayloadCannotSteerTheTerminal) {
  std::string out;
  append_table(out, {{{"x"}}, {{"a\x1b[31mb\r\n"}}}, std::nullopt);
  EXPECT_EQ(out, "X\na?[31mb??\n");
}

TEST(Csv, QuotesWhatNeedsItAndKeepsValuesWhole) {
  std::string out;
  append_csv(out, kTable);
  EXPECT_EQ(out,
            "seq,created_at,payload\n"
            "7,2026-01-31T12:00:00.123456Z,\"{\"\"a\"\": \"\"long, \\\"\"long\\\"\" text\"\"}\"\n"
            "1000,2026-01-31T12:00:01Z,1\n");
}

TEST(Card, PutsTheValuesInOneColumn) {
  std::string out;
  append_card(out, {{"name", "acme"}, {"dead_letters", "3"}, {"empty", ""}});
  EXPECT_EQ(out, "name:         acme\ndead letters: 3\nempty:\n");
}

TEST(Texts, NumbersAndDurationsReadWell) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(with_commas(1234567), "1,234,567");
  EXPECT_EQ(counted(1, "message"), "1 message");
  EXPECT_EQ(counted(2000, "message"), "2,000 messages");
  EXPECT_EQ(duration_text(59), "59 s");
  EXPECT_EQ(duration_text(3725), "1 h 2 min");
  EXPECT_EQ(duration_text(200000), "2 d 7 h");
}

}  // namespace
}  // namespace mtmsg::ctl
