#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/cmd/command_line_fixture.hpp"

namespace mtmsg::ctl {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class EraseTest : public CommandLineTest {
 protected:
  EraseTest() {
    server.Get("/tenants/acme", says(detail_json()));
    server.Get(path, says(std::string(R"({"seq":7,"id":")") + kId + R"(","tenant_id":")" + kId +
                          R"(","payload":{"a":1},"headers":{},"published_at":null,)"
                          R"("created_at":"2026-01-31T12:00:00.5Z"})"));
    server.Delete(R"(/tenants/[^/]+/messages/[^/]+)", [this](const auto& request, auto& response) {
      erased.push_back(request.path);
      response.status = 204;
    });
  }
  const std::string path = std::string("/tenants/") + kId + "/messages/" + kId;
  std::vector<std::string> erased;
};

TEST_F(EraseTest, AsksWithNumberAndTime) {
  in_is_terminal = true;
  const auto no = run_line({"message", "erase", "acme", kId}, "n\n");
  EXPECT_EQ(no.code, 1);
  EXPECT_THAT(no.err, HasSubstr("of tenant acme (number 7, stored 2026-01-31T12:00:00Z)"));
  EXPECT_THAT(no.err, HasSubstr("Nothing was erased."));
  EXPECT_THAT(erased, IsEmpty());
  const auto yes = run_line({"message", "erase", "acme", kId}, "y\n");
  EXPECT_EQ(yes.code, 0);
  EXPECT_THAT(erased, testing::ElementsAre(path)) << "by the tenant's id";
}

TEST_F(EraseTest, AsksNothingWithYesAndErasesNothingWithoutATerminal) {
  EXPECT_EQ(run_line({"message", "erase", "acme", kId}).code, 2);
  EXPECT_THAT(erased, IsEmpty());
  EXPECT_EQ(run_line({"message", "erase", "acme", kId, "--yes"}).code, 0);
  EXPECT_THAT(erased, testing::ElementsAre(std::string("/tenants/acme/messages/") + kId));
}

}  // namespace
}  // namespace mtmsg::ctl
