#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/support/database.hpp"

namespace mtmsg {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class AuditStoreTest : public testing::Test {
 protected:
  static AuditEntry entry(std::string action = "tenant.create") {
    AuditEntry entry;
    entry.subject = "unix:uid=0";
    entry.role = "admin";
    entry.action = std::move(action);
    entry.method = "POST";
    entry.route = "/tenants";
    entry.status = 201;
    entry.peer = "unix";
    return entry;
  }
  std::vector<std::int64_t> numbers(const AuditQuery& query) {
    std::vector<std::int64_t> out;
    for (const auto& each : audit().page(query).value().data) out.push_back(each.seq.value);
    return out;
  }
  store::AuditStore& audit() { return database_.store().audit(); }

  test::TestDatabase database_;
};

TEST_F(AuditStoreTest, GivesBackEveryFieldAsItWasWritten) {
  auto full = entry();
  full.tenant = TenantId{Uuid::v4()};
  full.tenant_name = "acme";
  full.detail = R"({"name": "acme", "workers": 5})";
  full.code = "conflict";
  full.request_id = "r-1";
  full.uid = 4294967295;
  full.pid = 4711;
  ASSERT_TRUE(audit().append(full));
  ASSERT_TRUE(audit().append(entry()));
  const auto page = audit().page({}).value();
  ASSERT_EQ(page.data.size(), 2U);
  auto& read = page.data[0];
  EXPECT_EQ(read.seq.value, 1);
  EXPECT_LT(std::chrono::abs(std::chrono::system_clock::now() - read.at), std::chrono::minutes(1));
  full.seq = read.seq;
  full.at = read.at;
  EXPECT_EQ(read, full);
  EXPECT_FALSE(page.data[1].tenant);
  EXPECT_FALSE(page.data[1].uid);
  EXPECT_EQ(page.data[1].detail, "{}");
}

TEST_F(AuditStoreTest, KeepsAnEntryWhoseDetailJsonbRefuses) {
  auto odd = entry();
  odd.detail = R"({"name":"\u0000"})";
  ASSERT_TRUE(audit().append(odd));
  EXPECT_EQ(audit().page({}).value().data.at(0).detail, "{}");
}

TEST_F(AuditStoreTest, IsReadInBothOrders) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(audit().append(entry()));
  AuditQuery query;
  query.limit = 2;
  auto page = audit().page(query).value();
  EXPECT_THAT(numbers(query), ElementsAre(1, 2));
  EXPECT_TRUE(page.has_more);
  query.cursor = page.next_cursor;
  EXPECT_THAT(numbers(query), ElementsAre(3, 4));
  query.cursor.reset();
  query.order = AuditOrder::newest_first;
  EXPECT_THAT(numbers(query), ElementsAre(5, 4));
  query.cursor = Sequence{2};
  page = audit().page(query).value();
  EXPECT_EQ(page.next_cursor.value, 1);
  EXPECT_FALSE(page.has_more);
  query.cursor = page.next_cursor;
  EXPECT_THAT(numbers(query), IsEmpty());
}

TEST_F(AuditStoreTest, FindsByWhoWhatWhomAndWhen) {
  auto first = entry("tenant.create");
  first.tenant = TenantId{Uuid::v4()};
  first.tenant_name = "acme";
  auto second = entry("tenants.other");
  second.subject = "o'neill";
  ASSERT_TRUE(audit().append(first));
  ASSERT_TRUE(audit().append(second));
  ASSERT_TRUE(audit().append(entry("message.erase")));
  database_.sql().run("update audit_log set at = ('2026-01-0' || seq || 'T00:00:00Z')::timestamptz");
  const auto with = [&](auto change) {
    AuditQuery query;
    change(query);
    return numbers(query);
  };
  EXPECT_THAT(with([&](auto& query) { query.tenant = "acme"; }), ElementsAre(1));
  EXPECT_THAT(with([&](auto& query) { query.tenant = first.tenant->to_string(); }), ElementsAre(1));
  EXPECT_THAT(with([&](auto& query) { query.subject = "o'neill"; }), ElementsAre(2));
  EXPECT_THAT(with([&](auto& query) { query.action = "message.erase"; }), ElementsAre(3));
  EXPECT_THAT(with([&](auto& query) { query.action = "tenant"; }), ElementsAre(1));
  EXPECT_THAT(with([&](auto& query) { query.since = parse_timestamp("2026-01-02T00:00:00Z").value(); }),
              ElementsAre(2, 3));
  EXPECT_THAT(with([&](auto& query) { query.until = parse_timestamp("2026-01-02T00:00:00Z").value(); }),
              ElementsAre(1));
}

TEST_F(AuditStoreTest, ACursorSkipsNothingWhileManyWrite) {
  constexpr int kWriters = 4, kEach = 50;
  std::atomic<int> running{kWriters};
  std::vector<std::thread> writers;
  for (int i = 0; i < kWriters; ++i)
    writers.emplace_back([&] {
      for (int n = 0; n < kEach; ++n) EXPECT_TRUE(audit().append(entry()));
      --running;
    });
  std::size_t seen = 0;
  AuditQuery query;
  for (bool last = false;;) {
    const auto page = audit().page(query).value();
    seen += page.data.size();
    query.cursor = page.next_cursor;
    if (last && page.data.empty()) break;
    last = running == 0;
  }
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(seen, std::size_t{kWriters * kEach});
}

TEST_F(AuditStoreTest, LosesOnlyWhatIsTooOldInSmallSteps) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(audit().append(entry()));
  database_.sql().run("update audit_log set at = at - interval '2 days' where seq <= 3");
  auto& retention = database_.store().retention();
  EXPECT_EQ(retention.remove_audit(std::chrono::hours(24), 2).value(), 2);
  EXPECT_EQ(retention.remove_audit(std::chrono::hours(24), 2).value(), 1);
  EXPECT_EQ(retention.remove_audit(std::chrono::hours(24), 2).value(), 0);
  EXPECT_THAT(numbers({}), ElementsAre(4, 5));
}

}  // namespace
}  // namespace mtmsg
