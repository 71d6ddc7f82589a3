#include "cmd/top/view.hpp"

#include <algorithm>

namespace mtmsg::ctl::top {
namespace {

constexpr std::size_t kLongestFilter = 63;
constexpr std::size_t kMostRows = 1000;

bool fits_a_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

}  // namespace

View::Wish View::press(const KeyPress& key) {
  if (editing_) return press_while_editing(key);
  if (help_) {
    help_ = false;
    return key == KeyPress{Key::character, 'q'} ? Wish::quit : Wish::draw;
  }
  switch (key.key) {
    case Key::character:
      return command(key.character);
    case Key::up:
      return scroll_to(offset_ - std::min<std::size_t>(offset_, 1));
    case Key::down:
      return scroll_to(offset_ + 1);
    case Key::page_up:
      return scroll_to(offset_ - std::min(offset_, rows_));
    case Key::page_down:
      return scroll_to(offset_ + rows_);
    case Key::home:
      return scroll_to(0);
    case Key::end:
      return scroll_to(all_);
    case Key::escape:
      if (query_.name.empty()) return Wish::nothing;
      query_.name.clear();
      offset_ = 0;
      return Wish::fetch;
    case Key::redraw:
      return Wish::draw;
    default:
      return Wish::nothing;
  }
}

View::Wish View::command(char c) {
  switch (c) {
    case 'q':
    case 'Q':
      return Wish::quit;
    case 'p':
    case ' ':
      paused_ = !paused_;
      return paused_ ? Wish::draw : Wish::fetch;
    case 's':
      return sort_by_next(1);
    case 'S':
      return sort_by_next(-1);
    case 'r':
      query_.direction =
          query_.direction == wire::Direction::natural ? wire::Direction::reverse : wire::Direction::natural;
      return Wish::fetch;
    case '/':
      editing_ = true;
      edited_ = query_.name;
      return Wish::draw;
    case 'j':
      return scroll_to(offset_ + 1);
    case 'k':
      return scroll_to(offset_ - std::min<std::size_t>(offset_, 1));
    case 'h':
    case '?':
      help_ = true;
      return Wish::draw;
    default:
      return Wish::nothing;
  }
}

View::Wish View::press_while_editing(const KeyPress& key) {
  switch (key.key) {
    case Key::character:
      if (!fits_a_name(key.character) || edited_.size() == kLongestFilter) return Wish::nothing;
      edited_ += key.character;
      return Wish::draw;
    case Key::backspace:
      if (!edited_.empty()) edited_.pop_back();
      return Wish::draw;
    case Key::enter:
      editing_ = false;
      query_.name = edited_;
      offset_ = 0;
      return Wish::fetch;
    case Key::escape:
      editing_ = false;
      return Wish::draw;
    default:
      return Wish::draw;
  }
}

View::Wish View::sort_by_next(int step) {
  constexpr auto kCount = static_cast<int>(std::size(wire::kActivitySorts));
  const auto next = (static_cast<int>(query_.sort) + step + kCount) % kCount;
  query_.sort = wire::kActivitySorts[next];
  offset_ = 0;
  return Wish::fetch;
}

View::Wish View::scroll_to(std::size_t offset) {
  const auto furthest = all_ > rows_ ? std::min(all_, kMostRows) - std::min(rows_, kMostRows) : 0;
  const auto target = std::min(offset, furthest);
  if (target == offset_) return Wish::nothing;
  offset_ = target;
  return paused_ ? Wish::draw : Wish::fetch;
}

void View::have(std::size_t rows) {
  all_ = rows;
  offset_ = all_ > rows_ ? std::min(offset_, all_ - rows_) : 0;
}

client::ActivityQuery View::query() const {
  auto query = query_;
  query.limit = static_cast<unsigned>(std::clamp<std::size_t>(offset_ + rows_, 1, kMostRows));
  return query;
}

}  // namespace mtmsg::ctl::top
