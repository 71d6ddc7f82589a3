// The sample configuration and the manual page's list of options are generated from the table of options. To write them
// anew after a change of the table: UPDATE_GENERATED=1 build/debug/bin/unit_tests --gtest_filter='Documents.*'

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>

#include <gtest/gtest.h>

#include "config/options.hpp"
#include "config/print.hpp"
#include "support/paths.hpp"

namespace mtmsg::config {
namespace {

std::string source_path(const char* name) {
  return std::string(MTMSG_SOURCE_DIR "/") + name;
}

std::string read_source(const char* name) {
  std::ifstream file(source_path(name), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool updating() {
  return std::getenv("UPDATE_GENERATED") != nullptr;
}

/// `text` in lines of at most 100 characters behind `prefix`.
std::string wrapped(std::string_view prefix, std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto room = 100 - prefix.size();
    const auto end = text.size() <= room ? text.size() : text.rfind(' ', room);
    out += std::string(prefix) + std::string(text.substr(0, end)) + '\n';
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return out;
}

std::string sample_configuration() {
  std::string text =
      "# Configuration of mtmsgd: every option, with its default. See mtmsgd.toml(5).\n"
      "# Check a change before it is used: mtmsgd --check-config --config FILE\n"
      "# Each option can be overridden by a variable: http.listen by MTMSG_HTTP_LISTEN, and so on.\n";
  std::string_view section;
  for (const auto& option : options()) {
    if (option.section() != section) {
      section = option.section();
      text += "\n[" + std::string(section) + "]\n";
    } else {
      text += '\n';
    }
    text += wrapped("# ", option.help);
    text += "#" + std::string(option.key()) + " = " + toml_value(option, option.fallback) + '\n';
  }
  return text;
}

/// For mdoc: a sentence ends with its line, and a line holds at most 76 characters.
std::string mdoc_text(std::string_view text) {
  std::string out;
  std::size_t line = 0;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    const bool new_sentence = !out.empty() && out.back() == '.';
    const bool full = line + 1 + word.size() > 76;
    if (!out.empty()) out += new_sentence || full ? '\n' : ' ';
    line = new_sentence || full ? word.size() : line + 1 + word.size();
    for (const char c : word) out += c == '"' ? std::string("\\(dq") : c == '\\' ? "\\e" : std::string(1, c);
  }
  return out;
}

std::string manual_options() {
  std::string text;
  std::string_view section;
  for (const auto& option : options()) {
    if (option.section() != section) {
      if (!section.empty()) text += ".El\n";
      section = option.section();
      text += ".Ss Section " + std::string(section) + "\n.Bl -tag -width Ds\n";
    }
    text += ".It Cm " + std::string(option.key()) + "\n";
    text += mdoc_text(option.help) + "\n";
    auto kind = describe_kind(option);
    if (kind.front() >= 'a' && kind.front() <= 'z') kind[0] = static_cast<char>(kind[0] - 32);
    text += mdoc_text(kind + '.') + '\n';
    if (option.fallback.empty()) {
      text += "Not set by default.\n";
    } else {
      text += "The default is\n.Li " + std::string(option.fallback) + " .\n";
    }
    if (option.reloadable) text += "Can be changed while the daemon runs.\n";
    text += "Variable:\n.Ev " + environment_name(option) + " .\n";
  }
  return text + ".El\n";
}

TEST(Documents, SampleConfigurationHoldsEveryOptionWithItsDefault) {
  const auto wanted = sample_configuration();
  if (updating()) std::ofstream(source_path("daemon/mtmsgd.toml.example"), std::ios::binary) << wanted;
  EXPECT_EQ(read_source("daemon/mtmsgd.toml.example"), wanted);
}

TEST(Documents, SampleConfigurationUncommentedIsWhatRunsAnyway) {
  auto text = sample_configuration();
  for (auto at = text.find("\n#"); at != std::string::npos; at = text.find("\n#", at + 1)) {
    if (text[at + 2] != ' ') text.erase(at + 1, 1);
  }
  const Environment urls{{"MTMSG_DATABASE_URL", "postgresql://h/"}, {"MTMSG_BROKER_URL", "amqp://h/"}};
  const auto loaded = load_text(text, "sample", urls);
  ASSERT_TRUE(loaded.ok()) << loaded.problems.front().to_string();
  const auto defaults = load_text("", "", urls);
  for (const auto& option : options()) EXPECT_EQ(value_of(option, loaded.config), value_of(option, defaults.config));
}

TEST(Documents, ManualPageHoldsEveryOption) {
  constexpr std::string_view kBegin = ".\\\" Begin of what is generated from lib/config/options.cpp\n";
  constexpr std::string_view kEnd = ".\\\" End of what is generated\n";
  auto page = read_source("man/mtmsgd.toml.5");
  const auto begin = page.find(kBegin);
  const auto end = page.find(kEnd);
  ASSERT_TRUE(begin != std::string::npos && end != std::string::npos);
  const auto from = begin + kBegin.size();
  if (updating()) {
    page.replace(from, end - from, manual_options());
    std::ofstream(source_path("man/mtmsgd.toml.5"), std::ios::binary) << page;
    return;
  }
  EXPECT_EQ(page.substr(from, end - from), manual_options());
}

TEST(Options, AreWellFormedAndTheirDefaultsAreValuesOfTheirKind) {
  std::set<std::string_view> names;
  Config config;
  for (const auto& option : options()) {
    EXPECT_TRUE(names.insert(option.name).second) << option.name;
    EXPECT_EQ(option.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_."), std::string_view::npos) << option.name;
    EXPECT_TRUE(option.help.ends_with('.')) << option.name;
    EXPECT_EQ(find_option(option.name), &option);
    ASSERT_TRUE(assign(option, config, option.fallback)) << option.name;
    EXPECT_EQ(value_of(option, config), option.fallback) << option.name;
    if (!option.file_of.empty()) {
      ASSERT_NE(find_option(option.file_of), nullptr) << option.name;
    }
  }
}

}  // namespace
}  // namespace mtmsg::config
