#include "cmd/app.hpp"

#include <array>

#include "cmd/completion.hpp"
#include "cmd/config.hpp"
#include "cmd/globals.hpp"
#include "cmd/help.hpp"
#include "cmd/names.hpp"
#include "cmd/service.hpp"

namespace mtmsg::ctl {
namespace {

constexpr auto kDescription =
    "Manage mtmsgd: its tenants, their messages, and the daemon itself. Data goes to standard output, everything else "
    "to standard error. Exit status: 0 done, 1 refused or not found, 2 wrong usage, 3 server not reachable, 4 partly "
    "done, 5 another run is at it, 6 an export that does not follow on.";

constexpr auto kExamples =
    "mtmsgctl tenant create acme --workers 4\n"
    "mtmsgctl message publish acme '{\"hello\":\"world\"}'\n"
    "mtmsgctl message list --tenant acme\n"
    "mtmsgctl message dump --tenant acme > acme.ndjson\n"
    "mtmsgctl --endpoint http://127.0.0.1:8080 -o json status";

constexpr std::array kNouns{
    Noun{"tenant", "Create, list, show, change and delete tenants", add_tenant, true, ""},
    Noun{"concurrency", "Read and set how many workers a tenant has", add_concurrency, true, ""},
    Noun{"message", "Publish, list, get, watch, dump and erase messages", add_message, true, ""},
    Noun{"dead-letter", "List, show, replay and purge messages that failed", add_dead_letter, true, ""},
    Noun{"migrate", "Look at the database schema and bring it up to date", add_migrate, true, ""},
    Noun{"explain", "Say why a tenant's messages don't arrive, and what to do", add_explain, false,
         "mtmsgctl explain acme\nmtmsgctl explain acme -o json | jq -r .verdict"},
    Noun{"audit", "Show who changed what: the newest entries of the audit log", add_audit, false,
         "mtmsgctl audit\n"
         "mtmsgctl audit --since 1h --action tenant\n"
         "mtmsgctl audit --tenant acme --limit 20 -o json"},
    Noun{"config", "Check and show the daemon's configuration", add_config, true, ""},
    Noun{"token", "Make and look at tokens for the daemon's TCP port", add_token, true, ""},
    Noun{"service", "Start, stop and reload the daemon through systemd, and show its log", add_service, true, ""},
    Noun{"status", "Show how the daemon is: its parts, links, writers and counters", add_status, false,
         "mtmsgctl status\nmtmsgctl status -o json"},
    Noun{"top", "Watch what moves, tenant by tenant", add_top, false,
         "mtmsgctl top\n"
         "mtmsgctl top --sort lag --filter eu-\n"
         "mtmsgctl top --once -o csv\n"
         "mtmsgctl top --batch --interval 10 -o ndjson >> activity.ndjson"},
    Noun{"version", "Show the versions of mtmsgctl and of the daemon", add_version, false, "mtmsgctl version"},
};

ExitCode wrong_usage(const Surroundings& around, std::string_view text, const CLI::App& at) {
  complain(around, text);
  around.err.write("Try '" + full_name(at) + " --help'.\n");
  around.err.flush();
  return ExitCode::usage;
}

/// The deepest command the line reached: its help is the one to point at.
const CLI::App& reached(const CLI::App& app) {
  const auto below = app.get_subcommands();
  return below.empty() ? app : reached(*below.front());
}

/// Words no argument was there for; the parser hands them up to the root.
std::vector<std::string> unexpected(const CLI::App& app) {
  const auto* root = &app;
  while (root->get_parent() != nullptr) root = root->get_parent();
  return root->remaining();
}

/// The parser's own words carry names of its classes; the common ones are said again here.
std::string reason_of(const CLI::ParseError& error, const CLI::App& at) {
  const bool verb_missing = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr &&
                            !at.get_subcommands([](const CLI::App*) { return true; }).empty();
  if (verb_missing) return at.get_parent() == nullptr ? "a command is missing" : "a verb is missing";
  // The tenant is TENANT in the usage line, though the parser calls it by its option.
  std::string text = error.what();
  if (text.starts_with("--tenant is required")) return "TENANT is required";
  if (const auto lacks = text.find(": 1 required "); lacks != std::string::npos)
    return text.substr(0, lacks) + " needs a value";
  const bool too_many = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
  const auto extra = unexpected(at);
  if (too_many && !extra.empty()) return "unexpected argument '" + extra.front() + "'";
  return text;
}

ExitCode run_chosen(CommandLine& line, const Surroundings& around, const std::string& profiles) {
  const auto& globals = line.globals;
  const bool format_given = globals.format.has_value();
  if (auto settled = settle(line.root, profiles); !settled)
    return wrong_usage(around, settled.error().message, line.root);
  const std::chrono::seconds timeout(globals.timeout_seconds);
  auto client = connect(line.root, globals, timeout);
  if (!client) return wrong_usage(around, client.error().message, line.root);
  Context context(around, globals.format.value_or(Format::table), format_given, timeout, std::move(*client));
  const auto code = line.chosen(context);
  around.out.flush();
  return code;
}

}  // namespace

CommandLine::CommandLine() : root(kDescription, "mtmsgctl") {
  root.fallthrough();
  root.require_subcommand(1);
  root.footer(kExamples);
  root.set_version_flag("-V,--version", "mtmsgctl " MTMSG_VERSION, "Show the version of mtmsgctl");
  add_globals(root, globals);
  for (const auto& noun : kNouns) {
    auto* app = root.add_subcommand(std::string(noun.name), std::string(noun.help));
    app->footer(std::string(noun.examples));
    if (noun.has_verbs) app->require_subcommand(1);
    noun.add(*app, chosen);
  }
}

ExitCode run(std::span<const std::string> args, Surroundings around) {
  return run(args, around, {});
}

ExitCode run(std::span<const std::string> args, Surroundings around, const std::string& profiles) {
  if (!args.empty() && args.front() == kCompleteWord) {
    complete(args.subspan(1), around, profiles);
    return ExitCode::done;
  }
  CommandLine line;
  try {
    if (const auto unknown = unknown_name(line.root, args)) {
      complain(around, *unknown);
      return ExitCode::usage;
    }
    // The parser wants the words last to first.
    std::vector<std::string> reversed(args.rbegin(), args.rend());
    for (auto& arg : reversed) arg = with_bracket_guard(std::move(arg));
    line.root.parse(reversed);
    return run_chosen(line, around, profiles);
  } catch (const CLI::CallForHelp&) {
    around.out.write(help_of(reached(line.root)));
    around.out.flush();
    return ExitCode::done;
  } catch (const CLI::CallForVersion& version) {
    around.out.write(std::string(version.what()) + "\n");
    around.out.flush();
    return ExitCode::done;
  } catch (const CLI::ParseError& error) {
    const auto& at = reached(line.root);
    return wrong_usage(around, reason_of(error, at), at);
  } catch (const std::exception& error) {
    complain(around, error.what());
    return ExitCode::refused;
  }
}

}  // namespace mtmsg::ctl
