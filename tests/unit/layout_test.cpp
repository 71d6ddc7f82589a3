// Who may include whom. lib/CMakeLists.txt says it in ARROWS; the #include lines must agree with it.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/paths.hpp"

namespace mtmsg {
namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string>;

const fs::path kRoot = MTMSG_SOURCE_DIR;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Include {
  fs::path from;       ///< relative to the root, such as lib/http/server.cpp
  std::string folder;  ///< "http" for lib/http/**, "daemon", "cmd"
  std::string target;  ///< between the quotes or the angle brackets
};

/// What an #include line names; empty for any other line.
std::string include_target(std::string line) {
  std::erase_if(line, [](char c) { return c == ' ' || c == '\t'; });
  constexpr std::string_view kDirective = "#include";
  if (!line.starts_with(kDirective)) return {};
  const auto end = line.find_first_of("\">", kDirective.size() + 1);
  if (end == std::string::npos) return {};
  return line.substr(kDirective.size() + 1, end - kDirective.size() - 1);
}

std::vector<Include> includes_below(const fs::path& top) {
  std::vector<Include> found;
  for (const auto& entry : fs::recursive_directory_iterator(kRoot / top)) {
    const auto extension = entry.path().extension();
    if (extension != ".hpp" && extension != ".cpp") continue;
    const auto from = fs::relative(entry.path(), kRoot);
    const auto folder = top == "lib" ? std::next(from.begin())->string() : top.string();
    std::istringstream lines(read(entry.path()));
    for (std::string line; std::getline(lines, line);) {
      if (auto target = include_target(line); !target.empty()) found.push_back({from, folder, std::move(target)});
    }
  }
  return found;
}

/// What each folder of lib/ may include besides itself: ARROWS of lib/CMakeLists.txt.
std::map<std::string, Names> arrows() {
  constexpr std::string_view kCall = "\nmtmsg_folder(";
  const auto text = read(kRoot / "lib/CMakeLists.txt");
  std::map<std::string, Names> result;
  for (auto at = text.find(kCall); at != std::string::npos; at = text.find(kCall, at + 1)) {
    const auto begin = at + kCall.size();
    std::istringstream words(text.substr(begin, text.find(')', begin) - begin));
    std::string folder;
    words >> folder;
    auto& allowed = result[folder];
    // A list goes on until the next word in capitals.
    bool listing = false;
    for (std::string word; words >> word;) {
      const bool keyword = word.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == std::string::npos;
      if (keyword) {
        listing = word == "ARROWS";
      } else if (listing) {
        allowed.insert(word);
      }
    }
  }
  return result;
}

/// The design's arrows (its section on the layout), core left out because everything may include it.
const std::map<std::string, Names> kDesign = {
    {"core", {}},
    {"domain", {}},
    {"config", {}},
    {"metrics", {}},
    {"tls", {}},
    {"auth", {"wire"}},
    {"setup", {"config", "auth", "tls"}},
    {"broker", {"domain", "tls"}},
    {"store", {"domain"}},
    {"wire", {"domain"}},
    {"ingest", {"broker", "store", "domain", "metrics"}},
    {"tenants", {"ingest", "broker", "store", "domain"}},
    {"http", {"tenants", "auth", "broker", "store", "wire", "metrics", "domain", "tls"}},
    {"client", {"wire", "tls"}},
    {"cmd", {"auth", "client", "wire", "config", "setup"}},
    {"daemon",
     {"auth", "broker", "config", "domain", "http", "ingest", "metrics", "setup", "store", "tenants", "tls", "wire"}},
};

/// Which folder of the project an include goes to; empty for one that leaves it.
std::string folder_of(const std::string& target) {
  const auto first = target.substr(0, target.find('/'));
  return kDesign.contains(first) && first != target ? first : std::string();
}

TEST(Layout, ArrowsOfTheBuildAreThoseOfTheDesign) {
  for (auto& [folder, allowed] : arrows()) {
    ASSERT_TRUE(kDesign.contains(folder)) << folder << " is not a folder of the design";
    Names others = allowed;
    others.erase("core");
    EXPECT_TRUE(std::includes(kDesign.at(folder).begin(), kDesign.at(folder).end(), others.begin(), others.end()))
        << "lib/CMakeLists.txt gives " << folder << " an arrow that the design does not know";
  }
}

TEST(Layout, EveryFolderOfLibIsATarget) {
  const auto known = arrows();
  for (const auto& entry : fs::directory_iterator(kRoot / "lib")) {
    if (entry.is_directory()) {
      EXPECT_TRUE(known.contains(entry.path().filename().string())) << entry.path();
    }
  }
}

TEST(Layout, IncludesFollowTheArrows) {
  const auto known = arrows();
  for (const auto& include : includes_below("lib")) {
    const auto to = folder_of(include.target);
    if (to.empty() || to == include.folder) continue;
    EXPECT_TRUE(known.at(include.folder).contains(to))
        << include.from << " includes " << include.target << ", but there is no arrow from " << include.folder << " to "
        << to;
  }
}

TEST(Layout, DaemonAndToolIncludeOnlyWhatTheyMay) {
  for (const char* top : {"daemon", "cmd"}) {
    for (const auto& include : includes_below(top)) {
      const auto to = folder_of(include.target);
      if (to.empty() || to == top || to == "core") continue;
      EXPECT_TRUE(kDesign.at(top).contains(to)) << include.from << " includes " << include.target;
    }
  }
}

/// Third-party headers by how their names begin, and the only folders that may know them.
struct Confined {
  std::string_view prefix;
  Names folders;
};

TEST(Layout, ThirdPartyHeadersStayWhereTheyAreHidden) {
  const Confined rules[] = {
      {"amqp", {"broker"}},        {"rabbitmq-c/", {"broker"}},
      {"pqxx", {"store"}},         {"libpq", {"store"}},
      {"CLI/", {"daemon", "cmd"}}, {"httplib.h", {"http", "client"}},
      {"toml++/", {"config"}},     {"prometheus/", {"metrics"}},
      {"spdlog/", {"daemon"}},     {"zlib.h", {"http", "cmd"}},
      {"zstd.h", {"cmd"}},         {"openssl/ssl", {"tls"}},
      {"jwt.h", {"auth"}},         {"systemd/sd-", {"daemon", "cmd"}},
  };
  for (const char* top : {"lib", "daemon", "cmd"}) {
    for (const auto& include : includes_below(top)) {
      for (const auto& rule : rules) {
        if (!include.target.starts_with(rule.prefix)) continue;
        EXPECT_TRUE(rule.folders.contains(include.folder)) << include.from << " includes " << include.target;
      }
    }
  }
}

TEST(Layout, ReadsIncludesAndArrowsRight) {
  EXPECT_EQ(include_target("#include <a/b.hpp>  // why"), "a/b.hpp");
  EXPECT_EQ(include_target("  # include \"c.hpp\""), "c.hpp");
  EXPECT_EQ(include_target("// #include <a>"), "");
  EXPECT_EQ(arrows().at("ingest"), (Names{"core", "domain", "broker", "store", "metrics"}));
}

TEST(Layout, EveryHeaderIsGuardedByPragmaOnce) {
  for (const char* top : {"lib", "daemon", "cmd"}) {
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / top)) {
      if (entry.path().extension() != ".hpp") continue;
      EXPECT_TRUE(read(entry.path()).starts_with("#pragma once\n")) << entry.path();
    }
  }
}

}  // namespace
}  // namespace mtmsg
