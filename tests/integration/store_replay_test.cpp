// What becomes of a dead letter that is tried again.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ingest/replayer.hpp"
#include "integration/support/database.hpp"

namespace mtmsg {
namespace {

using Outcome = Replayed::Outcome;
using test::BatchBuilder;
using test::make_tenant;
using test::SqlSession;
using test::TestDatabase;

class ReplayTest : public testing::Test {
 protected:
  Result<store::LastTry> begin_try(MessageId id, unsigned max_tries, MessageId kept_as) {
    return database_.store().dead_letters().begin_last_try(tenant_, id, max_tries, kept_as, now());
  }
  /// A letter with this body; its number.
  Sequence letter(std::string body, DeadReason reason = DeadReason::too_large) {
    BatchBuilder batch(tenant_);
    auto& message = batch.add(std::move(body));
    message.refusal = Refusal{reason, "too much", ""};
    message.headers = R"({"trace":"t1"})";
    message.exchange = "tenant_x";
    message.routing_key = "key";
    EXPECT_EQ(writer_->store(batch.get()).value()[0].dead_letters, 1U);
    last_id_ = message.id;
    return Sequence{std::stoll(database_.sql().one("select max(seq) from dead_letters"))};
  }
  /// The message of the last letter comes again.
  void again(std::string body, DeadReason reason) {
    BatchBuilder batch(tenant_);
    auto& message = batch.add(std::move(body));
    message.id = last_id_;
    message.refusal = Refusal{reason, "again", ""};
    message.headers = R"({"trace":"t2"})";
    message.exchange = "tenant_y";
    EXPECT_EQ(writer_->store(batch.get()).value()[0].dead_letters, 1U);
  }
  std::vector<Replayed> replay(std::vector<Sequence> letters) { return replayer_.replay(tenant_, letters).value(); }
  std::int64_t open_letters() {
    return database_.store().tenants().counts(store::Reader::everybody(), tenant_).value().dead_letters;
  }

  TestDatabase database_;
  TenantId tenant_ = make_tenant(database_.store());
  std::unique_ptr<store::BatchStore> writer_ = database_.store().make_batch_store();
  ingest::Replayer replayer_{database_.store(), PayloadLimits{}};
  MessageId last_id_;
};

TEST_F(ReplayTest, StoresTheLetterUnderItsIdWithItsHeadersAndMarksIt) {
  const auto seq = letter(R"({"good":1e400})");
  EXPECT_EQ(open_letters(), 1);
  const auto results = replay({seq});
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].outcome, Outcome::stored);
  EXPECT_EQ(results[0].id, last_id_);
  const auto row = database_.sql().rows("select id, seq, payload = '{\"good\":1e400}'::jsonb, headers from messages");
  ASSERT_EQ(row.size(), 1U);
  EXPECT_THAT(row[0], testing::ElementsAre(last_id_.to_string(), "1", "t", R"({"trace": "t1"})"));
  const auto marked = database_.store().dead_letters().get(store::Reader::everybody(), tenant_, seq).value();
  EXPECT_TRUE(marked.replayed_at);
  EXPECT_EQ(marked.tries, 1);
  EXPECT_EQ(marked.deliveries, 1) << "a replay is no delivery";
  EXPECT_EQ(marked.exchange, "tenant_x");
  EXPECT_EQ(marked.routing_key, "key");
  EXPECT_EQ(open_letters(), 0);
}

TEST_F(ReplayTest, ASecondReplayDoesNothingAndSaysSo) {
  const auto seq = letter("1");
  replay({seq});
  const auto again = replay({seq, Sequence{99}});
  ASSERT_EQ(again.size(), 2U);
  EXPECT_EQ(again[0].outcome, Outcome::skipped);
  EXPECT_EQ(again[1].outcome, Outcome::skipped);
  EXPECT_EQ(database_.sql().one("select count(*) from messages"), "1");
  EXPECT_EQ(open_letters(), 0);
}

