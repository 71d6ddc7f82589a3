#include "daemon/options.hpp"

#include <algorithm>
#include <ostream>

#include <CLI/CLI.hpp>

#include "config/print.hpp"
#include "core/nearest.hpp"
#include "setup/keys.hpp"
#include "setup/tls_files.hpp"

namespace mtmsg::daemon {
namespace {

constexpr const char* kAbout =
    "Stores the messages of many tenants from RabbitMQ in PostgreSQL, each exactly once,\n"
    "and hands them back page by page over HTTP.";

constexpr const char* kFooter =
    "Examples:\n"
    "  mtmsgd --config ./mtmsgd.toml --check-config\n"
    "      check a changed configuration, and see what it amounts to\n"
    "  MTMSG_DATABASE_URL='postgresql:///mtmsg' MTMSG_BROKER_URL='amqp://guest:guest@localhost/' mtmsgd\n"
    "      run without a file; every option section.key is a variable MTMSG_SECTION_KEY\n"
    "\n"
    "Exit codes: 0 stopped as told, or the configuration is in order; 1 could not run;\n"
    "2 the command line or the configuration is wrong.\n"
    "\n"
    "Manual pages: mtmsgd(8), mtmsgd.toml(5)";

constexpr std::string_view kFlags[] = {"--config", "--check-config", "--version", "--help"};

/// For each argument that looks like an option and is none: which one it may have been.
void suggest(int argc, const char* const* argv, std::ostream& err) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument(argv[i]);
    const auto name = argument.substr(0, argument.find('='));
    if (!name.starts_with("--") || std::find(std::begin(kFlags), std::end(kFlags), name) != std::end(kFlags)) continue;
    if (const auto nearest = nearest_name(name, kFlags)) err << "Did you mean " << *nearest << "?\n";
  }
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv, const config::Environment& environment,
                               std::ostream& out, std::ostream& err) {
  CommandLine result;
  bool check = false;
  std::string file;
  CLI::App app(kAbout, "mtmsgd");
  app.footer(kFooter);
  app.set_version_flag("--version", "mtmsgd " MTMSG_VERSION, "Print the version and leave");
  app.set_help_flag("-h,--help", "Print this help and leave");
  const auto* const config =
      app.add_option("-c,--config", file,
                     "Configuration file; without it " + std::string(kDefaultConfigFile) + " if there is one")
          ->type_name("FILE")
          ->check([](const std::string& text) { return text.empty() ? "must not be empty" : std::string(); });
  app.add_flag("--check-config", check, "Check the configuration, print what would be run with, and leave");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool wrong = app.exit(error, out, err) != 0;
    if (wrong) suggest(argc, argv, err);
    result.action = CommandLine::Action::leave;
    result.exit_code = wrong ? kExitUsage : kExitDone;
    return result;
  }
  if (check) result.action = CommandLine::Action::check_config;
  const auto variable = environment.find("MTMSG_CONFIG");
  if (config->count() == 0 && variable != environment.end()) file = variable->second;
  if (!file.empty()) {
    result.config_file = file;
    result.config_rule = config::FileRule::required;
  }
  return result;
}

void report_problems(const config::Loaded& loaded, std::ostream& err) {
  if (loaded.ok()) return;
  for (const auto& problem : loaded.problems) err << "mtmsgd: " << problem.to_string() << '\n';
  const auto count = loaded.problems.size();
  err << "mtmsgd: " << count << (count == 1 ? " problem" : " problems")
      << " in the configuration; see mtmsgd.toml(5)\n";
}

int check_config(const config::Loaded& loaded, std::ostream& out, std::ostream& err) {
  report_problems(loaded, err);
  if (!loaded.ok()) return kExitUsage;
  if (const auto files = setup::check_tls_files(loaded.config); files.has_error()) {
    err << "mtmsgd: " << files.error().message << '\n';
    return kExitUsage;
  }
  if (const auto rules = setup::token_rules(loaded.config); rules.has_error()) {
    err << "mtmsgd: " << rules.error().message << '\n';
    return kExitUsage;
  }
  out << config::show(loaded);
  return kExitDone;
}

}  // namespace mtmsg::daemon
