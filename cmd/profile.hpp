#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

/// ~/.config/mtmsg/ctl.toml: a section for each daemon one talks to. Any thread.
namespace mtmsg::ctl {

struct ProfileValue {
  std::string key;  ///< as in the file: "token_file"
  std::string text;
  std::size_t line = 0;
};

struct Profiles {
  std::string file;
  std::string fallback;  ///< the key `default`: which one, where nothing else says
  std::vector<std::string> names;
  std::vector<ProfileValue> values;  ///< of all; their keys are "NAME.KEY"

  /// Of one profile, by their keys alone. Error: there is none of this name; with the nearest.
  Result<std::vector<ProfileValue>> of(std::string_view name) const;
};

/// Pure. `keys` are those a profile may have. Error: invalid_argument with "FILE:LINE: ", and the nearest key.
Result<Profiles> parse_profiles(std::string_view text, std::string file, const std::vector<std::string>& keys);
/// A file that is not there has no profiles. Error: as parse_profiles(), or it can't be read.
Result<Profiles> read_profiles(const std::string& file, const std::vector<std::string>& keys);
/// $XDG_CONFIG_HOME/mtmsg/ctl.toml, else ~/.config/mtmsg/ctl.toml; empty without a home.
std::string profiles_file();

}  // namespace mtmsg::ctl
