#include "cmd/help.hpp"

#include <string_view>
#include <utility>
#include <vector>

namespace mtmsg::ctl {
namespace {

constexpr std::size_t kWidth = 80;
constexpr std::size_t kWidestName = 26;

using Rows = std::vector<std::pair<std::string, std::string>>;

bool is_help(const CLI::App& app, const CLI::Option* option) {
  return option == app.get_help_ptr();
}

std::string option_names(const CLI::Option& option) {
  std::string names;
  for (const auto& name : option.get_snames()) names += (names.empty() ? "-" : ", -") + name;
  for (const auto& name : option.get_lnames()) names += (names.empty() ? "--" : ", --") + name;
  if (option.get_type_size() != 0) names += " " + option.get_type_name();
  return names;
}

std::string description_of(const CLI::Option& option) {
  auto text = option.get_description();
  if (!option.get_default_str().empty()) text += " (default: " + option.get_default_str() + ")";
  return text;
}

/// Breaks `text` between words so that it fits beside what stands before it.
void append_wrapped(std::string& out, std::string_view text, std::size_t indent) {
  std::size_t column = indent;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (column > indent && column + 1 + word.size() > kWidth) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    }
    if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  out += '\n';
}

void append_section(std::string& out, std::string_view title, const Rows& rows) {
  if (rows.empty()) return;
  std::size_t width = 0;
  for (const auto& [name, text] : rows)
    if (name.size() <= kWidestName) width = std::max(width, name.size());
  out += "\n" + std::string(title) + ":\n";
  const auto indent = width + 4;
  for (const auto& [name, text] : rows) {
    out += "  " + name;
    if (name.size() > width)
      out += "\n" + std::string(indent, ' ');
    else
      out.append(indent - 2 - name.size(), ' ');
    append_wrapped(out, text, indent);
  }
}

void append_examples(std::string& out, const std::string& examples) {
  if (examples.empty()) return;
  out += "\nExamples:\n";
  for (std::size_t at = 0; at < examples.size();) {
    const auto end = std::min(examples.find('\n', at), examples.size());
    out += "  " + examples.substr(at, end - at) + "\n";
    at = end + 1;
  }
}

std::string usage_of(const CLI::App& app, bool has_commands) {
  auto usage = "Usage: " + full_name(app) + " [OPTION]...";
  if (has_commands) usage += app.get_parent() == nullptr ? " NOUN [VERB]" : " VERB";
  for (const auto* option : app.get_options()) {
    if (!option->get_positional()) continue;
    const auto name = option->get_name(true, false) + (option->get_expected_max() > 1 ? "..." : "");
    usage += option->get_required() ? " " + name : " [" + name + "]";
  }
  return usage + "\n";
}

}  // namespace

std::string full_name(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name() : full_name(*app.get_parent()) + " " + app.get_name();
}

std::string help_of(const CLI::App& app) {
  Rows arguments, options, commands;
  for (const auto* option : app.get_options()) {
    if (option->get_positional()) arguments.emplace_back(option->get_name(true, false), option->get_description());
    if (option->nonpositional() && !is_help(app, option))
      options.emplace_back(option_names(*option),
                           option->get_positional() ? "The same, as an option" : description_of(*option));
  }
  options.emplace_back("-h, --help", "Show this text");
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; }))
    commands.emplace_back(command->get_name(), command->get_description());

  auto out = usage_of(app, !commands.empty()) + "\n";
  append_wrapped(out, app.get_description(), 0);
  append_section(out, app.get_parent() == nullptr ? "Commands" : "Verbs", commands);
  append_section(out, "Arguments", arguments);
  append_section(out, "Options", options);
  append_examples(out, app.get_footer());
  if (!commands.empty())
    out += "\n'" + full_name(app) + (app.get_parent() == nullptr ? " NOUN" : " VERB") + " --help' tells more.\n";
  if (app.get_parent() == nullptr)
    out += "\nEach option may come from a variable, as --token-file from MTMSGCTL_TOKEN_FILE,\nor from a profile.\n";
  else
    out += "\n'mtmsgctl --help' lists the options every command takes.\n";
  return out;
}

}  // namespace mtmsg::ctl
