#include "cmd/output/prose.hpp"

#include <algorithm>

namespace mtmsg::ctl {
namespace {

char printable(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
}

}  // namespace

void append_prose(std::string& out, std::string_view text, std::size_t indent, std::size_t width) {
  std::size_t column = indent;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (column > indent && column + 1 + word.size() > width) {
      out += '\n';
      out.append(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    std::ranges::transform(word, std::back_inserter(out), printable);
    column += word.size();
  }
  out += '\n';
}

}  // namespace mtmsg::ctl
