#include "config/reload.hpp"

namespace mtmsg::config {

Changes changes(const Config& running, const Config& wanted) {
  Changes found;
  for (const auto& option : options()) {
    if (value_of(option, running) == value_of(option, wanted)) continue;
    (option.reloadable ? found.reloadable : found.need_restart).push_back(&option);
  }
  return found;
}

Config reloaded(const Config& running, const Config& wanted) {
  auto config = running;
  for (const auto& option : options())
    if (option.reloadable) assign(option, config, value_of(option, wanted)).value();
  return config;
}

std::string names_of(const std::vector<const Option*>& options) {
  std::string text;
  for (const auto* option : options) {
    if (!text.empty()) text += ", ";
    text += option->name;
  }
  return text;
}

}  // namespace mtmsg::config
