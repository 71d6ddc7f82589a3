#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/cmd/command_line_fixture.hpp"
#include "wire/orphan.hpp"

namespace mtmsg::ctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr auto kOther = "0190d3c4-5a6b-7c8d-9e0f-aabbccddeeff";

class OrphansTest : public CommandLineTest {
 protected:
  OrphansTest() {
    server.Get("/orphans", [this](const httplib::Request& request, httplib::Response& response) {
      asked.push_back(request.get_param_value("candidate"));
      std::vector<wire::Orphan> orphans;
      for (const auto* id : {kId, kOther})
        orphans.push_back({TenantId::parse(id).value(), true, 8192, 3, wire::QueueDepth{5, 0}});
      std::string json;
      wire::append_orphans(json, orphans);
      response.set_content(json, "application/json");
    });
    server.Delete(R"(/orphans/(.*))", [this](const httplib::Request& request, httplib::Response& response) {
      const std::string id = request.matches[1];
      if (id == refused) {
        response.status = 409;
        response.set_content(R"({"detail":"it is no orphan","code":"conflict"})", "application/problem+json");
        return;
      }
      removed.push_back(id);
      response.status = 204;
    });
  }
  static std::string queue(const std::string& id) { return "tenant_" + id + "_queue"; }

  std::vector<std::string> asked;
  std::vector<std::string> removed;
  std::string refused;
};

TEST_F(OrphansTest, AreListedAsATableAndAsJson) {
  const auto ran = run_line({"tenant", "orphans"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("TENANT ID"));
  EXPECT_THAT(ran.out, HasSubstr(kId));
  EXPECT_THAT(asked, ElementsAre(""));
  EXPECT_THAT(run_line({"tenant", "orphans", "-o", "json"}).out, HasSubstr(R"("queue":{"ready":5,"consumers":0})"));
}

TEST_F(OrphansTest, QueuesAreKnownByTheirWholeName) {
  const std::string list =
      "name\tmessages\n" + queue(kId) + "\t5\r\nmtmsg.dead-letters\ntenant__queue\ntenant_x_queue\n" +
      queue("0190D3C4-5A6B-7C8D-9E0F-AABBCCDDEEFF") + "\nx" + queue(kOther) + "\n" + queue(kOther) + "2\n" + queue(kId);
  EXPECT_EQ(run_line({"tenant", "orphans", "--queues", "-"}, list).code, 0);
  EXPECT_THAT(asked, ElementsAre(kId));
}

TEST_F(OrphansTest, ManyQueuesAreAskedForInSeveralRequests) {
  std::string list;
  for (int i = 0; i < 250; ++i) list += queue(Uuid::v4().to_string()) + "\n";
  const auto ran = run_line({"tenant", "orphans", "--queues", "-", "-o", "ndjson"}, list);
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(asked, SizeIs(3));
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 2) << "each orphan once";
}

TEST_F(OrphansTest, RemovingWithoutATerminalNeedsYes) {
  EXPECT_EQ(run_line({"tenant", "orphans", "--remove-all"}, "y\n").code, 2);
  EXPECT_EQ(run_line({"tenant", "orphans", "--remove", kId}).code, 2);
  in_is_terminal = true;
  EXPECT_EQ(run_line({"tenant", "orphans", "--queues", "-", "--remove-all"}, "y\n").code, 2);
  EXPECT_THAT(removed, IsEmpty());
  EXPECT_EQ(run_line({"tenant", "orphans", "--remove", kId}, "n\n").code, 1);
  EXPECT_THAT(removed, IsEmpty());
  const auto ran = run_line({"tenant", "orphans", "--remove", kId}, "y\n");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("their queues look the same"));
  EXPECT_THAT(removed, ElementsAre(kId));
}

TEST_F(OrphansTest, OnlyWhatIsOrphanedIsRemoved) {
  const std::string tenant = "0190d3c4-0000-7000-8000-000000000000";
  const auto ran = run_line({"tenant", "orphans", "--yes", "--remove", kId, tenant});
  EXPECT_EQ(ran.code, 4);
  EXPECT_THAT(removed, ElementsAre(kId));
  EXPECT_THAT(ran.err, HasSubstr("nothing is orphaned under the id " + tenant));
  EXPECT_EQ(run_line({"tenant", "orphans", "--yes", "--remove", tenant}).code, 1);
}

TEST_F(OrphansTest, ARefusalIsNamedAndTheOthersGo) {
  refused = kId;
  const auto ran = run_line({"tenant", "orphans", "--yes", "--remove-all"});
  EXPECT_EQ(ran.code, 4);
  EXPECT_THAT(removed, ElementsAre(kOther));
  EXPECT_THAT(ran.err, HasSubstr(std::string(kId) + ": it is no orphan"));
  EXPECT_THAT(ran.err, HasSubstr("removed 1 orphan of 2"));
}

TEST_F(OrphansTest, WrongLinesAskNothing) {
  for (const auto& wrong : std::vector<std::vector<std::string>>{{"--remove", "acme", "--yes"},
                                                                 {"--remove", kId, "--remove-all", "--yes"},
                                                                 {"--queues", "/nonexistent/queues"},
                                                                 {"--remove"}}) {
    auto args = std::vector<std::string>{"tenant", "orphans"};
    args.insert(args.end(), wrong.begin(), wrong.end());
    EXPECT_EQ(run_line(args).code, 2) << testing::PrintToString(wrong);
  }
  EXPECT_THAT(asked, IsEmpty());
}

}  // namespace
}  // namespace mtmsg::ctl
