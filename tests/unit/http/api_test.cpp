#include "http/api.hpp"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/routes.hpp"
#include "tests/unit/http/api_fixture.hpp"
#include "wire/json_text.hpp"
#include "wire/message.hpp"
#include "wire/problem.hpp"
#include "wire/publish.hpp"
#include "wire/tenant.hpp"

namespace mtmsg::http {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

std::string drain(const Response& response, StreamStep last = StreamStep::done) {
  std::string all;
  std::string piece;
  while (true) {
    piece.clear();
    const auto step = response.stream(piece);
    all += piece;
    if (step == StreamStep::more) continue;
    EXPECT_EQ(step, last);
    return all;
  }
}

std::size_t count_lines(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST_F(ApiTest, CreatesAndShowsATenantByIdAndName) {
  const auto created = call("POST", "/tenants", R"({"name":"acme","workers":5})");
  EXPECT_EQ(created.status, 201);
  const auto tenant = wire::read_tenant(created.body).value();
  EXPECT_EQ(tenant.workers, 5U);
  EXPECT_THAT(created.headers, Contains(Pair("Location", "/tenants/" + tenant.id.to_string())));
  EXPECT_EQ(wire::read_tenant_detail(call("GET", "/tenants/acme").body).value().messages, 7);
  EXPECT_EQ(wire::read_tenant_detail(call("GET", "/tenants/" + tenant.id.to_string()).body).value().queue->ready, 5U);
  EXPECT_THAT(wire::read_tenants(call("GET", "/tenants").body).value().data, SizeIs(1));
  EXPECT_EQ(code(call("POST", "/tenants", R"({"name":"acme"})")), "conflict");
}

TEST_F(ApiTest, NamesWhatIsWrongWithATenant) {
  EXPECT_THAT(detail(call("POST", "/tenants", R"({"name":"a","colour":"red"})")), HasSubstr("colour"));
  EXPECT_EQ(call("POST", "/tenants", "{").status, 400);
  EXPECT_EQ(call("POST", "/tenants", "").status, 400);
  EXPECT_EQ(call("POST", "/tenants", R"({"name":"-"})").status, 400);
  EXPECT_EQ(call("POST", "/tenants", R"({"name":"a"})", {.type = "text/plain"}).status, 415);
  EXPECT_EQ(call("POST", "/tenants", std::string(100'000, ' ')).status, 413);
  EXPECT_THAT(world_.tenants.list().value(), IsEmpty());
}

TEST_F(ApiTest, ChangesWorkersAndRefusesWhatIsFixed) {
  tenant();
  EXPECT_EQ(call("PATCH", "/tenants/acme", R"({"workers":9})").status, 200);
  EXPECT_EQ(wire::read_concurrency(call("GET", "/tenants/acme/config/concurrency").body).value(), 9U);
  EXPECT_EQ(wire::read_concurrency(call("PUT", "/tenants/acme/config/concurrency", R"({"workers":4})").body).value(),
            4U);
  EXPECT_EQ(call("PUT", "/tenants/acme/config/concurrency", R"({"workers":0})").status, 400);
  EXPECT_EQ(code(call("PATCH", "/tenants/acme", R"({"name":"b"})")), "immutable");
  EXPECT_EQ(call("PATCH", "/tenants/acme", R"({"ordered":true,"workers":1})").status, 409);
  EXPECT_EQ(call("PATCH", "/tenants/acme", R"({"paint":1})").status, 400);
}

TEST_F(ApiTest, DeletesATenantNowOrLater) {
  tenant();
  world_.tenants.removal = tenants::Removal::in_progress;
  const auto later = call("DELETE", "/tenants/acme");
  EXPECT_EQ(later.status, 202);
  EXPECT_EQ(wire::read_tenant(later.body).value().state, TenantState::deleting);
  world_.tenants.removal = tenants::Removal::done;
  EXPECT_EQ(call("DELETE", "/tenants/acme").status, 204);
  EXPECT_EQ(code(call("DELETE", "/tenants/acme")), "not_found");
}

TEST_F(ApiTest, TellsMissingRoutesFromMissingMethods) {
  EXPECT_EQ(call("GET", "/nothing").status, 404);
  EXPECT_EQ(call("GET", "/tenants/a/b/c/d").status, 404);
  const auto wrong = call("PUT", "/tenants");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(code(wrong), "method_not_allowed");
  EXPECT_THAT(wrong.headers, Contains(Pair("Allow", "POST, GET, HEAD")));
  EXPECT_EQ(call("GET", "/tenants/%zz").status, 400);
}

TEST_F(ApiTest, NamesUnknownQueryParameters) {
  tenant();
  const auto answer = call("GET", "/tenants/acme/messages?page=3");
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(detail(answer), HasSubstr("\"page\""));
  EXPECT_EQ(call("GET", "/status?limit=1").status, 400);
  EXPECT_EQ(call("GET", "/tenants/acme/messages?cursor%20=1").status, 400);
}

TEST_F(ApiTest, LetsTcpCallersSeeHealthOnly) {
  const Options tcp{.peer = {}};
  for (const auto& route : routes()) {
    std::string target(route.pattern);
    for (const auto* part : {"{t}", "{id}", "{seq}"})
      if (const auto at = target.find(part); at != std::string::npos) target.replace(at, std::strlen(part), "x");
    const auto answer = call(route.method, target, {}, tcp);
    EXPECT_EQ(answer.status == 401, route.permission != auth::Permission::none) << route.method << ' ' << target;
  }
  EXPECT_EQ(call("GET", "/nothing", {}, tcp).status, 401);
  EXPECT_EQ(code(call("GET", "/tenants", {}, tcp)), "unauthenticated");
}

TEST_F(ApiTest, AnswersHealthAndReadiness) {
  EXPECT_EQ(call("GET", "/healthz").status, 200);
  EXPECT_EQ(call("GET", "/readyz").status, 200);
  world_.ready = false;
  const auto away = call("GET", "/readyz");
  EXPECT_EQ(away.status, 503);
  EXPECT_EQ(wire::read_readiness(away.body).value().parts.at(0).reason, "it is away");
  EXPECT_EQ(wire::read_status(call("GET", "/status").body).value().version, "test");
  EXPECT_EQ(call("GET", "/metrics").body, "# HELP x\n");
}

TEST_F(ApiTest, RefusesEverythingButHealthWhileStopping) {
  world_.stopping = true;
  const auto answer = call("GET", "/tenants");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(code(answer), "stopping");
  EXPECT_EQ(call("GET", "/healthz").status, 200);
}

TEST_F(ApiTest, ReadsPagesByCursor) {
  const auto id = tenant();
  for (int n = 1; n <= 5; ++n) world_.messages.add(id, std::to_string(n));
  const auto first = call("GET", "/tenants/acme/messages?limit=2");
  const auto page = wire::read_page(first.body).value();
  EXPECT_THAT(page.rows, SizeIs(2));
  EXPECT_EQ(page.tail.next_cursor, "2");
  EXPECT_TRUE(page.tail.has_more);
  const auto rest = wire::read_page(call("GET", "/tenants/acme/messages?cursor=2").body);
  EXPECT_EQ(rest->tail.next_cursor, "5");
  EXPECT_FALSE(rest->tail.has_more);
}

TEST_F(ApiTest, RefusesWrongPageParametersByName) {
  tenant();
  for (const auto* query :
       {"limit=0", "limit=1001", "limit=x", "limit=", "cursor=-1", "cursor=x", "since=yesterday", "until=2026-01-01"}) {
    const auto answer = call("GET", std::string("/tenants/acme/messages?") + query);
    EXPECT_EQ(answer.status, 400) << query;
    EXPECT_THAT(detail(answer), HasSubstr(std::string(query).substr(0, 5))) << query;
  }
  EXPECT_EQ(call("GET", "/tenants/acme/messages?since=2026-01-31T12:00:00%2B02:00").status, 200);
  EXPECT_EQ(world_.messages.last_query.since, parse_timestamp("2026-01-31T10:00:00Z").value());
}

TEST_F(ApiTest, ShowsOneMessage) {
  const auto id = tenant();
  world_.messages.add(id, "1e400");
  const auto message = world_.messages.rows(id).at(0).id.to_string();
  EXPECT_THAT(call("GET", "/tenants/acme/messages/" + message).body, HasSubstr("\"payload\":1e400,"));
  EXPECT_EQ(call("GET", "/tenants/acme/messages/" + Uuid::v4().to_string()).status, 404);
  EXPECT_EQ(call("GET", "/tenants/acme/messages/x").status, 404);
}

TEST(ContextReader, IsWhoAsksWhateverTheAddressSays) {
  fakes::World world;
  const auto services = world.services();
  Pieces pieces("");
  const std::vector<HeaderLine> headers;
  const auto peer = unix_peer();
  Request request{"GET", "/", headers, peer, pieces};
  const Target target;
  const TenantId own{Uuid::v4()};
  const auto reader_of = [&](const auth::Principal& principal) {
    Context context{services, request, target, principal, Tenant{}, {}, {}, {}};
    context.tenant->id = TenantId{Uuid::v4()};
    return context.reader();
  };
  EXPECT_EQ(reader_of({"a", auth::Role::admin, std::nullopt}), store::Reader::everybody());
  EXPECT_EQ(reader_of({"t", auth::Role::tenant, own}), store::Reader::of(own));
  EXPECT_EQ(reader_of({"v", auth::Role::viewer, own}), store::Reader::of(own));
  EXPECT_EQ(reader_of({"x", auth::Role::viewer, std::nullopt}), store::Reader::of(TenantId{})) << "sees nothing";
}

TEST_F(ApiTest, ErasesOneMessageAndShowsThatItIsErased) {
  const auto id = tenant();
  world_.messages.add(id, R"({"secret":1})");
  const auto target = "/tenants/acme/messages/" + world_.messages.rows(id)[0].id.to_string();
  EXPECT_EQ(call("DELETE", target).status, 204);
  EXPECT_EQ(call("DELETE", target).status, 204) << "again";
  const auto shown = call("GET", target).body;
  EXPECT_THAT(shown, HasSubstr(R"("payload":null,"headers":null)"));
  EXPECT_THAT(shown, HasSubstr("\"erased_at\":"));
  EXPECT_EQ(call("DELETE", "/tenants/acme/messages/" + Uuid::v4().to_string()).status, 404);
  EXPECT_EQ(call("DELETE", "/tenants/acme/messages/x").status, 404);
}

TEST_F(ApiTest, WalksAllTenantsForAnAdmin) {
  std::vector<TenantId> ids;
  for (const auto* name : {"a", "b", "c"}) {
    ids.push_back(tenant(name));
    for (int n = 0; n < (*name == 'b' ? 0 : 3); ++n) world_.messages.add(ids.back(), "1");
  }
  std::vector<std::string> seen;
  std::string cursor = "0";
  for (int pages = 0; pages < 10; ++pages) {
    const auto answer = call("GET", "/messages?limit=2&cursor=" + cursor);
    ASSERT_EQ(answer.status, 200) << answer.body;
    const auto page = wire::read_page(answer.body).value();
    for (const auto row : page.rows) {
      const auto message = wire::read_message(row).value();
      seen.push_back(message.tenant.to_string() + ":" + std::to_string(message.seq.value));
    }
    cursor = page.tail.next_cursor;
    if (!page.tail.has_more) break;
  }
  std::sort(ids.begin(), ids.end());
  std::vector<std::string> all;
  for (const auto& id : ids)
    for (const auto& row : world_.messages.rows(id))
      all.push_back(id.to_string() + ":" + std::to_string(row.seq.value));
  EXPECT_EQ(seen, all);
  EXPECT_EQ(call("GET", "/messages?cursor=17").status, 400);
}

TEST_F(ApiTest, StreamsEverythingAsNdjson) {
  const auto id = tenant();
  for (int n = 0; n < 1234; ++n) world_.messages.add(id, "\"row\"");
  const auto text = drain(call("GET", "/tenants/acme/messages", {}, {.accept = "application/x-ndjson"}));
  EXPECT_EQ(count_lines(text), 1235U);
  const auto last = text.substr(text.rfind('\n', text.size() - 2) + 1);
  EXPECT_EQ(wire::read_page_tail(last).value().next_cursor, "1234");
  EXPECT_EQ(count_lines(drain(call("GET", "/messages", {}, {.accept = "text/html, application/x-ndjson;q=1"}))), 1235U);
  EXPECT_EQ(count_lines(drain(call("GET", "/tenants/acme/messages?limit=700", {}, {.accept = "application/x-ndjson"}))),
            701U);
}

TEST_F(ApiTest, CutsAStreamThatFails) {
  const auto id = tenant();
  for (int n = 0; n < 1234; ++n) world_.messages.add(id, "\"row\"");
  world_.messages.outage_after = 2;
  const auto text =
      drain(call("GET", "/tenants/acme/messages", {}, {.accept = "application/x-ndjson"}), StreamStep::broken);
  EXPECT_EQ(count_lines(text), 600U);
  EXPECT_THAT(world_.failures, ElementsAre("database_unavailable: db.internal is away"));
}

TEST_F(ApiTest, AnswersAnOutageWithRetryAfter) {
  tenant();
  world_.messages.outage_after = 0;
  const auto answer = call("GET", "/tenants/acme/messages", {}, {.accept = "application/x-ndjson"});
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(code(answer), "database_unavailable");
  EXPECT_THAT(answer.headers, Contains(Pair("Retry-After", "5")));
}

TEST_F(ApiTest, PublishesAPayloadByteForByte) {
  const auto id = tenant();
  const std::string payload = R"({"b" : 1e400, "a":[ 1.10 ] ,"b":"\u00e4"})";
  const auto answer = call("POST", "/tenants/acme/messages", "{ \"payload\" : " + payload + " }");
  ASSERT_EQ(answer.status, 202) << answer.body;
  ASSERT_THAT(world_.published, SizeIs(1));
  EXPECT_EQ(world_.published[0].body, payload);
  EXPECT_EQ(world_.published[0].tenant, id);
  EXPECT_EQ(wire::read_published(answer.body).value().to_string(), world_.published[0].message_id);
}

TEST_F(ApiTest, KeepsOrDerivesAMessagesId) {
  const auto id = tenant();
  const auto uuid = Uuid::v4().to_string();
  call("POST", "/tenants/acme/messages", R"({"id":")" + uuid + R"(","payload":1})");
  const auto derived = call("POST", "/tenants/acme/messages", R"({"id":"order-17","payload":1})");
  EXPECT_EQ(world_.published.at(0).message_id, uuid);
  EXPECT_EQ(wire::read_published(derived.body).value(), identify_message(id, "order-17").id);
  EXPECT_EQ(world_.published.at(1).message_id, "order-17");
}

TEST_F(ApiTest, QueuesNothingThatIsWrong) {
  tenant();
  world_.tenants.default_values.limits[Limit::max_message_bytes] = 1000;
  const auto status = [&](std::string body) { return call("POST", "/tenants/acme/messages", std::move(body)).status; };
  EXPECT_EQ(status("{"), 400);
  EXPECT_EQ(status("[]"), 400);
  EXPECT_EQ(status(R"({"payload":tru})"), 400);
  EXPECT_EQ(status(R"({"payload":1 2})"), 400);
  EXPECT_EQ(status(R"({"payload":})"), 400);
  EXPECT_EQ(status(R"({"id":"x"})"), 400);
  EXPECT_EQ(status(R"({"id":7,"payload":1})"), 400);
  EXPECT_EQ(status(R"({"id":"","payload":1})"), 400);
  EXPECT_EQ(status(R"({"payload":1,"payload":2})"), 400);
  EXPECT_EQ(status(R"({"payload":1,"\u0070ayload":2})"), 400);
  EXPECT_EQ(status(R"({"payload":1,"key":2})"), 400);
  EXPECT_EQ(status(R"({"payload":1} x)"), 400);
  EXPECT_EQ(status("{\"payload\":\"\xff\"}"), 400);
  EXPECT_EQ(status("{\"payload\":\"" + std::string(1000, 'x') + "\"}"), 413);
  EXPECT_EQ(status("{\"payload\":\"" + std::string(100'000, 'x') + "\"}"), 413);
  EXPECT_EQ(call("POST", "/tenants/acme/messages", R"({"payload":1})", {.type = "text/plain"}).status, 415);
  EXPECT_EQ(call("POST", "/tenants/other/messages", R"({"payload":1})").status, 404);
  world_.tenants.set_state("acme", TenantState::deleting);
  EXPECT_EQ(status(R"({"payload":1})"), 409);
  EXPECT_THAT(world_.published, IsEmpty());
}

TEST_F(ApiTest, AnswersEveryLineOfNdjson) {
  tenant();
  world_.limits.publish_window = 3;
  std::string body;
  for (int n = 1; n <= 20; ++n) body += "{\"payload\":" + std::to_string(n) + "}\r\n";
  const auto answer = lines(body + "\n{\"payload\":21}");
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(count_lines(answer.body), 21U);
  ASSERT_THAT(world_.published, SizeIs(21));
  EXPECT_EQ(world_.published[20].body, "21");
}

TEST_F(ApiTest, TellsWhichLinesOfNdjsonFailed) {
  tenant();
  world_.tenants.default_values.limits[Limit::max_message_bytes] = 100;
  const auto answer =
      lines("{\"payload\":1}\nnonsense\n{\"payload\":\"" + std::string(50'000, 'x') + "\"}\n{\"payload\":2}\n");
  EXPECT_EQ(answer.status, 207);
  std::vector<std::string> found;
  for (std::size_t at = 0, end = 0; (end = answer.body.find('\n', at)) != std::string::npos; at = end + 1) {
    const auto line = wire::read_publish_line(std::string_view(answer.body).substr(at, end - at)).value();
    const auto* error = std::get_if<Error>(&line.result);
    found.push_back(std::to_string(line.line) + " " + (error ? std::string(error_code_name(error->code)) : "ok"));
  }
  EXPECT_THAT(found, ElementsAre("1 ok", "2 invalid_argument", "3 too_large", "4 ok"));
}

TEST_F(ApiTest, JudgesEveryLineAlsoWhenAllAreWrong) {
  tenant();
  const auto answer = lines("nonsense\nmore of it\n");
  EXPECT_EQ(answer.status, 207);
  EXPECT_EQ(count_lines(answer.body), 2U);
  EXPECT_THAT(world_.published, IsEmpty());
}

TEST_F(ApiTest, BoundsTheLinesOfNdjson) {
  tenant();
  world_.limits.max_publish_lines = 2;
  const auto answer = lines("{\"payload\":1}\n{\"payload\":2}\n{\"payload\":3}\n{\"payload\":4}\n");
  EXPECT_EQ(answer.status, 207);
  EXPECT_EQ(count_lines(answer.body), 3U);
  EXPECT_THAT(world_.published, SizeIs(2));
}

TEST_F(ApiTest, SaysThatTheBrokerIsAway) {
  tenant();
  world_.broker_error = fail(ErrorCode::broker_unavailable, "RabbitMQ is away");
  for (const auto* type : {"application/json", "application/x-ndjson"}) {
    const auto answer = call("POST", "/tenants/acme/messages", R"({"payload":1})", {.type = type});
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(code(answer), "broker_unavailable");
    EXPECT_THAT(answer.headers, Contains(Pair("Retry-After", "5")));
  }
}

TEST_F(ApiTest, MigratesUpAndDown) {
  EXPECT_EQ(call("GET", "/migrations").status, 200);
  EXPECT_EQ(call("POST", "/migrations").status, 200);
  EXPECT_EQ(world_.migrator.called, "up all");
  call("POST", "/migrations", R"({"to":2})");
  EXPECT_EQ(world_.migrator.called, "up 2");
  call("POST", "/migrations", R"({"to":0})");
  EXPECT_EQ(world_.migrator.called, "down 0");
  EXPECT_EQ(call("POST", "/migrations", R"({"to":17})").status, 400);
  EXPECT_EQ(call("POST", "/migrations", R"({"too":2})").status, 400);
}

TEST_F(ApiTest, RefusesToGoBackToAnEmptySchemaWhileThereAreTenants) {
  tenant();
  const auto answer = call("POST", "/migrations", R"({"to":0})");
  EXPECT_EQ(answer.status, 409);
  EXPECT_THAT(world_.migrator.called, Not(HasSubstr("down")));
}

TEST_F(ApiTest, KeepsInternalsToItself) {
  world_.tenants.outage = fail(ErrorCode::internal, "constraint xyz");
  const auto answer = call("GET", "/tenants/acme");
  EXPECT_EQ(answer.status, 500);
  EXPECT_THAT(answer.body, testing::Not(HasSubstr("xyz")));
  EXPECT_THAT(world_.failures, ElementsAre(HasSubstr("constraint xyz")));
}

TEST(Routes, HaveHelpAndNoTwins) {
  std::set<std::string> seen;
  for (const auto& route : routes()) {
    EXPECT_FALSE(route.help.empty()) << route.pattern;
    EXPECT_TRUE(seen.insert(std::string(route.method) + " " + std::string(route.pattern)).second) << route.pattern;
  }
}

}  // namespace
}  // namespace mtmsg::http
