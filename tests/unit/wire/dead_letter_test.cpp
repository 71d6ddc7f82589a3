#include "wire/dead_letter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/json_text.hpp"
#include "wire/message.hpp"
#include "wire/replay.hpp"

namespace mtmsg::wire {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const auto kLetterId = MessageId::parse("0190d3c4-5a6b-7c8d-9e0f-112233445566").value();
const auto kTenant = TenantId::parse("0190d3c4-5a6b-7c8d-9e0f-112233445577").value();
const Timestamp kFailedAt = parse_timestamp("2026-01-31T12:00:00.123456Z").value();

DeadLetter letter() {
  DeadLetter letter;
  letter.seq = Sequence{7};
  letter.id = kLetterId;
  letter.tenant = kTenant;
  letter.refusal = {DeadReason::rejected_by_database, "lone \"surrogate\"", "22P02"};
  letter.deliveries = 3;
  letter.tries = 2;
  letter.body_bytes = 9;
  letter.body = R"("\ud800x")";
  letter.headers = R"({"amqp": {"n":1e400}})";
  letter.exchange = "orders";
  letter.routing_key = "new";
  letter.published_at = kFailedAt;
  letter.failed_at = kFailedAt;
  letter.tried_at = kFailedAt;
  letter.replayed_at = kFailedAt;
  return letter;
}

std::string json_of(const DeadLetter& letter, LetterBody body = LetterBody::written) {
  std::string out;
  append_dead_letter(out, letter, body);
  EXPECT_TRUE(check_json(out)) << out;
  return out;
}

TEST(WireDeadLetter, ReadsBackWhatItWrote) {
  const auto json = json_of(letter());
  EXPECT_EQ(
      json,
      R"({"seq":7,"id":"0190d3c4-5a6b-7c8d-9e0f-112233445566","tenant_id":"0190d3c4-5a6b-7c8d-9e0f-112233445577",)"
      R"("reason":"rejected_by_database","detail":"lone \"surrogate\"","sqlstate":"22P02","deliveries":3,"tries":2,)"
      R"("body_bytes":9,"headers":{"amqp": {"n":1e400}},"exchange":"orders","routing_key":"new",)"
      R"("published_at":"2026-01-31T12:00:00.123456Z","failed_at":"2026-01-31T12:00:00.123456Z",)"
      R"("tried_at":"2026-01-31T12:00:00.123456Z","replayed_at":"2026-01-31T12:00:00.123456Z",)"
      R"("body":"\"\\ud800x\""})");
  EXPECT_EQ(json_of(read_dead_letter(json).value()), json);
}

TEST(WireDeadLetter, WhatIsUnknownIsNullAndAListingHasNoBody) {
  DeadLetter bare;
  bare.failed_at = kFailedAt;
  const auto json = json_of(bare, LetterBody::left_out);
  for (const auto* part : {R"("sqlstate":null)", R"("headers":null)", R"("published_at":null,)", R"("tried_at":null)",
                           R"("replayed_at":null})"})
    EXPECT_THAT(json, HasSubstr(part));
  const auto back = read_dead_letter(json).value();
  EXPECT_EQ(back.replayed_at, std::nullopt);
  EXPECT_EQ(back.body, "");
}

TEST(WireDeadLetter, AnyBodyComesBackByteForByte) {
  for (const std::string& body : {std::string(), std::string("\0\x01\x1f", 3), std::string("\xff\xfe"),
                                  std::string("\xc0\x80"), std::string("é\n\"\\"), std::string(1000, '\x80')}) {
    auto one = letter();
    one.body = body;
    EXPECT_EQ(read_dead_letter(json_of(one)).value().body, body);
  }
  auto binary = letter();
  binary.body = "\xff";
  EXPECT_THAT(json_of(binary), HasSubstr(R"("body_base64":"/w==")"));
  EXPECT_FALSE(
      read_dead_letter(R"({"seq":1,"id":"0190d3c4-5a6b-7c8d-9e0f-112233445566",)"
                       R"("tenant_id":"0190d3c4-5a6b-7c8d-9e0f-112233445577","reason":"expired","detail":"",)"
                       R"("deliveries":1,"body_bytes":1,"failed_at":"2026-01-31T12:00:00Z","body_base64":"?"})"));
}

TEST(WireDeadLetter, HeadersThatAreNoJsonObjectAreAString) {
  auto one = letter();
  for (const auto* headers : {"{\"a\":", "nonsense \xff", "7", "{}{}"}) {
    one.headers = headers;
    EXPECT_THAT(json_of(one), HasSubstr("\"headers\":\""));
  }
  one.headers = "{\"a\":";
  EXPECT_EQ(read_dead_letter(json_of(one)).value().headers, one.headers);
}

TEST(WireDeadLetter, APageIsReadAsAnyPage) {
  std::string json;
  append_dead_letters(json, {letter(), letter()}, Sequence{7}, true);
  EXPECT_THAT(json, testing::EndsWith(R"(],"next_cursor":"7","has_more":true})"));
  EXPECT_THAT(json, Not(HasSubstr("\"body\"")));
  const auto page = read_page(json).value();
  EXPECT_EQ(page.tail.next_cursor, "7");
  EXPECT_TRUE(page.tail.has_more);
  EXPECT_EQ(read_dead_letter(page.rows.at(1)).value().seq, Sequence{7});
}

