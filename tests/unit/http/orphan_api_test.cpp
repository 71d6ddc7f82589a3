#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/http/api_fixture.hpp"
#include "wire/orphan.hpp"

namespace mtmsg::http {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class OrphanApiTest : public ApiTest {
 protected:
  static TenantId id(unsigned number) {
    Uuid uuid;
    uuid.bytes[14] = static_cast<std::uint8_t>(number >> 8U);
    uuid.bytes[15] = static_cast<std::uint8_t>(number);
    return TenantId{uuid};
  }
  static std::vector<TenantId> ids(unsigned count) {
    std::vector<TenantId> out;
    for (unsigned i = 0; i < count; ++i) out.push_back(id(i));
    return out;
  }
};

TEST_F(OrphanApiTest, ListsWhatStandsWithAndWithoutAQueue) {
  world_.tenants.found_orphans = {{{id(1), true, 4096, 2}, broker::QueueDepth{5, 1}}, {{id(2), false, 0, 7}, {}}};
  const auto answer = call("GET", "/orphans");
  EXPECT_EQ(answer.status, 200);
  const auto orphans = wire::read_orphans(answer.body).value();
  EXPECT_EQ(orphans.at(0), (wire::Orphan{id(1), true, 4096, 2, wire::QueueDepth{5, 1}}));
  EXPECT_EQ(orphans.at(1), (wire::Orphan{id(2), false, 0, 7, {}}));
  EXPECT_THAT(world_.tenants.asked_for, IsEmpty());
}

TEST_F(OrphanApiTest, TakesABoundedNumberOfCandidatesAndEachOnce) {
  const auto text = wire::join_candidates({id(1), id(2)});
  EXPECT_EQ(call("GET", "/orphans?candidate=" + text + "," + id(1).to_string()).status, 200);
  EXPECT_THAT(world_.tenants.asked_for, ElementsAre(id(1), id(2)));
  EXPECT_EQ(call("GET", "/orphans?candidate=" + wire::join_candidates(ids(wire::kMaxOrphanCandidates))).status, 200);
  EXPECT_THAT(world_.tenants.asked_for, SizeIs(wire::kMaxOrphanCandidates));
}

TEST_F(OrphanApiTest, RefusesCandidatesThatAreNoIds) {
  for (const auto& wrong :
       {std::string("acme"), id(1).to_string() + ",", "," + id(1).to_string(), id(1).to_string() + " ",
        "{" + id(1).to_string() + "}", wire::join_candidates(ids(wire::kMaxOrphanCandidates + 1)), std::string("%00"),
        std::string(",")}) {
    const auto answer = call("GET", "/orphans?candidate=" + wrong);
    // A comma at the end begins nothing.
    EXPECT_EQ(answer.status, wrong == id(1).to_string() + "," ? 200 : 400) << wrong;
  }
  EXPECT_THAT(detail(call("GET", "/orphans?candidate=" + std::string(500, 'x'))), HasSubstr("xxx\" is not a tenant's"));
}

TEST_F(OrphanApiTest, RemovesOneAndNoTenantThatExists) {
  world_.tenants.found_orphans = {{{id(1), true, 4096, 2}, {}}};
  EXPECT_EQ(call("DELETE", "/orphans/" + id(1).to_string()).status, 204);
  EXPECT_EQ(code(call("DELETE", "/orphans/" + id(1).to_string())), "conflict");
  EXPECT_EQ(call("DELETE", "/orphans/acme").status, 404);
  EXPECT_EQ(call("DELETE", "/orphans").status, 405);
}

}  // namespace
}  // namespace mtmsg::http
