#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "config/config.hpp"
#include "core/result.hpp"

/// The table of options: one row holds everything about one option. The loader, the environment variables,
/// --check-config, the sample configuration and the manual page come from it or are tested against it.
namespace mtmsg::config {

/// Where the value of an option of type T lives in a Config.
template <class T>
using Field = T& (*)(Config&);

struct Text {
  Field<std::string> field;
};
struct Flag {
  Field<bool> field;
};
struct Number {
  Field<unsigned> field;
  unsigned least;
  unsigned most;
};
struct Size {
  Field<Bytes> field;
  std::size_t least;
  std::size_t most;
};
struct Duration {
  Field<std::chrono::milliseconds> field;
  std::chrono::milliseconds least;
  std::chrono::milliseconds most;
};
struct Mode {
  Field<FileMode> field;
};
/// One of a closed list of names; the position in the list is the enumerator.
struct Choice {
  std::span<const std::string_view> names;
  std::size_t (*get)(const Config&);
  void (*set)(Config&, std::size_t);
};

struct Option {
  std::string_view name;      ///< section.key
  std::string_view fallback;  ///< the default, as an environment variable would give it
  std::string_view help;      ///< one or two sentences
  std::variant<Text, Flag, Number, Size, Duration, Mode, Choice> kind;
  bool reloadable = false;  ///< may change while the daemon runs (SIGHUP)
  bool secret = false;      ///< never shown
  /// "database.url" for database.url_file: the path of a file that holds that option's value.
  std::string_view file_of = {};

  std::string_view section() const noexcept { return name.substr(0, name.find('.')); }
  std::string_view key() const noexcept { return name.substr(name.find('.') + 1); }
};

/// All of them, section by section, in the order they are shown.
std::span<const Option> options() noexcept;
const Option* find_option(std::string_view name) noexcept;

/// http.max_body_bytes → MTMSG_HTTP_MAX_BODY_BYTES.
std::string environment_name(const Option& option);

/// What kind of value, with its bounds, for people: "a number from 1 to 64", "a duration such as \"30s\" …".
std::string describe_kind(const Option& option);

/// Reads `text` as an environment variable would give it. Error: invalid_argument, naming what is wanted.
Result<void> assign(const Option& option, Config& config, std::string_view text);

/// The value as `assign` takes it. Secrets come out in full: show() in print.hpp is for people.
std::string value_of(const Option& option, const Config& config);

}  // namespace mtmsg::config
