// Runs a fuzz target where there is no libFuzzer: mutations of its seeds, the same ones for the same --seed, for some
// seconds. An input that brings the target down is left in a file; given as an argument, a file is run once.

#include <charconv>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "fuzz/fuzz.hpp"
#include "fuzz/mutator.hpp"

/// Of the sanitizers; absent without them.
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace mtmsg::fuzz {
namespace {

using Clock = std::chrono::steady_clock;

// What a signal handler needs.
std::string g_input;
char g_file[256];

void leave_input() noexcept {
  const int fd = ::open(g_file, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return;
  if (::write(fd, g_input.data(), g_input.size()) >= 0) std::fprintf(stderr, "the input is in %s\n", g_file);
  ::close(fd);
}

void on_signal(int number) {
  leave_input();
  ::signal(number, SIG_DFL);
  ::raise(number);
}

void run(std::string input) {
  g_input = std::move(input);
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(g_input.data()), g_input.size());
}

int usage(const char* name) {
  std::fprintf(stderr, "usage: %s [--seconds N] [--seed N] [FILE...]\n", name);
  return 2;
}

int main_of(int argc, char** argv) {
  double seconds = 5;
  std::uint64_t seed = 1;
  std::vector<std::string> files;
  for (int at = 1; at < argc; ++at) {
    const std::string_view word = argv[at];
    if (word == "--seconds" && at + 1 < argc)
      seconds = std::strtod(argv[++at], nullptr);
    else if (word == "--seed" && at + 1 < argc)
      seed = std::strtoull(argv[++at], nullptr, 10);
    else if (word.starts_with("--"))
      return usage(argv[0]);
    else
      files.emplace_back(word);
  }
  const std::string name = std::string(argv[0]).substr(std::string(argv[0]).rfind('/') + 1);
  std::snprintf(g_file, sizeof g_file, "%s.failed", name.c_str());
  ::signal(SIGPIPE, SIG_IGN);
  for (const int number : {SIGABRT, SIGSEGV, SIGFPE, SIGBUS, SIGILL})
    if (!__sanitizer_set_death_callback || number == SIGABRT) ::signal(number, on_signal);
  if (__sanitizer_set_death_callback) __sanitizer_set_death_callback(leave_input);

  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    run({std::istreambuf_iterator<char>(in), {}});
  }
  if (!files.empty()) return 0;

  std::uint64_t count = 0;
  for (const auto each : seeds()) run(std::string(each)), ++count;
  Mutator mutator(seed, seeds(), words());
  const auto begin = Clock::now();
  const auto end = begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  for (; count % 64 != 0 || Clock::now() < end; ++count) run(mutator.next());
  std::printf("%s: %llu inputs in %.1f s, seed %llu, no finding\n", name.c_str(),
              static_cast<unsigned long long>(count), std::chrono::duration<double>(Clock::now() - begin).count(),
              static_cast<unsigned long long>(seed));
  return 0;
}

}  // namespace
}  // namespace mtmsg::fuzz

int main(int argc, char** argv) {
  return mtmsg::fuzz::main_of(argc, argv);
}
