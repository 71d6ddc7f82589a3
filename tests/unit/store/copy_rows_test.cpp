#include "store/pg/copy_rows.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mtmsg::store::pg {
namespace {

using namespace std::string_literals;

const TenantId kTenant{*Uuid::parse("00112233-4455-6677-8899-aabbccddeeff")};
const MessageId kId{*Uuid::parse("0f0e0d0c-0b0a-0908-0706-050403020100")};
const std::string kHeader = "PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0"s;
const std::string kTrailer = "\xff\xff";
const Timestamp kMillennium = std::chrono::sys_days(std::chrono::year(2000) / 1 / 1);

IncomingMessage message(std::string_view payload) {
  IncomingMessage made;
  made.id = kId;
  made.payload = payload;
  made.headers = "{}";
  return made;
}

std::string sent(CopyRows& rows) {
  std::string all;
  for (const auto part : rows.parts()) all += part;
  return all;
}

std::string row(std::string_view payload_field, std::string_view published_field, char seq, char created) {
  return "\0\7"
         "\0\0\0\x10\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff"
         "\0\0\0\x08\0\0\0\0\0\0\0"s +
         seq + "\0\0\0\x10\x0f\x0e\x0d\x0c\x0b\x0a\x09\x08\x07\x06\x05\x04\x03\x02\x01\x00"s +
         std::string(payload_field) + "\0\0\0\3\1{}"s + std::string(published_field) + "\0\0\0\x08\0\0\0\0\0\0\0"s +
         created;
}

const std::string kNull = "\xff\xff\xff\xff";

TEST(CopyRows, WritesTheBinaryFormatFieldByField) {
  CopyRows rows;
  auto first = message("[1]");
  first.published_at = kMillennium + std::chrono::microseconds(258);
  rows.place(rows.add(kTenant, first), Sequence{5}, kMillennium + std::chrono::microseconds(9));
  EXPECT_EQ(sent(rows), kHeader + row("\0\0\0\4\1[1]"s, "\0\0\0\x08\0\0\0\0\0\0\1\2"s, 5, 9) + kTrailer);
}

TEST(CopyRows, SendsNothingThatWasNotPlaced) {
  CopyRows rows;
  rows.add(kTenant, message("1"));
  EXPECT_EQ(sent(rows), kHeader + kTrailer);
}

TEST(CopyRows, LeavesOutOneRowAndPlacesTheOthersAgain) {
  CopyRows rows;
  for (const auto* payload : {"1", "2", "3"}) rows.add(kTenant, message(payload));
  for (std::size_t i = 0; i < 3; ++i) rows.place(i, Sequence{static_cast<std::int64_t>(i) + 1}, kMillennium);
  rows.leave_out(1);
  rows.place(2, Sequence{2}, kMillennium);
  EXPECT_EQ(sent(rows), kHeader + row("\0\0\0\2\1\x31"s, kNull, 1, 0) + row("\0\0\0\2\1\x33"s, kNull, 2, 0) + kTrailer);
  EXPECT_EQ(rows.parts().size(), 4U);
}

TEST(CopyRows, SendsNeighboursAsOnePart) {
  CopyRows rows;
  for (std::size_t i = 0; i < 100; ++i) rows.place(rows.add(kTenant, message("1")), Sequence{1}, kMillennium);
  EXPECT_EQ(rows.parts().size(), 3U);
}

TEST(CopyRows, KeepsAnyBytesOfAPayload) {
  const auto payload = "\"\0\xff\\.\n\t\""s;
  CopyRows rows;
  rows.place(rows.add(kTenant, message(payload)), Sequence{1}, kMillennium);
  EXPECT_THAT(sent(rows), testing::HasSubstr(payload));
}

TEST(CopyRows, ForgetsEverythingWhenCleared) {
  CopyRows rows;
  rows.place(rows.add(kTenant, message("1")), Sequence{1}, kMillennium);
  rows.clear();
  EXPECT_EQ(rows.size(), 0U);
  EXPECT_EQ(sent(rows), kHeader + kTrailer);
}

TEST(StorableTime, IsWithinTheYearsThatRfc3339CanShow) {
  const Timestamp first = std::chrono::sys_days(std::chrono::year(1) / 1 / 1);
  const Timestamp end = std::chrono::sys_days(std::chrono::year(10000) / 1 / 1);
  EXPECT_EQ(storable(first), first);
  EXPECT_FALSE(storable(first - std::chrono::microseconds(1)));
  EXPECT_FALSE(storable(end));
  EXPECT_FALSE(storable(Timestamp::max()));
  EXPECT_FALSE(storable(std::nullopt));
}

TEST(CopyBytes, IsOneRowOfOneFieldThatIsNotCopied) {
  const std::string bytes("\0\xff", 2);
  const CopyBytes copy(bytes);
  std::string all;
  for (const auto part : copy.parts()) all += part;
  EXPECT_EQ(all, kHeader + "\0\1\0\0\0\2"s + bytes + kTrailer);
  EXPECT_EQ(copy.parts()[1].data(), bytes.data());
}

}  // namespace
}  // namespace mtmsg::store::pg
