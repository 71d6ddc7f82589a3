#include "cmd/profile.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "config/secret_file.hpp"
#include "config/toml_file.hpp"
#include "core/nearest.hpp"

namespace mtmsg::ctl {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{256} << 10U;
constexpr std::string_view kDefault = "default";

using Type = config::TomlEntry::Type;

Error at(const std::string& file, std::size_t line, std::string_view what) {
  return fail(ErrorCode::invalid_argument, file + ":" + std::to_string(line) + ": " + std::string(what));
}

std::string offer(std::string_view typed, const std::vector<std::string>& names) {
  const std::vector<std::string_view> known(names.begin(), names.end());
  if (const auto nearest = nearest_name(typed, known)) return "; did you mean '" + std::string(*nearest) + "'?";
  std::string list;
  for (const auto name : known) list.append(list.empty() ? "" : ", ").append(name);
  return known.empty() ? std::string() : "; there are: " + list;
}

/// A key outside the profiles; only one has a meaning.
Result<void> read_top(Profiles& profiles, const config::TomlEntry& entry) {
  if (entry.name != kDefault)
    return at(profiles.file, entry.line,
              "'" + entry.name + "' stands outside a profile; begin one with [NAME], or say default = \"NAME\"");
  if (entry.type != Type::string) return at(profiles.file, entry.line, "'default' is the name of a profile, in quotes");
  profiles.fallback = entry.text;
  return {};
}

Result<void> read_value(Profiles& profiles, const config::TomlEntry& entry, std::string_view key,
                        const std::vector<std::string>& keys) {
  if (std::ranges::find(keys, key) == keys.end())
    return at(profiles.file, entry.line, "a profile has no key '" + std::string(key) + "'" + offer(key, keys));
  if (entry.type != Type::string && entry.type != Type::integer && entry.type != Type::boolean)
    return at(profiles.file, entry.line, "'" + std::string(key) + "' is a text, a whole number, true or false");
  profiles.values.push_back({entry.name, entry.text, entry.line});
  return {};
}

}  // namespace

Result<std::vector<ProfileValue>> Profiles::of(std::string_view name) const {
  if (std::ranges::find(names, name) == names.end())
    return fail(ErrorCode::invalid_argument,
                "there is no profile '" + std::string(name) + "' in " + file + offer(name, names));
  std::vector<ProfileValue> found;
  const auto begin = std::string(name) + ".";
  for (const auto& value : values)
    if (value.key.starts_with(begin)) found.push_back({value.key.substr(begin.size()), value.text, value.line});
  return found;
}

Result<Profiles> parse_profiles(std::string_view text, std::string file, const std::vector<std::string>& keys) {
  const auto document = config::read_toml(text);
  Profiles profiles;
  profiles.file = std::move(file);
  if (document.error) return at(profiles.file, document.error->line, document.error->what);
  for (const auto& section : document.sections) {
    if (section.name.find('.') != std::string::npos)
      return at(profiles.file, section.line, "the name of a profile has no dot in it");
    profiles.names.push_back(section.name);
  }
  for (const auto& entry : document.entries) {
    const auto dot = entry.name.find('.');
    const auto read = dot == std::string::npos
                          ? read_top(profiles, entry)
                          : read_value(profiles, entry, std::string_view(entry.name).substr(dot + 1), keys);
    if (!read) return read.error();
  }
  return profiles;
}

Result<Profiles> read_profiles(const std::string& file, const std::vector<std::string>& keys) {
  Profiles none;
  none.file = file;
  if (file.empty()) return none;
  const auto text = config::read_file(file, kMaxFileBytes);
  if (!text && text.error().code == ErrorCode::not_found) return none;
  if (!text) return text.error();
  return parse_profiles(*text, file, keys);
}

std::string profiles_file() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::filesystem::path(value == nullptr ? "" : value);
  };
  // The XDG base directory specification: a relative one is passed over.
  auto folder = variable("XDG_CONFIG_HOME");
  if (!folder.is_absolute()) {
    if (variable("HOME").empty()) return {};
    folder = variable("HOME") / ".config";
  }
  return folder / "mtmsg" / "ctl.toml";
}

}  // namespace mtmsg::ctl
