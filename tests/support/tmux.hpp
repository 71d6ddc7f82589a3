#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace mtmsg::test {

/// A terminal of so many columns and lines with a shell in it: tmux, with a server of its own. Ended with the object.
class Tmux {
 public:
  /// Its socket is in `folder`. Throws when there is no tmux.
  Tmux(const std::string& folder, std::size_t columns, std::size_t lines);
  ~Tmux();
  Tmux(const Tmux&) = delete;
  Tmux& operator=(const Tmux&) = delete;

  /// As if somebody typed it; "\n" is Enter.
  void type(const std::string& text);
  /// By tmux's name: "Escape", "C-c", "PPage".
  void key(const std::string& name);
  void resize(std::size_t columns, std::size_t lines);
  /// What it shows.
  std::string screen() const;
  /// From 0; empty when there is none.
  std::string line(std::size_t number) const;
  /// What tmux knows of it: "cursor_flag", "alternate_on".
  std::string asked(const std::string& variable) const;
  /// What it shows, into a file.
  void save(const std::string& file) const;

 private:
  std::string run_tmux(std::vector<std::string> arguments) const;

  const std::string socket_;
};

}  // namespace mtmsg::test
