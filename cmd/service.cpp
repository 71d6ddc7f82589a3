#include "cmd/service.hpp"

#include <algorithm>
#include <memory>

#include "cmd/command.hpp"
#include "cmd/systemd/verdict.hpp"
#include "wire/json_text.hpp"

namespace mtmsg::ctl {
namespace {

using systemd::JobKind;

constexpr std::uint64_t kLongestWaitForJob = 86'400;
/// The daemon tells its log how a reload went; systemd only knows that it was asked for.
constexpr std::chrono::milliseconds kReloadPatience{3000};
constexpr std::chrono::milliseconds kReloadTail{300};

struct Options {
  std::string unit = kDefaultUnit;
  unsigned wait_seconds = 120;
};

constexpr std::size_t kLongestUnit = 255;

/// mtmsgd → mtmsgd.service, as systemctl takes it.
std::string full_unit_name(std::string name) {
  return name.ends_with(".service") ? name : name + ".service";
}

std::string check_unit(const std::string& name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(":_.\\@-").find(c) != std::string_view::npos;
  };
  if (!name.empty() && full_unit_name(name).size() <= kLongestUnit && std::ranges::all_of(name, fits)) return {};
  return "'" + name + "' is no name of a unit";
}

std::string number_or_empty(const std::optional<std::uint64_t>& number) {
  return number ? std::to_string(*number) : std::string();
}

std::string how_it_ended_last(const systemd::UnitStatus& status) {
  return status.exit_code == 0 ? std::string() : std::to_string(status.exit_status);
}

Fields fields_of(const systemd::UnitStatus& status) {
  return {{"unit", status.unit},
          {"description", status.description},
          {"load_state", status.load_state},
          {"active_state", status.active_state},
          {"sub_state", status.sub_state},
          {"enabled", status.enabled},
          {"since", status.since ? format_timestamp(*status.since) : ""},
          {"main_pid", status.main_pid != 0 ? std::to_string(status.main_pid) : ""},
          {"status_text", status.status_text},
          {"memory_bytes", number_or_empty(status.memory_bytes)},
          {"tasks", number_or_empty(status.tasks)},
          {"restarts", std::to_string(status.restarts)},
          {"result", status.result},
          {"exit_status", how_it_ended_last(status)}};
}

/// The same fields; what is not known is null.
std::string json_of(const systemd::UnitStatus& status) {
  constexpr std::string_view kNumbers[] = {"main_pid", "memory_bytes", "tasks", "restarts", "exit_status"};
  std::string json;
  wire::ObjectWriter object(json);
  for (const auto& [key, value] : fields_of(status)) {
    const bool number = std::ranges::find(kNumbers, key) != std::end(kNumbers);
    if (value.empty() && (number || key == "since"))
      object.null(key);
    else if (number)
      object.raw(key, value);
    else
      object.text(key, value);
  }
  object.close();
  return json;
}

ExitCode tell(Context& context, const Error& error) {
  context.complain(error.message);
  if (error.code == ErrorCode::forbidden) context.note("Try it with sudo.");
  return error.code == ErrorCode::timeout ? ExitCode::unreachable : ExitCode::refused;
}

ExitCode tell(Context& context, const systemd::Verdict& verdict) {
  if (verdict.code == ExitCode::done)
    context.note(verdict.text);
  else
    context.complain(verdict.text);
  if (!verdict.next_step.empty()) context.note(verdict.next_step);
  return verdict.code;
}

/// For as long as the daemon may need to say how it went. Whoever may not read its log is told where that stands.
ExitCode follow_reload(Context& context, systemd::Journal& journal) {
  using Clock = std::chrono::steady_clock;
  systemd::ReloadReport report;
  auto until = Clock::now() + kReloadPatience;
  for (bool told = false; Clock::now() < until;) {
    auto entry = journal.next();
    if (entry.has_error()) return tell(context, entry.error());
    if (*entry) {
      report.see(**entry);
    } else {
      if (report.refused()) break;
      if (report.told() && !told) until = std::min(until, Clock::now() + kReloadTail);
      told = report.told();
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
      if (left.count() > 0)
        if (auto waited = journal.wait(left); waited.has_error()) return tell(context, waited.error());
    }
  }
  if (report.refused()) {
    for (const auto& line : report.lines()) context.complain(line);
    return ExitCode::refused;
  }
  for (const auto& line : report.lines()) context.note(line);
  if (!report.told()) context.note("'mtmsgctl service logs' tells what the daemon took over.");
  return ExitCode::done;
}

}  // namespace

