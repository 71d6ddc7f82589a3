#include <gmock/gmock.h>

#include "tests/unit/cmd/command_line_fixture.hpp"

namespace mtmsg::ctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr auto kApplied =
    R"({"data":[{"version":1,"name":"one","state":"applied","applied_at":"2026-01-31T12:00:00Z"},)"
    R"({"version":2,"name":"two","state":"applied","applied_at":"2026-01-31T12:00:00Z"},)"
    R"({"version":3,"name":"three","state":"pending","applied_at":null}],"pending":1})";
constexpr auto kTaken = R"({"data":[{"version":2,"name":"two","state":"pending","applied_at":null}],"pending":1})";

class MigrateDownTest : public CommandLineTest {
 protected:
  MigrateDownTest() {
    server.Get("/migrations", says(kApplied));
    server.Post("/migrations", [this](const httplib::Request& request, httplib::Response& response) {
      asked.push_back(request.body);
      response.set_content(kTaken, "application/json");
    });
  }

  std::vector<std::string> asked;
};

TEST_F(MigrateDownTest, GoesOneVersionBackIfNoneIsNamed) {
  const auto ran = run_line({"migrate", "down", "--yes"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(asked, ElementsAre(R"({"to":1})"));
  EXPECT_THAT(ran.err, HasSubstr("1 taken back."));
  EXPECT_EQ(run_line({"migrate", "down", "--to", "0", "--yes"}).code, 0);
  EXPECT_THAT(asked, ElementsAre(R"({"to":1})", R"({"to":0})"));
}

TEST_F(MigrateDownTest, NeverGoesUp) {
  for (const auto* target : {"2", "3", "9"}) {
    const auto ran = run_line({"migrate", "down", "--to", target, "--yes"});
    EXPECT_EQ(ran.code, 0);
    EXPECT_THAT(ran.err, HasSubstr("Nothing to take back: the schema is at version 2."));
  }
  EXPECT_THAT(asked, IsEmpty());
}

TEST_F(MigrateDownTest, AsksAndSaysWhatGoes) {
  EXPECT_EQ(run_line({"migrate", "down"}, "y\n").code, 2) << "there is no terminal to ask on";
  in_is_terminal = true;
  const auto no = run_line({"migrate", "down"}, "\n");
  EXPECT_EQ(no.code, 1);
  EXPECT_THAT(no.err, HasSubstr("from version 2 (two) to 1"));
  EXPECT_THAT(no.err, HasSubstr("Nothing was taken back."));
  EXPECT_THAT(asked, IsEmpty());
  EXPECT_EQ(run_line({"migrate", "down"}, "y\n").code, 0);
  EXPECT_THAT(asked, ElementsAre(R"({"to":1})"));
}

}  // namespace
}  // namespace mtmsg::ctl
