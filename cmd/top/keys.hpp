#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mtmsg::ctl::top {

enum class Key { character, enter, escape, backspace, up, down, page_up, page_down, home, end, redraw, other };

struct KeyPress {
  Key key = Key::other;
  char character = 0;  ///< of Key::character: printable ASCII
  friend bool operator==(const KeyPress&, const KeyPress&) = default;
};

/// What a terminal sends, as keys (ECMA-48, and what xterm sends for its keypad). Pure; keeps a sequence that has only
/// begun. One thread.
class KeyReader {
 public:
  std::vector<KeyPress> feed(std::string_view bytes);
  /// Nothing came for a moment: an escape that began nothing is the key.
  std::optional<KeyPress> settle();

 private:
  /// Takes one key off the front; nothing: what is there has only begun.
  std::optional<KeyPress> take();
  std::optional<KeyPress> take_sequence();

  std::string pending_;
};

}  // namespace mtmsg::ctl::top
