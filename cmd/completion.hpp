#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/app.hpp"

/// What a shell offers at TAB. The scripts in completions/ ask `mtmsgctl __complete -- WORDS...`, whose last word is
/// the one the cursor is in, and take the answer as it is: so every shell knows what the command tree knows.
namespace mtmsg::ctl {

/// The first word of a line that asks for a completion. No command: it stands in no help.
inline constexpr std::string_view kCompleteWord = "__complete";

struct Candidate {
  std::string text;  ///< the whole word
  std::string help = {};
  friend bool operator==(const Candidate&, const Candidate&) = default;
};

struct Offer {
  /// What the shell finds by itself, besides.
  enum class Files { none, any, folders };
  /// What only a daemon, or a file, can tell.
  enum class Ask { nothing, tenants, profiles };

  std::vector<Candidate> candidates;
  Files files = Files::none;
  Ask ask = Ask::nothing;
  std::string before;  ///< stands before each candidate: "--tenant="
  std::string typed;   ///< what there is of the value
};

/// What the last of `words` may become. Sets the root's options to what stands before it. Pure.
Offer offer_for(CommandLine& line, std::span<const std::string> words);

/// The values that an option or argument of this kind ("FORMAT", its type's name) may have; empty: it is free.
std::vector<std::string> choices_of(std::string_view kind);

/// Prints the offer: a candidate a line, "text TAB help"; then ":files" or ":folders". Never longer than two
/// seconds, and never an error: where a daemon does not answer, there is nothing to offer.
void complete(std::span<const std::string> words, const Surroundings& around, const std::string& profiles = {});

}  // namespace mtmsg::ctl