TEST(WireDeadLetter, AnUnknownReasonIsAnsweredWithTheList) {
  EXPECT_EQ(parse_dead_reason("expired").value(), DeadReason::expired);
  const auto refused = parse_dead_reason("bored");
  ASSERT_FALSE(refused);
  for (const auto reason : kDeadReasons)
    EXPECT_THAT(refused.error().message, HasSubstr(std::string(mtmsg::to_string(reason))));
}

TEST(WirePurged, ReadsBackWhatWasDeletedAndWhatWouldBe) {
  std::string json;
  append_purged(json, {12, std::nullopt, true});
  EXPECT_EQ(json, R"({"deleted":12,"has_more":true})");
  EXPECT_EQ(read_purged(json).value(), (Purged{12, std::nullopt, true}));
  json.clear();
  append_purged(json, {0, 5, false});
  EXPECT_EQ(json, R"({"deleted":0,"would_delete":5})");
  EXPECT_EQ(read_purged(json).value(), (Purged{0, 5, false}));
}

TEST(WireReplay, ARequestReadsBack) {
  const std::vector<std::string> requests{
      R"({"seqs":[1,2,9]})", R"({"all":true})", R"({"all":true,"dry_run":true})",
      R"({"reason":"expired","since":"2026-01-31T12:00:00.123456Z","until":"2026-02-01T12:00:00.000000Z","all":true,)"
      R"("cursor":"7","limit":3})"};
  for (const auto& json : requests) {
    std::string back;
    append_replay_request(back, read_replay_request(json).value());
    EXPECT_EQ(back, json);
  }
  const auto numbers = read_replay_request(R"({"seqs":[9,1,9]})").value().seqs;
  EXPECT_THAT(numbers, ElementsAre(Sequence{1}, Sequence{9}));
}

TEST(WireReplay, ARequestThatDoesNotSayWhatItMeansIsRefused) {
  const auto why = [](std::string_view json) {
    const auto request = read_replay_request(json);
    return request ? std::string() : request.error().message;
  };
  std::string many = "{\"seqs\":[1";
  for (int i = 0; i < 500; ++i) many += ",1";
  EXPECT_THAT(why(many + "]}"), HasSubstr("1 to 500"));
  for (const auto* json : {"{}", R"({"all":false})", R"({"cursor":"5","limit":7})", R"({"dry_run":true})"})
    EXPECT_THAT(why(json), HasSubstr("\"all\":true")) << json;
  for (const auto* json : {R"({"seqs":[]})", R"({"seqs":[0]})", R"({"seqs":["1"]})", R"({"seqs":[1.0]})",
                           R"({"seqs":[-1]})", R"({"seqs":7})", R"({"seqs":null})"})
    EXPECT_THAT(why(json), HasSubstr("\"seqs\"")) << json;
  EXPECT_THAT(why(R"({"seqs":[1],"all":true})"), HasSubstr("not both"));
  EXPECT_THAT(why(R"({"reason":"bored"})"), HasSubstr("expired"));
  EXPECT_THAT(why(R"({"all":true,"limit":501})"), HasSubstr("\"limit\""));
  EXPECT_THAT(why(R"({"all":true,"limit":0})"), HasSubstr("\"limit\""));
  EXPECT_THAT(why(R"({"all":true,"cursor":"x"})"), HasSubstr("\"cursor\""));
  EXPECT_THAT(why(R"({"since":"yesterday"})"), HasSubstr("\"since\""));
  EXPECT_THAT(why(R"({"all":"yes"})"), HasSubstr("\"all\""));
  EXPECT_THAT(why(R"({"all":true,"replayed":true})"), HasSubstr("replayed"));
  EXPECT_NE(why(""), "");
  EXPECT_FALSE(read_replay_one_request("").value());
  EXPECT_TRUE(read_replay_one_request(R"({"dry_run":true})").value());
  EXPECT_FALSE(read_replay_one_request(R"({"all":true})"));
}

TEST(WireReplay, AReportCountsItsLinesAndReadsBack) {
  ReplayReport report;
  report.add(line_of({Sequence{1}, Replayed::Outcome::stored, kLetterId, {}}));
  report.add(line_of({Sequence{2}, Replayed::Outcome::refused, kLetterId, {DeadReason::too_large, "9 MiB", ""}}));
  report.add(
      line_of({Sequence{3}, Replayed::Outcome::refused, kLetterId, {DeadReason::rejected_by_database, "x", "22P02"}}));
  report.add(line_of({Sequence{4}, Replayed::Outcome::skipped, {}, {}}));
  report.next_cursor = Sequence{4};
  report.has_more = true;
  std::string json;
  append_replay_report(json, report);
  EXPECT_EQ(json, R"({"data":[{"seq":1,"id":"0190d3c4-5a6b-7c8d-9e0f-112233445566","result":"stored"},)"
                  R"({"seq":2,"id":"0190d3c4-5a6b-7c8d-9e0f-112233445566","result":"refused","reason":"too_large",)"
                  R"("detail":"9 MiB"},)"
                  R"({"seq":3,"id":"0190d3c4-5a6b-7c8d-9e0f-112233445566","result":"refused",)"
                  R"("reason":"rejected_by_database","detail":"x","sqlstate":"22P02"},)"
                  R"({"seq":4,"result":"skipped"}],"stored":1,"refused":2,"skipped":1,"next_cursor":"4",)"
                  R"("has_more":true})");
  std::string back;
  append_replay_report(back, read_replay_report(json).value());
  EXPECT_EQ(back, json);
  report.dry_run = true;
  back.clear();
  append_replay_report(back, report);
  EXPECT_TRUE(read_replay_report(back).value().dry_run);
}

}  // namespace
}  // namespace mtmsg::wire
