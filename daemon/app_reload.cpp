// SIGHUP: what the daemon takes over from its configuration while it runs.

#include "config/reload.hpp"
#include "daemon/app.hpp"
#include "daemon/notify.hpp"
#include "setup/keys.hpp"

namespace mtmsg::daemon {

void App::tell_keys(const auth::TokenRules& rules) {
  if (current_.auth.mode == config::AuthMode::none) return;
  log_.info("keys",
            rules.keys().empty() ? "there are no keys: no token is accepted" : "tokens are checked with these keys",
            {{"keys", rules.names()}});
}

// First everything that can fail is made, then everything is put to use: so nothing is ever half applied.
void App::reload(const config::Loaded& loaded) {
  notify_reloading();
  if (auto done = try_reload(loaded); done.has_error())
    log_.error("not_reloaded", "nothing was changed: " + done.error().message);
  notify_ready("running");
}

Result<void> App::try_reload(const config::Loaded& loaded) {
  if (!loaded.ok()) {
    for (const auto& problem : loaded.problems) log_.error("bad_configuration", problem.to_string());
    return fail(ErrorCode::invalid_argument, "the configuration is wrong");
  }
  const auto changes = config::changes(current_, loaded.config);
  const auto wanted = config::reloaded(current_, loaded.config);
  auto rules = setup::token_rules(wanted);
  if (rules.has_error()) return rules.error();

  if (auto read = reload_certificates(); read.has_error()) return read;
  log_.set_level(wanted.log.level);
  authenticator_.use(*rules);
  callers_.set_request_rate(wanted.auth.rate_limit);
  callers_.set_failure_limit(wanted.auth.failure_limit);
  current_ = wanted;  // what reads an option only when it needs it: shutdown.timeout

  log_.info("reloaded", changes.reloadable.empty() ? "reloaded; no option changed" : "reloaded",
            {{"changed", config::names_of(changes.reloadable)}});
  tell_keys(**rules);
  if (!changes.need_restart.empty()) {
    log_.warning("restart_needed", "these options changed too, and take effect when the daemon starts again",
                 {{"options", config::names_of(changes.need_restart)}});
  }
  return {};
}

// The files' contents; that other files are named needs a restart.
Result<void> App::reload_certificates() {
  if (config_.http.tls_cert.empty()) return {};
  if (auto read = server_.reload_tls(); read.has_error())
    return Error(read.error()).with_context("http.tls_cert: the certificate in use stays");
  log_.info("tls_reloaded", "certificate and key were read again; connections from now on use them",
            {{"tls_cert", config_.http.tls_cert}});
  warn_of_certificate();
  return {};
}

}  // namespace mtmsg::daemon
