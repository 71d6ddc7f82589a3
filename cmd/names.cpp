#include "cmd/names.hpp"

#include <algorithm>

#include "core/nearest.hpp"

namespace mtmsg::ctl {

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

CLI::App* find_command(CLI::App& app, const std::string& name) {
  const auto below = app.get_subcommands([](const CLI::App*) { return true; });
  const auto found = std::ranges::find_if(below, [&](const CLI::App* command) { return command->check_name(name); });
  return found == below.end() ? nullptr : *found;
}

const CLI::Option* find_option(const CLI::App* app, std::string_view name) {
  for (; app != nullptr; app = app->get_parent())
    for (const auto* option : app->get_options())
      if (option->check_name(std::string(name))) return option;
  return nullptr;
}

namespace {

std::string offer(std::string_view typed, const std::vector<std::string>& known) {
  const std::vector<std::string_view> views(known.begin(), known.end());
  const auto nearest = nearest_name(typed, views);
  return nearest ? "; did you mean '" + std::string(*nearest) + "'?" : std::string();
}

std::string unknown_option(const CLI::App* app, std::string_view typed) {
  std::vector<std::string> known;
  for (const auto* at = app; at != nullptr; at = at->get_parent())
    for (const auto* option : at->get_options())
      for (const auto& name : option->get_lnames()) known.push_back("--" + name);
  const bool is_number = typed.size() > 1 && typed[1] >= '0' && typed[1] <= '9';
  return "unknown option '" + std::string(typed) + "'" +
         (is_number ? "; an argument that begins with - goes after --" : offer(typed, known));
}

std::string unknown_command(const CLI::App& app, const std::string& typed) {
  std::vector<std::string> known;
  std::string list;
  for (const auto* command : commands_of(app)) {
    known.push_back(command->get_name());
    list += (list.empty() ? "" : ", ") + command->get_name();
  }
  const bool is_noun = app.get_parent() == nullptr;
  auto text = is_noun ? "unknown command '" + typed + "'" : "'" + app.get_name() + "' has no verb '" + typed + "'";
  const auto meant = offer(typed, known);
  return text + (meant.empty() ? "; there are: " + list : meant);
}

}  // namespace

std::optional<std::string> unknown_name(const CLI::App& root, std::span<const std::string> args) {
  const CLI::App* app = &root;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const auto& arg = args[i];
    if (arg == "--") return std::nullopt;
    if (arg.size() > 1 && arg.front() == '-') {
      const auto equals = arg.find('=');
      const auto name = arg.starts_with("--") ? arg.substr(0, equals) : arg.substr(0, 2);
      const auto* option = find_option(app, name);
      if (option == nullptr) return unknown_option(app, arg.starts_with("--") ? name : arg);
      const bool value_follows =
          option->get_type_size() != 0 && (arg.starts_with("--") ? equals == std::string::npos : arg.size() == 2);
      if (value_follows) ++i;
      continue;
    }
    const auto below = commands_of(*app);
    if (below.empty()) continue;
    const auto found =
        std::find_if(below.begin(), below.end(), [&](const CLI::App* command) { return command->check_name(arg); });
    if (found == below.end()) return unknown_command(*app, arg);
    app = *found;
  }
  return std::nullopt;
}

}  // namespace mtmsg::ctl
