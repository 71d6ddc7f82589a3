#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace mtmsg::ctl {

/// What a piece of a manual page says of a command's options and arguments.
struct Documented {
  std::set<std::string> options;                             ///< "--workers", "-y"
  std::map<std::string, std::set<std::string>> value_names;  ///< of an option's value, where one stands behind it
  std::set<std::string> arguments;                           ///< of the others: "TENANT"

  void add(const Documented& more);
};

/// One verb's place on its page.
struct ManualEntry {
  std::string name;   ///< "tenant create"
  Documented line;    ///< on the line of its name
  Documented text;    ///< in what stands below
  std::string words;  ///< all of it, without macros
};

/// A page in mdoc(7), taken apart as far as it concerns the command line.
class ManualPage {
 public:
  /// Throws when there is no such file.
  explicit ManualPage(std::string file);

  const std::string& text() const noexcept { return text_; }
  /// Empty when there is none.
  std::string section(std::string_view title) const;
  /// Titles, in order.
  std::vector<std::string> sections() const;
  /// Each ".It Cm …" of the section.
  std::vector<ManualEntry> entries(std::string_view section) const;
  /// Commands in an EXAMPLES section: each literal display.
  std::vector<std::string> examples() const;

 private:
  std::string text_;
};

/// What lines of mdoc say; other macros than Ar and Fl are passed over.
Documented documented_in(std::string_view lines);
/// The words that are shown.
std::string words_of(std::string_view lines);
/// "man/mtmsgctl-tenant.1" of the source tree, and of all its pages.
std::string manual_file(std::string_view page);
std::vector<std::string> manual_files();

}  // namespace mtmsg::ctl
