#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mtmsg::config {

/// One key of a TOML document, as it was written.
struct TomlEntry {
  enum class Type { string, integer, boolean, table, other };
  std::string name;  ///< section.key, or only the key outside a section
  Type type = Type::other;
  std::string text;  ///< a string's, integer's (decimal) or boolean's value
  std::size_t line = 0;
};

struct TomlError {
  std::string what;
  std::size_t line = 0;
};

struct TomlDocument {
  std::vector<TomlEntry> entries;  ///< in the order of their lines; sections are not listed, only what is in them
  std::vector<TomlEntry> sections;
  std::optional<TomlError> error;
};

/// The only place that knows the TOML library. Pure.
TomlDocument read_toml(std::string_view text);

}  // namespace mtmsg::config
