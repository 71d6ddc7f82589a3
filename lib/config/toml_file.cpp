#include "config/toml_file.hpp"

#include <algorithm>

#include <toml++/toml.h>

namespace mtmsg::config {
namespace {

TomlEntry entry_from(std::string name, const toml::key& key, const toml::node& node) {
  using Type = TomlEntry::Type;
  TomlEntry entry{std::move(name), Type::other, {}, key.source().begin.line};
  if (const auto* const text = node.as_string()) {
    entry.type = Type::string;
    entry.text = text->get();
  } else if (const auto* const number = node.as_integer()) {
    entry.type = Type::integer;
    entry.text = std::to_string(number->get());
  } else if (const auto* const flag = node.as_boolean()) {
    entry.type = Type::boolean;
    entry.text = flag->get() ? "true" : "false";
  } else if (node.is_table()) {
    entry.type = Type::table;
  }
  return entry;
}

void flatten(const toml::table& root, TomlDocument& document) {
  for (const auto& [key, node] : root) {
    const std::string name(key.str());
    const auto* const section = node.as_table();
    if (section == nullptr) {
      document.entries.push_back(entry_from(name, key, node));
      continue;
    }
    document.sections.push_back(entry_from(name, key, node));
    for (const auto& [inner, value] : *section) {
      document.entries.push_back(entry_from(name + '.' + std::string(inner.str()), inner, value));
    }
  }
}

}  // namespace

TomlDocument read_toml(std::string_view text) {
  TomlDocument document;
  try {
    flatten(toml::parse(text), document);
  } catch (const toml::parse_error& error) {
    document.error = TomlError{std::string(error.description()), error.source().begin.line};
  }
  const auto by_line = [](const TomlEntry& a, const TomlEntry& b) { return a.line < b.line; };
  std::stable_sort(document.entries.begin(), document.entries.end(), by_line);
  std::stable_sort(document.sections.begin(), document.sections.end(), by_line);
  return document;
}

}  // namespace mtmsg::config
