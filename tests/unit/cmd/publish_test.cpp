#include <fstream>
#include <map>
#include <set>

#include <gmock/gmock.h>

#include "tests/unit/cmd/command_line_fixture.hpp"

namespace mtmsg::ctl {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

/// A daemon that stores each line of each key once, and goes away when told so.
class PublishTest : public CommandLineTest {
 protected:
  PublishTest() {
    server.Post("/tenants/acme/messages", [this](const httplib::Request& request, httplib::Response& response) {
      const auto key = request.get_header_value("Idempotency-Key");
      std::istringstream body(request.body);
      std::string answer, line;
      for (std::size_t number = 1; std::getline(body, line); ++number) {
        if (stored.size() >= most) break;
        stored[key + "/" + std::to_string(number)] = line;
        answer += "{\"line\":" + std::to_string(number) + ",\"id\":\"" + kId + "\",\"status\":\"queued\"}\n";
      }
      response.status = 202;
      if (stored.size() < most) return response.set_content(answer, "application/x-ndjson");
      // What was stored is not told any more.
      response.set_content_provider(answer.size() + 1, "application/x-ndjson",
                                    [](std::size_t, std::size_t, httplib::DataSink&) { return false; });
    });
  }

  std::vector<std::string> payloads() const {
    std::vector<std::string> all;
    for (const auto& [key, line] : stored) all.push_back(line);
    return all;
  }

  std::map<std::string, std::string> stored;
  std::size_t most = 1'000'000;
};

std::string numbers(int first, int last) {
  std::string lines;
  for (int i = first; i <= last; ++i) lines += std::to_string(i) + "\n";
  return lines;
}

/// What the run that stopped said to go on with.
std::string resume_in(const std::string& text) {
  const auto at = text.find("--resume ");
  if (at == std::string::npos) return {};
  const auto begin = at + 9;
  return text.substr(begin, text.find('\n', begin) - begin);
}

TEST_F(PublishTest, ARunThatStoppedGoesOnAndNothingIsStoredTwice) {
  most = 1700;
  const auto input = numbers(1, 2500);
  const auto stopped = run_line({"--timeout", "1", "message", "publish", "acme"}, input);
  EXPECT_EQ(stopped.code, 4) << stopped.err;
  EXPECT_THAT(stopped.err,
              ContainsRegex("Stopped at line 1001\\. Go on with the same input and --resume 1001:[0-9a-f-]+"));
  EXPECT_EQ(stored.size(), 1700U);
  most = 1'000'000;
  const auto gone_on = run_line({"message", "publish", "acme", "--resume", resume_in(stopped.err)}, input);
  EXPECT_EQ(gone_on.code, 0) << gone_on.err;
  EXPECT_THAT(gone_on.err, HasSubstr("published 1,500 messages"));
  const auto all = payloads();
  EXPECT_EQ(all.size(), 2500U);
  EXPECT_EQ(std::set(all.begin(), all.end()).size(), 2500U);
}

TEST_F(PublishTest, LinesThatAreNoneDoNotMoveThePlaceToGoOn) {
  const auto input = "1\n\nnot json\n" + numbers(4, 1200);
  most = 1100;
  const auto stopped = run_line({"--timeout", "1", "message", "publish", "acme"}, input);
  // The first thousand messages end with line 1002.
  EXPECT_THAT(resume_in(stopped.err), testing::StartsWith("1003:"));
  most = 1'000'000;
  EXPECT_EQ(run_line({"message", "publish", "acme", "--resume", resume_in(stopped.err)}, input).code, 0);
  EXPECT_EQ(stored.size(), 1198U);
}

TEST_F(PublishTest, WhatIsRefusedAsAWholeIsNotToBeGoneOnWith) {
  const auto refused = run_line({"message", "publish", "nobody"}, "1\n2\n");
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, Not(HasSubstr("--resume")));
}

TEST_F(PublishTest, APlaceToGoOnThatIsNoneIsWrongUsage) {
  for (const auto* wrong : {"", "7", "0:0190d3c4-5a6b-4c8d-9e0f-112233445566", "x:0190d3c4-5a6b-4c8d-9e0f-112233445566",
                            "7:", "7:key", "-1:0190d3c4-5a6b-4c8d-9e0f-112233445566"}) {
    const auto ran = run_line({"message", "publish", "acme", std::string("--resume=") + wrong}, "1\n");
    EXPECT_EQ(ran.code, 2) << wrong;
  }
  EXPECT_EQ(run_line({"message", "publish", "acme", "1", "--resume", "7:0190d3c4-5a6b-4c8d-9e0f-112233445566"}).code,
            2);
  EXPECT_TRUE(stored.empty());
}

}  // namespace
}  // namespace mtmsg::ctl
