#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace mtmsg::test {

/// A child process, killed with the object. Its output goes to a file.
class Process {
 public:
  /// `environment` is added to the test's own.
  Process(std::vector<std::string> arguments, std::map<std::string, std::string> environment, std::string output_file);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void signal(int number) const;
  bool running();
  /// The exit code (128 + signal number when killed), or nothing if it still runs after `limit`.
  std::optional<int> wait(std::chrono::milliseconds limit);
  pid_t pid() const noexcept { return pid_; }
  /// User and system time used so far.
  std::chrono::milliseconds cpu_time() const;
  /// VmHWM: the largest resident size so far.
  std::size_t peak_memory_bytes() const;
  /// VmRSS: the resident size now.
  std::size_t memory_bytes() const;
  std::string output() const;

 private:
  std::size_t memory_line(const std::string& name) const;

  pid_t pid_ = -1;
  std::optional<int> exit_code_;
  std::string output_file_;
};

struct Finished {
  int exit_code = -1;
  std::string out;
  std::string err;
};

/// Runs a command to its end (at most `limit`), with `input` on its standard input.
Finished run(const std::vector<std::string>& arguments, const std::string& input = {},
             std::chrono::milliseconds limit = std::chrono::seconds(60));

/// Asks every few milliseconds until `condition` holds; false when the deadline came first.
template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds limit = std::chrono::seconds(30));

void short_pause();

template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    short_pause();
  }
  return true;
}

}  // namespace mtmsg::test
