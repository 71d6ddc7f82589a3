#pragma once

#include <cstddef>
#include <string>

#include "client/client.hpp"
#include "cmd/top/keys.hpp"
#include "wire/activity.hpp"

namespace mtmsg::ctl::top {

/// What somebody who watches has chosen, and what his keys change. Pure; one thread.
class View {
 public:
  explicit View(client::ActivityQuery query) : query_(std::move(query)) {}

  /// What a key asks for.
  enum class Wish {
    nothing,
    draw,   ///< the same data, shown otherwise
    fetch,  ///< other data
    quit,
  };
  Wish press(const KeyPress& key);

  /// So many rows fit on the screen.
  void resize(std::size_t rows) { rows_ = rows; }
  /// So many rows there are to scroll through.
  void have(std::size_t rows);

  /// What to ask the daemon for: no more rows than are shown, or scrolled past.
  client::ActivityQuery query() const;
  bool paused() const noexcept { return paused_; }
  bool helps() const noexcept { return help_; }
  bool edits() const noexcept { return editing_; }
  const std::string& edited() const noexcept { return edited_; }
  const std::string& filter() const noexcept { return query_.name; }
  std::size_t offset() const noexcept { return offset_; }

 private:
  Wish press_while_editing(const KeyPress& key);
  Wish command(char c);
  Wish scroll_to(std::size_t offset);
  Wish sort_by_next(int step);

  client::ActivityQuery query_;
  std::size_t rows_ = 0;
  std::size_t all_ = 0;
  std::size_t offset_ = 0;
  bool paused_ = false;
  bool help_ = false;
  bool editing_ = false;
  std::string edited_;
};

}  // namespace mtmsg::ctl::top
