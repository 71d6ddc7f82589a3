// The page at /docs of a real daemon, in a real browser.

#include <chrono>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/keys.hpp"
#include "support/paths.hpp"
#include "support/world.hpp"

namespace mtmsg {
namespace {

test::Finished browse(test::World& world, const std::string& picture, const std::string& token = {}) {
  const std::string folder = MTMSG_BINARY_DIR "/../screenshots";
  std::filesystem::create_directories(folder);
  std::vector<std::string> command{"/usr/bin/env",
                                   "node",
                                   MTMSG_SOURCE_DIR "/tests/web/browser.mjs",
                                   MTMSG_BINARY_DIR "/../web_tests/node_modules",
                                   "http://127.0.0.1:" + std::to_string(world.port()),
                                   folder + "/" + picture};
  if (!token.empty()) command.push_back(token);
  return test::run(command, {}, std::chrono::minutes(4));
}

TEST(Docs, ShowsTheApiAndTriesItWithoutAskingAnybodyElse) {
  test::World world(test::Settings{{"MTMSG_AUTH_MODE", "none"}});
  world.start_daemon();
  const auto finished = browse(world, "docs.png");
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  const auto made = world.client().tenant("from-the-browser");
  ASSERT_TRUE(made.has_value()) << finished.out << finished.err << world.picture();
  world.adopt(made->tenant.id);
}

TEST(Docs, TriesTheApiWithATokenThatSomebodyTypesIn) {
  test::World world;
  const auto keys = world.folder() + "/keys";
  const auto key = keys + "/k1.HS256.key";
  std::filesystem::create_directory(keys);
  test::write_key_file(key, std::string(64, 'a'));
  world.set("MTMSG_AUTH_KEYS_DIR", keys);
  world.start_daemon();
  auto issued =
      test::run({test::mtmsgctl_path(), "token", "issue", "--key", key, "--subject", "web", "--role", "admin"});
  ASSERT_EQ(issued.exit_code, 0) << issued.err;
  issued.out.erase(issued.out.find_last_not_of('\n') + 1);
  const auto finished = browse(world, "docs-token.png", issued.out);
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  const auto made = world.client().tenant("from-the-browser");
  ASSERT_TRUE(made.has_value()) << finished.out << finished.err << world.picture();
  world.adopt(made->tenant.id);
}

TEST(Docs, DescribesTheAnswersOfEveryOperation) {
  test::World world(test::Settings{{"MTMSG_AUTH_MODE", "none"}});
  world.start_daemon();
  const auto file = world.folder() + "/exchanges.ndjson";
  const auto asked = test::run({MTMSG_SOURCE_DIR "/tests/web/ask_everything", "--port", std::to_string(world.port()),
                                "--socket", world.endpoint().substr(std::string_view("unix:").size()), "--out", file},
                               {}, std::chrono::minutes(4));
  ASSERT_EQ(asked.exit_code, 0) << asked.out << asked.err << world.picture();
  const auto compared = test::run({MTMSG_SOURCE_DIR "/tests/web/validate_exchanges", "--all", "--openapi",
                                   MTMSG_BINARY_DIR "/../openapi.json", file});
  EXPECT_EQ(compared.exit_code, 0) << compared.out << compared.err;
}

}  // namespace
}  // namespace mtmsg