TEST_F(ReplayTest, OneThatFailsAgainSaysWhyAndItsNeighboursAreStored) {
  const auto good = letter("1");
  const auto bad = letter("{");
  const auto worse = letter(R"("\u0000")");
  const auto results = replay({worse, good, bad, good});
  ASSERT_EQ(results.size(), 3U);
  EXPECT_EQ(results[0].outcome, Outcome::stored);
  EXPECT_EQ(results[1].outcome, Outcome::refused);
  EXPECT_EQ(results[1].refusal.reason, DeadReason::invalid_json);
  EXPECT_EQ(results[2].outcome, Outcome::refused);
  EXPECT_EQ(results[2].refusal.sqlstate, "22P05");
  const auto letter_now = database_.store().dead_letters().get(store::Reader::everybody(), tenant_, bad).value();
  EXPECT_EQ(letter_now.refusal.reason, DeadReason::invalid_json) << "the newest reason";
  EXPECT_EQ(letter_now.tries, 1);
  EXPECT_EQ(letter_now.deliveries, 1);
  EXPECT_FALSE(letter_now.replayed_at);
  EXPECT_EQ(open_letters(), 2);
}

TEST_F(ReplayTest, OneWhoseIdIsStoredAlreadyIsMarkedAndNotStoredAgain) {
  const auto seq = letter("1");
  BatchBuilder mended(tenant_);
  mended.add("2").id = last_id_;
  EXPECT_EQ(writer_->store(mended.get()).value()[0].stored, 1U);
  EXPECT_EQ(replay({seq})[0].outcome, Outcome::stored);
  EXPECT_EQ(database_.sql().one("select string_agg(payload::text, ',') from messages"), "2");
  EXPECT_EQ(open_letters(), 0);
}

TEST_F(ReplayTest, AReplayedLetterWhoseIdComesBadAgainIsADeadLetterAgain) {
  const auto seq = letter("1");
  replay({seq});
  BatchBuilder again(tenant_);
  auto& bad = again.add("not json");
  bad.id = last_id_;
  bad.refusal = Refusal{DeadReason::invalid_json, "no", ""};
  EXPECT_EQ(writer_->store(again.get()).value()[0].dead_letters, 1U);
  const auto letter_now = database_.store().dead_letters().get(store::Reader::everybody(), tenant_, seq).value();
  EXPECT_EQ(letter_now.body, "not json");
  EXPECT_EQ(letter_now.refusal.reason, DeadReason::invalid_json);
  EXPECT_FALSE(letter_now.replayed_at);
  EXPECT_EQ(letter_now.deliveries, 2);
  EXPECT_EQ(letter_now.tries, 0) << "what comes now was never tried";
  EXPECT_EQ(open_letters(), 1);
}

TEST_F(ReplayTest, WhatIsLargerThanTheTenantsOwnMaximumIsRefusedAgain) {
  database_.sql().run("update tenants set max_message_bytes = 100");
  const auto small = letter("\"" + std::string(98, 'x') + "\"");
  const auto large = letter("\"" + std::string(99, 'x') + "\"");
  const auto results = replay({small, large});
  EXPECT_EQ(results.at(0).outcome, Outcome::stored);
  EXPECT_EQ(results.at(1).outcome, Outcome::refused);
  EXPECT_EQ(results.at(1).refusal.reason, DeadReason::too_large);
}

TEST_F(ReplayTest, GoesOnWhereTheBytesOfOneTransactionEnd) {
  std::vector<Sequence> letters;
  for (int i = 0; i < 5; ++i) letters.push_back(letter("\"" + std::string(3 << 20, 'x') + "\""));
  ingest::Replayer replayer(database_.store(), PayloadLimits{8 << 20, 16 << 20});
  const auto results = replayer.replay(tenant_, letters).value();
  ASSERT_EQ(results.size(), 5U);
  for (const auto& result : results) EXPECT_EQ(result.outcome, Outcome::stored);
  EXPECT_EQ(database_.sql().one("select count(*) from messages"), "5");
}

TEST_F(ReplayTest, ATenantWhoseCounterIsHeldIsToldAndNothingIsLost) {
  const auto seq = letter("1");
  ASSERT_EQ(database_.store().dead_letters().claim(tenant_, std::array{seq}, 100).value().size(), 1U);
  SqlSession gate(database_.url());
  gate.run("begin; select 1 from tenant_counters for update");
  BatchBuilder batch(tenant_);
  auto& message = batch.add("1");
  message.id = last_id_;
  message.source = store::Source::replay;
  EXPECT_TRUE(writer_->store(batch.get()).value()[0].locked);
  gate.run("rollback");
  EXPECT_EQ(replay({seq})[0].outcome, Outcome::stored);
}

