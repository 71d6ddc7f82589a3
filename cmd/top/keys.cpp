#include "cmd/top/keys.hpp"

#include <algorithm>

namespace mtmsg::ctl::top {
namespace {

constexpr char kEscape = '\x1b';
/// A longer one is none that we know.
constexpr std::size_t kLongestSequence = 16;

struct Sequence {
  std::string_view bytes;  ///< after the introducer
  Key key;
};
constexpr Sequence kSequences[] = {{"A", Key::up},       {"B", Key::down},       {"H", Key::home},  {"F", Key::end},
                                   {"5~", Key::page_up}, {"6~", Key::page_down}, {"1~", Key::home}, {"4~", Key::end},
                                   {"7~", Key::home},    {"8~", Key::end}};

Key key_of(std::string_view sequence) {
  const auto found = std::ranges::find(kSequences, sequence, &Sequence::bytes);
  return found == std::end(kSequences) ? Key::other : found->key;
}

KeyPress single(char c) {
  switch (c) {
    case '\r':
    case '\n':
      return {Key::enter, 0};
    case '\b':
    case '\x7f':
      return {Key::backspace, 0};
    case '\x0c':
      return {Key::redraw, 0};
    default:
      return c >= ' ' && c <= '~' ? KeyPress{Key::character, c} : KeyPress{Key::other, 0};
  }
}

}  // namespace

std::vector<KeyPress> KeyReader::feed(std::string_view bytes) {
  pending_ += bytes;
  std::vector<KeyPress> keys;
  while (auto key = take()) keys.push_back(*key);
  return keys;
}

std::optional<KeyPress> KeyReader::settle() {
  if (pending_.empty()) return std::nullopt;
  pending_.clear();
  return KeyPress{Key::escape, 0};
}

std::optional<KeyPress> KeyReader::take() {
  if (pending_.empty()) return std::nullopt;
  if (pending_.front() == kEscape) return take_sequence();
  const auto key = single(pending_.front());
  pending_.erase(0, 1);
  return key;
}

std::optional<KeyPress> KeyReader::take_sequence() {
  if (pending_.size() < 2) return std::nullopt;
  if (pending_[1] != '[' && pending_[1] != 'O') {
    pending_.erase(0, 1);
    return KeyPress{Key::escape, 0};
  }
  // CSI: parameters and intermediates, then one final byte from @ to ~ (ECMA-48, 5.4).
  const auto final_byte =
      std::find_if(pending_.begin() + 2, pending_.end(), [](char c) { return c >= '@' && c <= '~'; });
  if (final_byte == pending_.end()) {
    if (pending_.size() < kLongestSequence) return std::nullopt;
    pending_.clear();
    return KeyPress{Key::other, 0};
  }
  const auto key = key_of({pending_.begin() + 2, final_byte + 1});
  pending_.erase(pending_.begin(), final_byte + 1);
  return KeyPress{key, 0};
}

}  // namespace mtmsg::ctl::top
