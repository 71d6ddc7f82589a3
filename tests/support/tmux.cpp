#include "support/tmux.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>

#include "support/process.hpp"

namespace mtmsg::test {

Tmux::Tmux(const std::string& folder, std::size_t columns, std::size_t lines) : socket_(folder + "/tmux") {
  run_tmux({"-f", "/dev/null", "new-session", "-d", "-x", std::to_string(columns), "-y", std::to_string(lines), "env",
            "PS1=$ ", "bash", "--norc", "--noprofile", "-i"});
  // Without it a window would take the size of a client that looks on, or a default.
  run_tmux({"set-option", "-g", "window-size", "manual"});
  run_tmux({"set-option", "-g", "status", "off"});
  run_tmux({"set-option", "-s", "escape-time", "0"});
  resize(columns, lines);
}

Tmux::~Tmux() {
  run({"tmux", "-S", socket_, "kill-server"});
}

void Tmux::type(const std::string& text) {
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part);) {
    if (!part.empty()) run_tmux({"send-keys", "-l", part});
    if (!parts.eof()) run_tmux({"send-keys", "Enter"});
  }
}

void Tmux::key(const std::string& name) {
  run_tmux({"send-keys", name});
}

void Tmux::resize(std::size_t columns, std::size_t lines) {
  run_tmux({"resize-window", "-x", std::to_string(columns), "-y", std::to_string(lines)});
}

std::string Tmux::screen() const {
  return run_tmux({"capture-pane", "-p"});
}

std::string Tmux::line(std::size_t number) const {
  std::istringstream lines(screen());
  std::string line;
  for (std::size_t i = 0; i <= number; ++i)
    if (!std::getline(lines, line)) return {};
  return line;
}

std::string Tmux::asked(const std::string& variable) const {
  auto value = run_tmux({"display-message", "-p", "#{" + variable + "}"});
  while (value.ends_with('\n')) value.pop_back();
  return value;
}

void Tmux::save(const std::string& file) const {
  std::ofstream(file, std::ios::binary) << screen();
}

std::string Tmux::run_tmux(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), {"tmux", "-S", socket_});
  const auto ended = run(arguments);
  if (ended.exit_code != 0) throw std::runtime_error("tmux: " + ended.err);
  return ended.out;
}

}  // namespace mtmsg::test
