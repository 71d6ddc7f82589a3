#include "tests/unit/cmd/manual_page.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include "support/paths.hpp"

namespace mtmsg::ctl {
namespace {

constexpr std::string_view kPunctuation = ".,:;()[]?!|";

std::vector<std::string> lines_of(std::string_view text) {
  std::istringstream in{std::string(text)};
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// A macro's name: a capital and a small letter, as those of mdoc(7) that stand inside a line.
bool is_macro(std::string_view word) {
  return word.size() == 2 && word[0] >= 'A' && word[0] <= 'Z' && word[1] >= 'a' && word[1] <= 'z';
}

bool is_punctuation(std::string_view word) {
  return word.size() == 1 && kPunctuation.find(word[0]) != std::string_view::npos;
}

bool starts_nested(std::string_view line) {
  return line.starts_with(".Bl") || line.starts_with(".Bd");
}

bool ends_nested(std::string_view line) {
  return line.starts_with(".El") || line.starts_with(".Ed");
}

void read_line(Documented& out, const std::string& line) {
  if (!line.starts_with('.')) return;
  std::istringstream words(line.substr(1));
  std::string macro, option;
  for (std::string word; words >> word;) {
    if (is_macro(word)) {
      if (word == "Oc" || word == "Oo" || word == "Op") option.clear();
      macro = word;
      continue;
    }
    if (is_punctuation(word) || word == "...") continue;
    if (macro == "Fl") {
      option = "-" + word;
      out.options.insert(option);
    } else if (macro == "Ar" && !option.empty()) {
      out.value_names[option].insert(word);
      option.clear();
    } else if (macro == "Ar") {
      out.arguments.insert(word);
    }
  }
}

}  // namespace

void Documented::add(const Documented& more) {
  options.insert(more.options.begin(), more.options.end());
  for (const auto& [option, names] : more.value_names) value_names[option].insert(names.begin(), names.end());
  arguments.insert(more.arguments.begin(), more.arguments.end());
}

Documented documented_in(std::string_view lines) {
  Documented out;
  for (const auto& line : lines_of(lines)) read_line(out, line);
  return out;
}

std::string words_of(std::string_view lines) {
  std::string out;
  for (const auto& line : lines_of(lines)) {
    std::istringstream words(line.starts_with('.') ? line.substr(1) : line);
    for (std::string word; words >> word;) {
      if (is_macro(word)) continue;
      while (word.size() > 1 && (word.ends_with('.') || word.ends_with(','))) word.pop_back();
      out += " " + word;
    }
  }
  return out + " ";
}

ManualPage::ManualPage(std::string file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error("there is no page " + file);
  text_.assign(std::istreambuf_iterator<char>(in), {});
}

std::string ManualPage::section(std::string_view title) const {
  const auto head = "\n.Sh " + std::string(title) + "\n";
  const auto begin = text_.find(head);
  if (begin == std::string::npos) return {};
  const auto from = begin + head.size();
  return text_.substr(from, text_.find("\n.Sh ", from) + 1 - from);
}

std::vector<std::string> ManualPage::sections() const {
  std::vector<std::string> titles;
  for (const auto& line : lines_of(text_))
    if (line.starts_with(".Sh ")) titles.push_back(line.substr(4));
  return titles;
}

std::vector<ManualEntry> ManualPage::entries(std::string_view title) const {
  std::vector<ManualEntry> found;
  int depth = 0;
  for (const auto& line : lines_of(section(title))) {
    depth += starts_nested(line) ? 1 : ends_nested(line) ? -1 : 0;
    if (depth == 1 && line.starts_with(".It Cm ")) {
      std::istringstream words(line.substr(7));
      ManualEntry entry;
      for (std::string word; words >> word && !is_macro(word);) entry.name += (entry.name.empty() ? "" : " ") + word;
      entry.line = documented_in(line);
      found.push_back(std::move(entry));
    } else if (depth >= 1 && !found.empty()) {
      found.back().text.add(documented_in(line));
    }
    if (!found.empty()) found.back().words += words_of(line);
  }
  return found;
}

std::vector<std::string> ManualPage::examples() const {
  std::vector<std::string> found;
  bool inside = false;
  for (auto line : lines_of(section("EXAMPLES"))) {
    if (line.starts_with(".Bd")) found.emplace_back();
    const bool was_inside = inside;
    inside = line.starts_with(".Bd") || (inside && !line.starts_with(".Ed"));
    if (!was_inside || !inside) continue;
    for (auto at = line.find("\\e"); at != std::string::npos; at = line.find("\\e", at + 1)) line.replace(at, 2, "\\");
    found.back() += line + "\n";
  }
  return found;
}

std::string manual_file(std::string_view page) {
  return MTMSG_SOURCE_DIR "/man/" + std::string(page);
}

std::vector<std::string> manual_files() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(MTMSG_SOURCE_DIR "/man"))
    files.push_back(entry.path().filename().string());
  std::ranges::sort(files);
  return files;
}

}  // namespace mtmsg::ctl
