#include "cmd/completion.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cmd/names.hpp"
#include "tests/unit/cmd/command_line_fixture.hpp"

namespace mtmsg::ctl {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

using Words = std::vector<std::string>;

Offer offer(const Words& words) {
  CommandLine line;
  return offer_for(line, words);
}

Words texts(const Offer& offer) {
  Words out;
  for (const auto& each : offer.candidates) out.push_back(each.text);
  return out;
}

TEST(Completion, OffersNounsAndVerbsWithTheirHelp) {
  CommandLine line;
  EXPECT_THAT(texts(offer({""})), SizeIs(commands_of(line.root).size()));
  const auto tenant = offer({"ten"});
  EXPECT_THAT(tenant.candidates, ElementsAre(Candidate{"tenant", "Create, list, show, change and delete tenants"}));
  EXPECT_THAT(texts(offer({"tenant", "p"})), ElementsAre("pause"));
  EXPECT_THAT(texts(offer({"-o", "json", "--endpoint=unix:/x", "tenant", "res"})), ElementsAre("resume"));
  EXPECT_THAT(texts(offer({"tenant", "nonsense"})), IsEmpty());
}

TEST(Completion, OffersOptionsOfTheVerbAndOfEveryCommandOnce) {
  const auto all = texts(offer({"tenant", "create", "--"}));
  EXPECT_THAT(all, Contains("--workers"));
  EXPECT_THAT(all, Contains("--endpoint"));
  EXPECT_EQ(std::ranges::count(all, "--help"), 1);
  EXPECT_THAT(all, Not(Contains("--if-empty")));
  EXPECT_THAT(texts(offer({"tenant", "create", "--workers", "3", "--w"})), IsEmpty()) << "it was given";
  EXPECT_THAT(texts(offer({"token", "issue", "--scope", "audit", "--sc"})), ElementsAre("--scope"))
      << "it may be again";
}

TEST(Completion, OffersTheValuesOfAnOptionInBothForms) {
  EXPECT_THAT(texts(offer({"tenant", "list", "--state", "p"})), ElementsAre("paused"));
  const auto joined = offer({"tenant", "list", "--state=p"});
  EXPECT_THAT(texts(joined), ElementsAre("paused"));
  EXPECT_EQ(joined.before, "--state=");
  EXPECT_THAT(texts(offer({"-o", "n"})), ElementsAre("ndjson"));
  EXPECT_THAT(texts(offer({"tenant", "create", "--workers", ""})), IsEmpty());
}

TEST(Completion, AsksForTenantsWhereOneMayStand) {
  EXPECT_EQ(offer({"tenant", "show", "ac"}).ask, Offer::Ask::tenants);
  EXPECT_EQ(offer({"message", "list", "--tenant=ac"}).ask, Offer::Ask::tenants);
  EXPECT_EQ(offer({"audit", "--tenant", ""}).ask, Offer::Ask::tenants);
  EXPECT_EQ(offer({"tenant", "create", "ac"}).ask, Offer::Ask::nothing) << "a new name";
  EXPECT_EQ(offer({"tenant", "show", "acme", ""}).ask, Offer::Ask::nothing) << "there is one already";
  EXPECT_EQ(offer({"message", "get", "--tenant", "acme", ""}).ask, Offer::Ask::nothing);
  EXPECT_EQ(offer({"tenant", "show", "--", "-x"}).ask, Offer::Ask::tenants);
}

TEST(Completion, LeavesFilesToTheShell) {
  EXPECT_EQ(offer({"--token-file", ""}).files, Offer::Files::any);
  EXPECT_EQ(offer({"token", "inspect", "--keys-dir", ""}).files, Offer::Files::folders);
  EXPECT_EQ(offer({"token", "inspect", ""}).files, Offer::Files::any);
  EXPECT_EQ(offer({"tenant", "show", ""}).files, Offer::Files::none);
}

/// Each value that is offered for an option is one that the option takes.
TEST(Completion, OffersNothingThatTheLineRefuses) {
  CommandLine line;
  std::size_t tried = 0;
  const std::function<void(CLI::App&)> look = [&](CLI::App& app) {
    for (auto* below : app.get_subcommands([](const CLI::App*) { return true; })) look(*below);
    for (auto* option : app.get_options([](const CLI::Option*) { return true; })) {
      for (const auto& choice : choices_of(option->get_type_name())) {
        option->clear();
        option->add_result(choice);
        EXPECT_NO_THROW(option->run_callback()) << option->get_name() << " " << choice;
        ++tried;
      }
    }
  };
  look(line.root);
  EXPECT_GT(tried, 20U);
}

TEST_F(CommandLineTest, CompletesTenantsFromTheDaemonThatTheLineWouldAsk) {
  std::string target, authorization;
  server.Get("/tenants", [&](const httplib::Request& request, httplib::Response& response) {
    target = request.target;
    authorization = request.get_header_value("Authorization");
    response.set_content(R"({"data":[)" + tenant_json() + "]}", "application/json");
  });
  run_line({"--version"});  // now the server answers
  EXPECT_EQ(run_alone({"__complete", "--", "--endpoint", url(), "tenant", "show", "ac"}).out, "acme\n");
  EXPECT_NE(target.find("name_prefix=ac"), std::string::npos) << target;
  EXPECT_EQ(run_alone({"__complete", "--", "--endpoint=" + url(), "audit", "--tenant=ac"}).out, "--tenant=acme\n");
  EXPECT_EQ(run_alone({"__complete", "--", "--endpoint", url(), "tenant", "show", "b"}).out, "");
}

TEST_F(CommandLineTest, CompletingIsSilentAndWaitsForNoDaemonThatIsAwayOrHangs) {
  std::promise<void> over;
  server.Get("/tenants", [ended = over.get_future().share()](const httplib::Request&, httplib::Response& response) {
    ended.wait();
    response.status = 500;
  });
  run_line({"--version"});  // now the server answers
  const auto begun = std::chrono::steady_clock::now();
  for (const auto& endpoint : {std::string("unix:/nonexistent.sock"), std::string("nonsense"), url()}) {
    const auto ran = run_alone({"__complete", "--", "--endpoint", endpoint, "tenant", "show", ""});
    EXPECT_EQ(ran.code, 0);
    EXPECT_EQ(ran.out + ran.err, "") << endpoint;
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10)) << "--timeout is 30";
  over.set_value();
}

TEST_F(CommandLineTest, CompletingNeverFailsWhateverTheWords) {
  for (const auto& words : std::vector<Words>{{},
                                              {""},
                                              {"--"},
                                              {"--", "--"},
                                              {"-"},
                                              {"--timeout", "x", ""},
                                              {"--nonsense", ""},
                                              {"--nonsense=", ""},
                                              {"tenant", "--state"},
                                              {"--columns", ","},
                                              {"tenant", "list", "--columns", ",,"},
                                              {"\xff", "\xff"}}) {
    Words line{"__complete"};
    line.insert(line.end(), words.begin(), words.end());
    const auto ran = run_alone(line);
    EXPECT_EQ(ran.code, 0);
    EXPECT_EQ(ran.err, "");
  }
}

}  // namespace
}  // namespace mtmsg::ctl