void add_unit_option(CLI::App& verb, std::string& unit) {
  verb.add_option_function<std::string>(
          "--unit", [&unit](const std::string& name) { unit = full_unit_name(name); },
          "The daemon's unit (default: mtmsgd.service)")
      ->type_name("UNIT")
      ->check(check_unit);
}

ExitCode show_service(Context& context, systemd::Manager& manager, const std::string& unit) {
  const auto status = manager.status(unit);
  if (status.has_error()) return tell(context, status.error());
  context.print(fields_of(*status), json_of(*status));
  if (const auto step = next_step_for(*status); !step.empty()) context.note(step);
  return exit_code_of(*status);
}

ExitCode run_service_job(Context& context, systemd::Manager& manager, JobKind kind, const std::string& unit,
                         std::chrono::seconds patience) {
  // systemd ends the daemon's own words about a stop or reload of what does not run with an error of its own.
  const auto before = manager.status(unit);
  if (before.has_error()) return tell(context, before.error());
  if (before->load_state == "not-found")
    return tell(context, {ExitCode::refused, "systemd knows no unit " + unit, next_step_for(*before)});
  if (kind == JobKind::reload && before->active_state != "active")
    return tell(context, {ExitCode::refused, unit + " is " + before->active_state + ", so there is nothing to reload",
                          next_step_for(*before)});
  std::optional<systemd::Journal> journal;
  if (kind == JobKind::reload && patience.count() > 0) {
    // Only for the report: without it the reload is done all the same.
    if (auto opened = systemd::Journal::open_at_end(unit); opened.has_value()) journal = std::move(*opened);
  }
  const auto outcome = manager.run(kind, unit, patience);
  if (outcome.has_error()) return tell(context, outcome.error());
  const auto after = manager.status(unit);
  const auto code = tell(context, verdict_of(kind, unit, *outcome, after ? std::optional(*after) : std::nullopt));
  if (context.format_given() && after.has_value()) context.print(fields_of(*after), json_of(*after));
  if (code != ExitCode::done || !journal) return code;
  return follow_reload(context, *journal);
}

std::optional<ExitCode> refuse_without_systemd(Context& context) {
  if (systemd::is_running()) return std::nullopt;
  context.complain("systemd does not run this machine (there is no /run/systemd/system)");
  context.note(
      "Whatever starts mtmsgd here, such as a container, also stops it and keeps its log. To the daemon, SIGTERM means "
      "to stop and SIGHUP to reload.");
  return ExitCode::unreachable;
}

namespace {

template <class Run>
void on_chosen_with_systemd(CLI::App& verb, Action& chosen, Run run) {
  on_chosen(verb, chosen, [run](Context& context) {
    if (const auto refused = refuse_without_systemd(context)) return *refused;
    const auto manager = systemd::connect();
    return manager ? run(context, **manager) : tell(context, manager.error());
  });
}

void add_job(CLI::App& noun, Action& chosen, JobKind kind, std::string name, std::string help, std::string examples) {
  const auto options = std::make_shared<Options>();
  auto& verb = add_verb(noun, std::move(name), std::move(help), std::move(examples));
  add_unit_option(verb, options->unit);
  verb.add_option("--wait", options->wait_seconds, "Seconds to wait for the end of it; 0: don't wait")
      ->type_name("SECONDS")
      ->check(whole_number(0, kLongestWaitForJob))
      ->capture_default_str();
  on_chosen_with_systemd(verb, chosen, [options, kind](Context& context, systemd::Manager& manager) {
    return run_service_job(context, manager, kind, options->unit, std::chrono::seconds(options->wait_seconds));
  });
}

}  // namespace

void add_service(CLI::App& noun, Action& chosen) {
  const auto options = std::make_shared<Options>();
  auto& status = add_verb(noun, "status", "Show what systemd knows of the daemon's unit",
                          "mtmsgctl service status\nmtmsgctl service status --unit mtmsgd-eu -o json");
  add_unit_option(status, options->unit);
  on_chosen_with_systemd(status, chosen, [options](Context& context, systemd::Manager& manager) {
    return show_service(context, manager, options->unit);
  });
  add_job(noun, chosen, JobKind::start, "start", "Start the daemon, and wait until it is ready",
          "mtmsgctl service start");
  add_job(noun, chosen, JobKind::stop, "stop", "Stop the daemon; what it has in hand is stored first",
          "mtmsgctl service stop\nmtmsgctl service stop --wait 300");
  add_job(noun, chosen, JobKind::restart, "restart", "Stop and start the daemon", "mtmsgctl service restart");
  add_job(noun, chosen, JobKind::reload, "reload",
          "Have the daemon read its configuration again, and show what it took over", "mtmsgctl service reload");
  add_service_logs(noun, chosen);
}

}  // namespace mtmsg::ctl