TEST_F(ReplayTest, ALastTryThatSucceedsLeavesNoLetter) {
  const auto seq = letter("1", DeadReason::delivery_limit);
  const auto granted = begin_try(last_id_, 2, last_id_).value();
  EXPECT_EQ(granted.verdict, store::LastTry::Verdict::granted);
  EXPECT_EQ(granted.letter, seq);
  BatchBuilder batch(tenant_);
  auto& message = batch.add("1");
  message.id = last_id_;
  message.source = store::Source::last_try;
  EXPECT_EQ(writer_->store(batch.get()).value()[0].stored, 1U);
  EXPECT_EQ(database_.sql().one("select count(*) from dead_letters"), "0");
  EXPECT_EQ(open_letters(), 0);
}

TEST_F(ReplayTest, TriesOfWhatTheBrokerGaveUpEnd) {
  letter("1", DeadReason::delivery_limit);
  const auto id = last_id_;
  using Verdict = store::LastTry::Verdict;
  EXPECT_EQ(begin_try(id, 2, id).value().verdict, Verdict::granted);
  EXPECT_EQ(begin_try(id, 2, id).value().verdict, Verdict::granted);
  again("1", DeadReason::delivery_limit);
  EXPECT_EQ(begin_try(id, 2, id).value().verdict, Verdict::used_up);
  EXPECT_EQ(database_.sql().one("select tries from dead_letters"), "2");
}

TEST_F(ReplayTest, ATryThatIsAskedForAgainBecauseTheAnswerWasLostCountsOnce) {
  letter("1", DeadReason::delivery_limit);
  auto& letters = database_.store().dead_letters();
  const auto at = now();
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(letters.begin_last_try(tenant_, last_id_, 1, last_id_, at).value().verdict,
              store::LastTry::Verdict::granted);
  EXPECT_EQ(database_.sql().one("select tries from dead_letters"), "1");
  EXPECT_EQ(begin_try(last_id_, 1, last_id_).value().verdict, store::LastTry::Verdict::used_up);
}

TEST_F(ReplayTest, ATryThatWasOutlivedIsTakenBack) {
  letter("1", DeadReason::delivery_limit);
  auto& letters = database_.store().dead_letters();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(begin_try(last_id_, 1, last_id_).value().verdict, store::LastTry::Verdict::granted);
    EXPECT_TRUE(letters.take_back_last_try(tenant_, last_id_));
  }
  EXPECT_TRUE(letters.take_back_last_try(tenant_, last_id_)) << "asked again, because the answer was lost";
  EXPECT_EQ(database_.sql().one("select tries from dead_letters"), "0");
}

TEST_F(ReplayTest, TriesOfWhatTheBrokerGaveUpEndWhateverItsLetterSaidBefore) {
  using Verdict = store::LastTry::Verdict;
  for (const auto before : {DeadReason::expired, DeadReason::invalid_json}) {
    const auto seq = letter("1", before);
    again("1", DeadReason::delivery_limit);
    EXPECT_EQ(begin_try(last_id_, 2, last_id_).value().verdict, Verdict::granted);
    again("1", DeadReason::delivery_limit);
    EXPECT_EQ(begin_try(last_id_, 2, last_id_).value().verdict, Verdict::granted);
    again("1", DeadReason::delivery_limit);
    EXPECT_EQ(begin_try(last_id_, 2, last_id_).value().verdict, Verdict::used_up);
    const auto now = database_.store().dead_letters().get(store::Reader::everybody(), tenant_, seq).value();
    EXPECT_EQ(now.refusal.reason, DeadReason::delivery_limit);
    EXPECT_EQ(now.tries, 2);
    EXPECT_EQ(now.deliveries, 4);
  }
  EXPECT_EQ(open_letters(), 2);
}

