#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "cmd/command.hpp"
#include "cmd/systemd/manager.hpp"

namespace mtmsg::ctl {

/// The daemon as a service of systemd. Asks no daemon.
void add_service(CLI::App& noun, Action& chosen);
/// The verb that has a file of its own.
void add_service_logs(CLI::App& noun, Action& chosen);

inline constexpr auto kDefaultUnit = "mtmsgd.service";

/// --unit. `unit` lives as long as the verb.
void add_unit_option(CLI::App& verb, std::string& unit);

/// What the verbs of `service` do once systemd is reached.
ExitCode show_service(Context& context, systemd::Manager& manager, const std::string& unit);
ExitCode run_service_job(Context& context, systemd::Manager& manager, systemd::JobKind kind, const std::string& unit,
                         std::chrono::seconds patience);

/// Where there is no systemd: says so, and what there is instead.
std::optional<ExitCode> refuse_without_systemd(Context& context);

}  // namespace mtmsg::ctl
