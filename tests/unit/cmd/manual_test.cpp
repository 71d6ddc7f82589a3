// The manual page and the command tree tell the same. To write its list of limits anew after a change of their table:
// UPDATE_GENERATED=1 build/debug/bin/unit_tests --gtest_filter='Manual.*'

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cmd/app.hpp"
#include "cmd/help.hpp"
#include "domain/limits.hpp"
#include "support/paths.hpp"

namespace mtmsg::ctl {
namespace {

using testing::HasSubstr;

const std::string kPage = MTMSG_SOURCE_DIR "/man/mtmsgctl.1";

std::string read_page() {
  std::ifstream file(kPage, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A sentence begins its own line, and none is longer than a terminal's.
std::string sentences(std::string_view text) {
  std::string out;
  std::size_t column = 0;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    const bool breaks = !out.empty() && (out.ends_with('.') || column + 1 + word.size() > 76);
    if (!out.empty()) out += breaks ? '\n' : ' ';
    column = breaks || column == 0 ? word.size() : column + 1 + word.size();
    out += word;
  }
  return out + "\n";
}

std::string limits_text() {
  std::string text;
  for (const auto& row : limit_rows()) {
    std::string name(row.name);
    std::ranges::replace(name, '_', '-');
    const auto* argument = row.unit == "bytes" ? "SIZE" : row.unit == "s" ? "TIME" : "N";
    text += ".It Fl -" + name + " Ar " + argument + "\n" + sentences(row.help);
    if (row.fixed) text += "Fixed when the tenant is created.\n";
  }
  return text;
}

TEST(Manual, HoldsEveryLimit) {
  constexpr std::string_view kBegin = ".\\\" Begin of what is generated from lib/domain/limits.cpp\n";
  constexpr std::string_view kEnd = ".\\\" End of what is generated\n";
  auto page = read_page();
  const auto begin = page.find(kBegin);
  const auto end = page.find(kEnd);
  ASSERT_TRUE(begin != std::string::npos && end != std::string::npos);
  const auto from = begin + kBegin.size();
  if (std::getenv("UPDATE_GENERATED") != nullptr) {
    page.replace(from, end - from, limits_text());
    std::ofstream(kPage, std::ios::binary) << page;
    return;
  }
  EXPECT_EQ(page.substr(from, end - from), limits_text());
}

TEST(Manual, HoldsEveryVerbAndEveryOption) {
  const auto page = read_page();
  CommandLine line;
  const std::function<void(const CLI::App&)> look = [&](const CLI::App& app) {
    const auto below = app.get_subcommands([](const CLI::App*) { return true; });
    for (const auto* command : below) look(*command);
    if (app.get_parent() != nullptr && below.empty()) {
      EXPECT_THAT(page, HasSubstr(".It Cm " + full_name(app).substr(sizeof "mtmsgctl")));
    }
    for (const auto* option : app.get_options())
      for (const auto& name : option->get_lnames()) EXPECT_THAT(page, HasSubstr("-" + name)) << full_name(app);
  };
  look(line.root);
}

}  // namespace
}  // namespace mtmsg::ctl