TEST_F(ReplayTest, EachOfThoseThatShareARecordEndsAsALetterOfItsOwn) {
  using Verdict = store::LastTry::Verdict;
  letter("1", DeadReason::delivery_limit);
  const auto shared = last_id_;
  for (int i = 0; i < 2; ++i) {
    const MessageId own{Uuid::v7()};
    EXPECT_EQ(begin_try(shared, 1, own).value().verdict, Verdict::granted);
    EXPECT_EQ(begin_try(shared, 1, own).value().verdict, Verdict::used_up);
    EXPECT_EQ(begin_try(shared, 1, own).value().verdict, Verdict::used_up)
        << "asked again, because the answer was lost";
    EXPECT_EQ(begin_try(shared, 1, MessageId{Uuid::v7()}).value().verdict, Verdict::no_letter);
    again("1", DeadReason::delivery_limit);
  }
  // The third is stored, and takes only the record with it.
  EXPECT_EQ(begin_try(shared, 1, MessageId{Uuid::v7()}).value().verdict, Verdict::granted);
  BatchBuilder batch(tenant_);
  auto& message = batch.add("1");
  message.source = store::Source::last_try;
  message.record = shared;
  EXPECT_EQ(writer_->store(batch.get()).value()[0].stored, 1U);
  EXPECT_EQ(open_letters(), 2);
  EXPECT_EQ(database_.sql().one("select count(*) from dead_letters where tries = 1"), "2");
}

TEST_F(ReplayTest, OneOfThoseThatShareARecordAndIsRefusedIsALetterOfItsOwn) {
  letter("{", DeadReason::delivery_limit);
  BatchBuilder batch(tenant_);
  auto& message = batch.add("{");
  const auto own = message.id;
  message.source = store::Source::last_try;
  message.record = last_id_;
  message.refusal = Refusal{DeadReason::invalid_json, "no", ""};
  EXPECT_EQ(writer_->store(batch.get()).value()[0].dead_letters, 1U);
  EXPECT_EQ(database_.sql().one("select string_agg(id || ' ' || reason, ',') from dead_letters"),
            own.to_string() + " invalid_json");
  EXPECT_EQ(open_letters(), 1);
}

TEST_F(ReplayTest, AMendedMessageThatEndsAsADeadLetterTooIsTheOneThatIsKept) {
  for (const auto reason : {DeadReason::expired, DeadReason::queue_full, DeadReason::rejected_by_consumer}) {
    const auto seq = letter("{", DeadReason::invalid_json);
    replay({seq});
    again("1", reason);
    const auto now = database_.store().dead_letters().get(store::Reader::everybody(), tenant_, seq).value();
    EXPECT_EQ(now.body, "1");
    EXPECT_EQ(now.headers, R"({"trace":"t2"})");
    EXPECT_EQ(now.exchange, "tenant_y");
    EXPECT_EQ(now.refusal.reason, reason);
    EXPECT_EQ(now.refusal.detail, "again");
    EXPECT_EQ(now.deliveries, 2);
    EXPECT_EQ(now.tries, 0);
    EXPECT_EQ(replay({seq})[0].outcome, Outcome::stored);
  }
  EXPECT_EQ(database_.sql().one("select count(*) from messages where payload = '1'"), "3");
  EXPECT_EQ(open_letters(), 0);
}

TEST_F(ReplayTest, ABadBodyTakesNothingFromALetterWhoseBodyWasNeverRefused) {
  const auto seq = letter("1", DeadReason::expired);
  again("{", DeadReason::invalid_json);
  const auto now = database_.store().dead_letters().get(store::Reader::everybody(), tenant_, seq).value();
  EXPECT_EQ(now.body, "1");
  EXPECT_EQ(now.refusal.reason, DeadReason::expired);
  EXPECT_EQ(now.deliveries, 2);
  again("2", DeadReason::expired);
  EXPECT_EQ(database_.store().dead_letters().get(store::Reader::everybody(), tenant_, seq).value().body, "2")
      << "the sender's newest";
  again("2", DeadReason::invalid_json);
  EXPECT_EQ(database_.store().dead_letters().get(store::Reader::everybody(), tenant_, seq).value().refusal.reason,
            DeadReason::invalid_json);
}

}  // namespace
}  // namespace mtmsg
