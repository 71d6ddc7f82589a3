// Parses, builds, runs, maps errors to exit codes; everything else is in the library.

#include <csignal>
#include <exception>
#include <functional>
#include <future>
#include <iostream>

#include "config/loader.hpp"
#include "daemon/app.hpp"
#include "daemon/log.hpp"
#include "daemon/options.hpp"

extern char** environ;

namespace mtmsg::daemon {
namespace {

/// Blocked in every thread, so that only the main one sees them, when it waits for them.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

/// Each SIGHUP has the configuration read again, from where it came at the start.
void wait_for_stop(const sigset_t& signals, App& app, const std::function<config::Loaded()>& load) {
  int number = 0;
  while (sigwait(&signals, &number) == 0 && number == SIGHUP) app.reload(load());
}

/// Stops in order; a second signal makes it end at once.
void stop(App& app, const sigset_t& signals) {
  auto stopped = std::async(std::launch::async, [&app] { app.stop(); });
  while (stopped.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    const timespec slice{0, 20'000'000};
    const int number = sigtimedwait(&signals, nullptr, &slice);
    if (number == SIGTERM || number == SIGINT) app.hurry();
  }
  stopped.get();
}

int run(const config::Config& config, const std::function<config::Loaded()>& load) {
  const auto signals = block_signals();
  Log log(config.log.format, config.log.level);
  try {
    App app(config, log);
    app.start();
    wait_for_stop(signals, app, load);
    stop(app, signals);
    return kExitDone;
  } catch (const std::exception& failure) {
    log.error("cannot_run", failure.what());
    return kExitCannotRun;
  }
}

int main(int argc, const char* const* argv) {
  const auto environment = config::environment_from(environ);
  const auto command = parse_command_line(argc, argv, environment, std::cout, std::cerr);
  if (command.action == CommandLine::Action::leave) return command.exit_code;
  const auto load = [&] { return config::load(command.config_file, command.config_rule, environment); };
  const auto loaded = load();
  if (command.action == CommandLine::Action::check_config) return check_config(loaded, std::cout, std::cerr);
  if (!loaded.ok()) {
    report_problems(loaded, std::cerr);
    return kExitUsage;
  }
  return run(loaded.config, load);
}

}  // namespace
}  // namespace mtmsg::daemon

int main(int argc, char** argv) {
  return mtmsg::daemon::main(argc, argv);
}
