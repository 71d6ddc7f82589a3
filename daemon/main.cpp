// Parses, builds, runs, maps errors to exit codes; everything else is in the library.

#include <csignal>
#include <cstdio>
#include <exception>
#include <future>

#include "config/loader.hpp"
#include "config/print.hpp"
#include "daemon/app.hpp"
#include "daemon/log.hpp"
#include "daemon/notify.hpp"
#include "daemon/options.hpp"

extern char** environ;

namespace mtmsg::daemon {
namespace {

constexpr int kCannotRun = 1;
constexpr int kWrongConfiguration = 2;

/// Blocked in every thread, so that only wait_for_signal() sees them.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

void stop(App& app, const sigset_t& signals) {
  auto stopped = std::async(std::launch::async, [&app] { app.stop(); });
  bool hurried = false;
  while (stopped.wait_for(std::chrono::milliseconds(0)) != std::future_status::ready) {
    const timespec slice{0, 20'000'000};
    if (sigtimedwait(&signals, nullptr, &slice) > 0 && !hurried) {
      hurried = true;
      app.hurry();
    }
  }
  stopped.get();
}

int run(const config::Config& config) {
  const auto signals = block_signals();
  Log log(config.log);
  Notify notify;
  try {
    App app(config, log, notify);
    app.start();
    int number = 0;
    sigwait(&signals, &number);
    stop(app, signals);
    return 0;
  } catch (const std::exception& failure) {
    log.event(Level::error, "cannot_run", failure.what());
    return kCannotRun;
  }
}

int main(int argc, char** argv) {
  const auto options = parse_options(argc, argv);
  if (options.exit_code) return *options.exit_code;
  const auto loaded = config::load(options.config_file, options.config_rule, config::environment_from(environ));
  for (const auto& problem : loaded.problems) std::fprintf(stderr, "mtmsgd: %s\n", problem.to_string().c_str());
  if (options.check_config) {
    std::fputs(config::show(loaded).c_str(), stdout);
    return loaded.ok() ? 0 : kWrongConfiguration;
  }
  if (!loaded.ok()) return kWrongConfiguration;
  return run(loaded.config);
}

}  // namespace
}  // namespace mtmsg::daemon

int main(int argc, char** argv) {
  return mtmsg::daemon::main(argc, argv);
}
