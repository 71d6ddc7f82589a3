#include <string>

#include <gtest/gtest.h>

#include "wire/message.hpp"
#include "wire/migration.hpp"
#include "wire/problem.hpp"
#include "wire/publish.hpp"
#include "wire/status.hpp"
#include "wire/tenant.hpp"

namespace mtmsg::wire {
namespace {

constexpr auto kId = "0190d3c4-5a6b-7c8d-9e0f-112233445566";
const Timestamp kNoon = parse_timestamp("2026-01-31T12:00:00.123456Z").value();

Tenant acme() {
  return {TenantId::parse(kId).value(), "acme", TenantState::active, 5, true, false, kNoon, kNoon};
}

StoredMessage stored(std::int64_t seq, std::string payload) {
  return {Sequence{seq},
          MessageId::parse(kId).value(),
          TenantId::parse(kId).value(),
          std::move(payload),
          R"({"k": "v"})",
          kNoon,
          kNoon,
          std::nullopt};
}

template <class T>
std::string text(void (*append)(std::string&, const T&), const T& value) {
  std::string out;
  append(out, value);
  return out;
}

TEST(WireTenant, ReadsBackWhatItWrote) {
  const auto json = text<Tenant>(append_tenant, acme());
  EXPECT_EQ(json,
            R"({"id":"0190d3c4-5a6b-7c8d-9e0f-112233445566","name":"acme","state":"active","workers":5,"paused":true,)"
            R"("ordered":false,"limits":{"max_message_bytes":null,"max_queue_length":null,"max_stored_bytes":null,)"
            R"("publish_rate":null,"retention_seconds":null,"retention_messages":null},)"
            R"("created_at":"2026-01-31T12:00:00.123456Z","updated_at":"2026-01-31T12:00:00.123456Z"})");
  EXPECT_EQ(read_tenant(json).value(), acme());
}

TEST(WireTenant, DetailReadsBackWithAndWithoutAQueue) {
  TenantDetail detail{acme(), 12, 3, 1, QueueDepth{7, 2}, Activity{true, 2, 900, 400, 12, 1, 1}};
  detail.tenant.limits[Limit::publish_rate] = 5;
  for (const auto& row : limit_rows()) detail.effective_limits[row.limit] = row.most;
  detail.stored_bytes = 4096;
  detail.full = true;
  EXPECT_EQ(read_tenant_detail(text<TenantDetail>(append_tenant, detail)).value(), detail);
  detail.queue.reset();
  const auto json = text<TenantDetail>(append_tenant, detail);
  EXPECT_NE(json.find(R"("queue":null)"), std::string::npos);
  EXPECT_EQ(read_tenant_detail(json).value(), detail);
}

TEST(WireTenant, ListReadsBackInOrder) {
  auto second = acme();
  second.name = "beta";
  std::string out;
  append_tenants(out, {{acme(), second}, "beta", true});
  const auto page = read_tenants(out).value();
  EXPECT_EQ(page.data, (std::vector{acme(), second}));
  EXPECT_EQ(page.next_cursor, "beta");
  EXPECT_TRUE(page.has_more);
}

TEST(WireTenant, RequestsAreStrict) {
  EXPECT_EQ(read_new_tenant(R"({"name":"acme"})").value().workers, std::nullopt);
  EXPECT_EQ(read_new_tenant(R"({"name":"acme","workers":4})").value().workers, 4U);
  EXPECT_FALSE(read_new_tenant(R"({"name":"acme","color":"red"})"));
  EXPECT_FALSE(read_new_tenant(R"({"name":"acme","name":"beta"})"));
  EXPECT_EQ(read_concurrency(R"({"workers":5})").value(), 5U);
  EXPECT_FALSE(read_concurrency("{}"));
  EXPECT_FALSE(read_concurrency(R"({"workers":5,"x":1})"));
}

TEST(WireMessage, PayloadAndHeadersPassThroughUntouched) {
  const auto message = stored(456, R"({"n": 1e400, "d": 0.10})");
  const auto json = text<StoredMessage>(append_message, message);
  EXPECT_NE(json.find(R"("payload":{"n": 1e400, "d": 0.10},)"), std::string::npos);
  const auto back = read_message(json).value();
  EXPECT_EQ(back.payload, message.payload);
  EXPECT_EQ(back.headers, message.headers);
  EXPECT_EQ(back.seq, message.seq);
  EXPECT_EQ(back.published_at, message.published_at);
  EXPECT_EQ(back.created_at, message.created_at);
}

TEST(WireMessage, AnErasedOneHasNoPayloadAndAJsonNullIsAPayload) {
  auto message = stored(1, "{}");
  message.erased_at = kNoon;
  const auto json = text<StoredMessage>(append_message, message);
  EXPECT_NE(json.find(R"("payload":null,"headers":null)"), std::string::npos);
  EXPECT_EQ(read_message(json).value().payload, "");
  EXPECT_EQ(read_message(text<StoredMessage>(append_message, stored(1, "null"))).value().payload, "null");
}

TEST(WirePage, CursorsAreStringsAndTruncatedIsOnlySaidWhenTrue) {
  Page page{{stored(455, "1"), stored(456, "2")}, Sequence{456}, true, Sequence{100}, false, 3};
  auto json = text<Page>(append_page, page);
  EXPECT_TRUE(json.ends_with(R"(],"next_cursor":"456","has_more":true,"oldest_seq":100,"epoch":3})"));
  const auto back = read_page(json).value();
  EXPECT_EQ(back.tail, tail_of(page));
  ASSERT_EQ(back.rows.size(), 2U);
  EXPECT_EQ(read_message(back.rows[1]).value().seq, Sequence{456});
  page.truncated = true;
  json = text<Page>(append_page, page);
  EXPECT_NE(json.find(R"("truncated":true)"), std::string::npos);
  EXPECT_TRUE(read_page(json).value().tail.truncated);
}

TEST(WirePage, TheLastLineOfAStreamIsToldFromAMessage) {
  std::string tail;
  append_page_tail(tail, {"9", false, std::nullopt, false, 1});
  EXPECT_EQ(tail, R"({"next_cursor":"9","has_more":false,"epoch":1})");
  EXPECT_TRUE(is_page_tail(tail));
  EXPECT_FALSE(is_page_tail(text<StoredMessage>(append_message, stored(1, R"({"next_cursor":"9"})"))));
  EXPECT_EQ(read_page_tail(tail).value().next_cursor, "9");
}

TEST(WirePublish, ThePayloadIsCutOutByteForByte) {
  const std::string body = " {\"payload\" : [1e400, 1.50,\"\\u00e9\"] , \"id\":\"order-7\"}\n";
  const auto request = read_publish_request(body).value();
  EXPECT_EQ(request.payload, "[1e400, 1.50,\"\\u00e9\"]");
  EXPECT_EQ(request.id, "order-7");
  EXPECT_GE(request.payload.data(), body.data());
}

TEST(WirePublish, RefusesAndNamesWhatIsWrong) {
  EXPECT_EQ(read_publish_request(R"({"payload":1,"paylaod":2})").error().message,
            "message: unknown field \"paylaod\"; did you mean \"payload\"?");
  EXPECT_EQ(read_publish_request(R"({"id":"x"})").error().message, "message: field \"payload\" is missing");
  EXPECT_FALSE(read_publish_request(R"({"payload":1,"payload":2})"));
  EXPECT_FALSE(read_publish_request(R"({"payload":1,"id":7})"));
  EXPECT_FALSE(read_publish_request(R"({"payload":1,"id":""})"));
  EXPECT_FALSE(read_publish_request(R"({"payload":})"));
}

TEST(WirePublish, ResultsReadBack) {
  const auto id = MessageId::parse(kId).value();
  EXPECT_EQ(read_published(text<MessageId>([](std::string& out, const MessageId& m) { append_published(out, m); }, id))
                .value(),
            id);
  const auto good = read_publish_line(text<PublishLine>(append_publish_line, {3, id})).value();
  EXPECT_EQ(good.line, 3U);
  EXPECT_EQ(std::get<MessageId>(good.result), id);
  const auto error = fail(ErrorCode::broker_unavailable, "RabbitMQ is away");
  const auto bad = read_publish_line(text<PublishLine>(append_publish_line, {4, error})).value();
  EXPECT_EQ(std::get<Error>(bad.result), error);
}

TEST(WireProblem, ReadsBackAndKnowsEveryCode) {
  const Problem problem{"about:blank", "Not Found", 404, "tenant \"x\" does not exist", "not_found", "r-1"};
  EXPECT_EQ(read_problem(text<Problem>(append_problem, problem)).value(), problem);
  EXPECT_EQ(read_problem("{}").value().type, "about:blank");
  for (int i = 0; i <= static_cast<int>(ErrorCode::internal); ++i)
    EXPECT_EQ(error_code_from(error_code_name(static_cast<ErrorCode>(i))), static_cast<ErrorCode>(i));
  EXPECT_EQ(error_code_from("no_such_code"), std::nullopt);
}

TEST(WireMigrations, ReadBack) {
  const std::vector<Migration> rows{{1, "initial", kNoon}, {2, "next", std::nullopt}};
  std::string out;
  append_migrations(out, rows);
  EXPECT_TRUE(out.ends_with(R"("pending":1})"));
  EXPECT_EQ(read_migrations(out).value(), rows);
  EXPECT_EQ(read_migrate_request("").value(), std::nullopt);
  EXPECT_EQ(read_migrate_request(R"({"to":3})").value(), 3);
  EXPECT_FALSE(read_migrate_request(R"({"too":3})"));
  EXPECT_FALSE(read_migrate_request(R"({"to":-3})"));
}

TEST(WireStatus, ReadsBack) {
  Status status{"0.1.0",
                std::chrono::seconds(61),
                {false, {{"database", true, ""}, {"broker", false, "connection refused"}}},
                {{"delivery", true, false, "", kNoon}, {"control", false, true, "gone", kNoon}},
                {4, 1, true, "no route"},
                {1, 2, 3, 4, 5, 6, 7},
                9};
  const auto json = text<Status>(append_status, status);
  EXPECT_EQ(read_status(json).value(), status);
  EXPECT_EQ(read_readiness(json).value(), status.readiness);
  EXPECT_NE(json.find(R"("daemons":null)"), std::string::npos);
  status.daemons = {{kId, "host-a", 17, "0.1.0", kNoon, kNoon, false, true},
                    {kId, "b", 1, "0.2.0", kNoon, kNoon, true}};
  const auto shared = text<Status>(append_status, status);
  EXPECT_NE(shared.find(R"("state":"silent","self":false)"), std::string::npos);
  EXPECT_EQ(read_status(shared).value(), status);
}

}  // namespace
}  // namespace mtmsg::wire
