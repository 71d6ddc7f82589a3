// The manual pages and the command tree tell the same. To write the list of limits anew after a change of their table:
// UPDATE_GENERATED=1 build/debug/bin/unit_tests --gtest_filter='Manual.*'

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cmd/app.hpp"
#include "cmd/globals.hpp"
#include "cmd/help.hpp"
#include "domain/limits.hpp"
#include "tests/unit/cmd/manual_page.hpp"

namespace mtmsg::ctl {
namespace {

using testing::Contains;
using testing::HasSubstr;

/// Words on a verb's line that stand for options described in a section of their own.
const std::map<std::string, std::string> kShared{{"LIMIT", "LIMITS"}, {"SELECTION", "SELECTION"}};

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::string page_of(const CLI::App& noun) {
  return "mtmsgctl-" + noun.get_name() + ".1";
}

/// A noun's commands as its page has them: its verbs, or itself.
std::vector<ManualEntry> entries_of(const CLI::App& noun, const ManualPage& page) {
  if (!commands_of(noun).empty()) return page.entries("VERBS");
  const auto synopsis = page.section("SYNOPSIS");
  const auto text = page.section("DESCRIPTION");
  return {
      {noun.get_name(), documented_in(synopsis.substr(0, synopsis.rfind(".Nm"))), documented_in(text), words_of(text)}};
}

std::set<std::string> names_of(const CLI::App& app) {
  std::set<std::string> names;
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) names.insert("--" + name);
    for (const auto& name : option->get_snames()) names.insert("-" + name);
  }
  return names;
}

const CLI::Option* find_option(const CLI::App& app, const std::string& name) {
  for (const auto* option : app.get_options())
    if (option->check_name(name)) return option;
  return nullptr;
}

/// All that the page says of one command, with what its line refers to; several entries may be of one command.
ManualEntry whole_entry(const std::string& name, const ManualPage& page, const std::vector<ManualEntry>& entries) {
  ManualEntry whole{name, {}, {}, {}};
  for (const auto& entry : entries) {
    if (entry.name != name) continue;
    whole.line.add(entry.line);
    whole.text.add(entry.text);
    whole.words += entry.words;
  }
  for (const auto& [word, section] : kShared) {
    if (whole.line.arguments.erase(word) == 0) continue;
    auto shared = documented_in(page.section(section));
    shared.arguments.clear();
    whole.line.add(shared);
  }
  return whole;
}

void expect_told(const CLI::App& command, const ManualEntry& entry) {
  for (const auto* option : command.get_options()) {
    if (option == command.get_help_ptr()) continue;
    const auto positional = option->get_positional() ? option->get_name(true, false) : std::string();
    if (!positional.empty()) {
      EXPECT_THAT(entry.line.arguments, Contains(positional));
    }
    const auto fallback = option->get_default_str();
    if (!fallback.empty()) {
      EXPECT_THAT(entry.words, HasSubstr(" " + fallback + " ")) << option->get_name() << "'s default";
    }
    // A tenant that is an argument may be an option everywhere: said once, at the page's beginning.
    if (positional == "TENANT") continue;
    for (const auto& name : option->get_lnames())
      EXPECT_TRUE(entry.line.options.contains("--" + name) || entry.text.options.contains("--" + name)) << name;
    for (const auto& name : option->get_snames())
      EXPECT_TRUE(entry.line.options.contains("-" + name) || entry.text.options.contains("-" + name)) << name;
  }
}

void expect_true(const CLI::App& command, const ManualEntry& entry, const std::set<std::string>& global) {
  const auto known = names_of(command);
  for (const auto& name : entry.line.options) EXPECT_THAT(known, Contains(name));
  for (const auto& name : entry.text.options) EXPECT_TRUE(known.contains(name) || global.contains(name)) << name;
  for (const auto& [name, values] : entry.line.value_names) {
    const auto* option = find_option(command, name);
    ASSERT_NE(option, nullptr) << name;
    auto type = option->get_type_name();
    type = type.substr(0, type.find('|'));
    EXPECT_EQ(values, std::set{type}) << name;
  }
  for (const auto& argument : entry.line.arguments) {
    const auto* option = command.get_option_no_throw(argument);
    EXPECT_TRUE(option != nullptr && option->get_positional()) << argument;
  }
}

TEST(Manual, EachNounHasAPageAndEachPageANoun) {
  CommandLine line;
  std::vector<std::string> wanted{"mtmsgctl.1"}, found;
  for (const auto* noun : commands_of(line.root)) wanted.push_back(page_of(*noun));
  for (const auto& file : manual_files())
    if (file.starts_with("mtmsgctl")) found.push_back(file);
  EXPECT_THAT(found, testing::UnorderedElementsAreArray(wanted));
}

TEST(Manual, TheOverviewNamesEachNounWithItsPage) {
  CommandLine line;
  const ManualPage page(manual_file("mtmsgctl.1"));
  std::string wanted;
  std::vector<std::string> names;
  for (const auto* noun : commands_of(line.root)) names.push_back(noun->get_name());
  std::ranges::sort(names);
  for (const auto& name : names) wanted += ".It Xr mtmsgctl-" + name + " 1\n";
  std::string found;
  std::istringstream lines(page.section("COMMANDS"));
  for (std::string text; std::getline(lines, text);)
    if (text.starts_with(".It ")) found += text + "\n";
  EXPECT_EQ(found, wanted);
}

