#include "support/process.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace mtmsg::test {
namespace {

std::string slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (auto& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

pid_t spawn(std::vector<std::string> arguments, const std::map<std::string, std::string>& extra,
            const std::string& input_file, const std::string& out_file, const std::string& err_file) {
  std::vector<std::string> environment;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    if (!extra.contains(text.substr(0, text.find('=')))) environment.push_back(text);
  }
  for (const auto& [name, value] : extra) {
    if (!value.empty()) environment.push_back(name + "=" + value);
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, input_file.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, out_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (err_file == out_file) {
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
  } else {
    posix_spawn_file_actions_addopen(&actions, 2, err_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  }
  pid_t pid = -1;
  const int failed = posix_spawnp(&pid, arguments.front().c_str(), &actions, nullptr, pointers(arguments).data(),
                                  pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::runtime_error("cannot start " + arguments.front());
  return pid;
}

int exit_code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string proc_file(pid_t pid, const char* name) {
  return slurp("/proc/" + std::to_string(pid) + "/" + name);
}

}  // namespace

void short_pause() {
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
}

Process::Process(std::vector<std::string> arguments, std::map<std::string, std::string> environment,
                 std::string output_file)
    : output_file_(std::move(output_file)) {
  pid_ = spawn(std::move(arguments), environment, "/dev/null", output_file_, output_file_);
}

Process::~Process() {
  if (!running()) return;
  signal(SIGKILL);
  wait(std::chrono::seconds(10));
}

void Process::signal(int number) const {
  ::kill(pid_, number);
}

bool Process::running() {
  return !wait(std::chrono::milliseconds(0)).has_value();
}

std::optional<int> Process::wait(std::chrono::milliseconds limit) {
  const auto ended = [this] {
    int status = 0;
    if (!exit_code_ && ::waitpid(pid_, &status, WNOHANG) == pid_) exit_code_ = exit_code_of(status);
    return exit_code_.has_value();
  };
  if (!ended() && limit.count() > 0) eventually(ended, limit);
  return exit_code_;
}

std::chrono::milliseconds Process::cpu_time() const {
  // proc(5), /proc/pid/stat: fields 14 and 15 after the command's closing parenthesis, in clock ticks.
  const auto text = proc_file(pid_, "stat");
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  long user = 0;
  long system = 0;
  fields >> user >> system;
  return std::chrono::milliseconds((user + system) * 1000 / ::sysconf(_SC_CLK_TCK));
}

std::size_t Process::peak_memory_bytes() const {
  return memory_line("VmHWM:");
}

std::size_t Process::memory_bytes() const {
  return memory_line("VmRSS:");
}

std::size_t Process::memory_line(const std::string& name) const {
  const auto text = proc_file(pid_, "status");
  const auto at = text.find(name);
  return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + name.size(), nullptr, 10) * 1024;
}

std::string Process::output() const {
  return slurp(output_file_);
}

Finished run(const std::vector<std::string>& arguments, const std::string& input, std::chrono::milliseconds limit) {
  char folder[] = "/tmp/mtmsg-run-XXXXXX";
  if (::mkdtemp(folder) == nullptr) throw std::runtime_error("cannot make a temporary folder");
  const std::string base = folder;
  std::ofstream(base + "/in", std::ios::binary) << input;
  const pid_t pid = spawn(arguments, {}, base + "/in", base + "/out", base + "/err");
  Finished finished;
  int status = 0;
  const bool ended = eventually([&] { return ::waitpid(pid, &status, WNOHANG) == pid; }, limit);
  if (!ended) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, &status, 0);
  }
  finished.exit_code = exit_code_of(status);
  finished.out = slurp(base + "/out");
  finished.err = slurp(base + "/err");
  for (const char* name : {"/in", "/out", "/err"}) ::unlink((base + name).c_str());
  ::rmdir(folder);
  return finished;
}

}  // namespace mtmsg::test
