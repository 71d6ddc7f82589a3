// tests/FAILURES.md names a test for each failure: one that is renamed or deleted must not stay there.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "support/paths.hpp"

namespace mtmsg {
namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::set<std::string> known_tests() {
  std::set<std::string> names;
  const std::regex definition(R"(TEST(?:_F|_P)?\((\w+),\s*(\w+)\))");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(MTMSG_SOURCE_DIR "/tests")) {
    if (entry.path().extension() != ".cpp") continue;
    const auto text = read(entry.path());
    for (std::sregex_iterator match(text.begin(), text.end(), definition), end; match != end; ++match)
      names.insert((*match)[1].str() + "." + (*match)[2].str());
  }
  return names;
}

TEST(Failures, EveryTestThatTheTableNamesIsThere) {
  const auto known = known_tests();
  const auto table = read(MTMSG_SOURCE_DIR "/tests/FAILURES.md");
  const std::regex name(R"(\b([A-Z]\w+\.[A-Z]\w{7,}))");
  int named = 0;
  for (std::sregex_iterator match(table.begin(), table.end(), name), end; match != end; ++match, ++named)
    EXPECT_TRUE(known.contains((*match)[1].str())) << (*match)[1].str();
  EXPECT_GT(named, 40);
}

}  // namespace
}  // namespace mtmsg