TEST(Manual, EachPageIsOfItsNounAndHasExamplesAndExitStatus) {
  CommandLine line;
  for (const auto* noun : commands_of(line.root)) {
    const ManualPage page(manual_file(page_of(*noun)));
    SCOPED_TRACE(page_of(*noun));
    EXPECT_THAT(page.text(), HasSubstr("\n.Nm mtmsgctl-" + noun->get_name() + "\n.Nd "));
    EXPECT_THAT(page.section("SYNOPSIS"), HasSubstr(".Nm mtmsgctl " + noun->get_name() + "\n"));
    EXPECT_THAT(page.section("EXIT STATUS"), HasSubstr(".It 0\n"));
    EXPECT_THAT(page.section("SEE ALSO"), HasSubstr(".Xr mtmsgctl 1"));
    const auto examples = page.examples();
    EXPECT_FALSE(examples.empty());
    for (const auto& example : examples) EXPECT_THAT(example, HasSubstr("mtmsgctl "));
  }
}

TEST(Manual, EachVerbIsToldWithItsOptionsArgumentsAndDefaultsAndNothingElse) {
  CommandLine line;
  const auto global = names_of(line.root);
  for (const auto* noun : commands_of(line.root)) {
    const ManualPage page(manual_file(page_of(*noun)));
    const auto entries = entries_of(*noun, page);
    std::set<std::string> verbs;
    auto commands = commands_of(*noun);
    if (commands.empty()) commands.push_back(noun);
    for (const auto* command : commands) {
      const auto name = full_name(*command).substr(sizeof "mtmsgctl");
      SCOPED_TRACE(page_of(*noun) + ", " + name);
      verbs.insert(name);
      const auto entry = whole_entry(name, page, entries);
      expect_told(*command, entry);
      expect_true(*command, entry, global);
    }
    for (const auto& entry : entries) EXPECT_THAT(verbs, Contains(entry.name)) << page_of(*noun);
  }
}

TEST(Manual, NoPageNamesAnOptionThatIsNot) {
  CommandLine line;
  for (const auto* noun : commands_of(line.root)) {
    auto known = names_of(line.root);
    known.merge(names_of(*noun));
    for (const auto* verb : commands_of(*noun)) known.merge(names_of(*verb));
    for (const auto& name : documented_in(ManualPage(manual_file(page_of(*noun))).text()).options)
      EXPECT_THAT(known, Contains(name)) << page_of(*noun);
  }
}

/// The options before any noun, as ".It Fl …" of OPTIONS: each line's names with their values.
Documented global_options(const ManualPage& page) {
  Documented found;
  std::istringstream lines(page.section("OPTIONS"));
  for (std::string text; std::getline(lines, text);)
    if (text.starts_with(".It Fl ")) found.add(documented_in(text));
  return found;
}

TEST(Manual, TheOverviewHoldsEveryGlobalOptionWithItsDefaultAndNoOther) {
  CommandLine line;
  const ManualPage page(manual_file("mtmsgctl.1"));
  const auto found = global_options(page);
  EXPECT_EQ(found.options, names_of(line.root));
  for (const auto* option : line.root.get_options()) {
    const auto takes_value = option->get_items_expected_max() > 0;
    for (const auto& name : option->get_lnames()) {
      const auto values = found.value_names.find("--" + name);
      EXPECT_EQ(values != found.value_names.end(), takes_value) << name;
      if (takes_value && values != found.value_names.end()) {
        EXPECT_EQ(values->second, std::set{option->get_type_name()}) << name;
      }
    }
    const auto fallback = option->get_default_str();
    if (!fallback.empty()) {
      EXPECT_THAT(words_of(page.section("OPTIONS")), HasSubstr(" " + fallback + " "));
    }
  }
}

TEST(Manual, TheOverviewHoldsEveryVariableThatIsReadAndNoOther) {
  CommandLine line;
  std::set<std::string> wanted{"NO_COLOR", "XDG_CONFIG_HOME"}, found;
  for (const auto* option : line.root.get_options())
    if (const auto name = variable_of(*option); !name.empty()) wanted.insert(name);
  std::istringstream lines(ManualPage(manual_file("mtmsgctl.1")).section("ENVIRONMENT"));
  for (std::string text; std::getline(lines, text);) {
    if (!text.starts_with(".It Ev ")) continue;
    std::istringstream words(text.substr(4));
    for (std::string word; words >> word;)
      if (word.size() > 2) found.insert(word);
  }
  EXPECT_EQ(found, wanted);
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
  const auto file = manual_file("mtmsgctl-tenant.1");
  auto page = ManualPage(file).text();
  const auto begin = page.find(kBegin);
  const auto end = page.find(kEnd);
  ASSERT_TRUE(begin != std::string::npos && end != std::string::npos);
  const auto from = begin + kBegin.size();
  if (std::getenv("UPDATE_GENERATED") != nullptr) {
    page.replace(from, end - from, limits_text());
    std::ofstream(file, std::ios::binary) << page;
    return;
  }
  EXPECT_EQ(page.substr(from, end - from), limits_text());
}

}  // namespace
}  // namespace mtmsg::ctl
