#include "cmd/context.hpp"

#include "core/nearest.hpp"

namespace mtmsg::ctl {
namespace {

constexpr auto kRed = "\x1b[31m";
constexpr auto kPlain = "\x1b[0m";

/// Did the daemon write down what it did not tell?
bool is_of_the_log(const client::CallError& error) {
  if (error.request_id.empty()) return false;
  switch (error.error.code) {
    case ErrorCode::internal:
    case ErrorCode::timeout:
    case ErrorCode::broker_unavailable:
    case ErrorCode::database_unavailable:
    case ErrorCode::schema_outdated:
      return true;
    default:
      return false;
  }
}

/// The tenant that does not exist, by the daemon's own sentence.
std::string_view missing_tenant(const client::CallError& error) {
  constexpr std::string_view kBegin = "tenant \"";
  constexpr std::string_view kEnd = "\" does not exist";
  std::string_view text = error.error.message;
  const bool is_one = error.cause == client::CallError::Cause::refused && error.error.code == ErrorCode::not_found &&
                      text.starts_with(kBegin) && text.ends_with(kEnd);
  return is_one ? text.substr(kBegin.size(), text.size() - kBegin.size() - kEnd.size()) : std::string_view();
}

/// Who may not list the tenants gets no offer.
std::optional<std::string> nearest_tenant(client::Client& client, const client::CallError& error) {
  const auto missing = missing_tenant(error);
  if (missing.empty()) return std::nullopt;
  const auto tenants = client.tenants();
  if (!tenants) return std::nullopt;
  std::vector<std::string_view> known;
  for (const auto& tenant : *tenants) known.push_back(tenant.name);
  const auto nearest = nearest_name(missing, known);
  return nearest ? std::optional(std::string(*nearest)) : std::nullopt;
}

std::optional<unsigned> line_width(const Surroundings& around) {
  // A pipe or a file has no width: nothing is cut there.
  return around.out_is_terminal ? std::optional(around.columns) : std::nullopt;
}

}  // namespace

void Context::print(const Listing& listing) {
  std::string out;
  switch (format_) {
    case Format::table:
      append_table(out, listing.table, line_width(around_));
      break;
    case Format::csv:
      append_csv(out, listing.table);
      break;
    case Format::json:
      out = listing.document + "\n";
      break;
    case Format::ndjson:
      for (const auto& row : listing.json) out += row + "\n";
      break;
  }
  around_.out.write(out);
}

void Context::print(const Fields& fields, std::string_view json) {
  std::string out;
  if (format_ == Format::table) {
    append_card(out, fields);
  } else if (format_ == Format::csv) {
    Table table;
    table.rows.emplace_back();
    for (const auto& [key, value] : fields) {
      table.columns.push_back({key});
      table.rows.back().push_back(value);
    }
    append_csv(out, table);
  } else {
    out = std::string(json) + "\n";
  }
  around_.out.write(out);
}

void Context::print_line(std::string_view text) {
  around_.out.write(text);
  around_.out.write("\n");
}

void Context::note(std::string_view text) {
  // What was printed before the note should stand before it where both go to one place.
  around_.out.flush();
  around_.err.write(std::string(text) + "\n");
  around_.err.flush();
}

void Context::complain(std::string_view text) {
  around_.out.flush();
  ctl::complain(around_, text);
}

ExitCode Context::usage_error(std::string_view text) {
  complain(text);
  return ExitCode::usage;
}

ExitCode Context::failed(const client::CallError& error) {
  complain(error.error.message);
  if (const auto nearest = nearest_tenant(client_, error)) note("Did you mean '" + *nearest + "'?");
  if (is_of_the_log(error)) note("The daemon's log tells more about request " + error.request_id + ".");
  const auto hint = next_step(error);
  if (!hint.empty()) note(hint);
  return error.cause == client::CallError::Cause::unreachable ? ExitCode::unreachable : ExitCode::refused;
}

std::string next_step(const client::CallError& error) {
  if (error.cause == client::CallError::Cause::unreachable) {
    if (error.error.message.find("Permission denied") != std::string::npos)
      return "The socket belongs to another group: see 'ls -l' on it, and join that group or use sudo.";
    return "Is mtmsgd running? Try 'mtmsgctl service status', or name another address with --endpoint.";
  }
  if (error.cause == client::CallError::Cause::answer)
    return "Compare 'mtmsgctl --version' with 'mtmsgd --version', and look at --endpoint.";
  switch (error.error.code) {
    case ErrorCode::unauthenticated:
      return "Give a token with --token-file, or use the local socket.";
    case ErrorCode::schema_outdated:
      return "Run 'mtmsgctl migrate up'.";
    case ErrorCode::broker_unavailable:
    case ErrorCode::database_unavailable:
      return "'mtmsgctl status' says what is away and since when. Try again when it is back.";
    case ErrorCode::broker_rejected:
      return "'mtmsgctl tenant show' says how many messages wait in the queue, and what holds them up.";
    case ErrorCode::rate_limited:
    case ErrorCode::stopping:
      return "Try again in a moment.";
    default:
      return {};
  }
}

void complain(const Surroundings& around, std::string_view text) {
  const std::string label = around.colour ? std::string(kRed) + "error:" + kPlain : "error:";
  around.err.write("mtmsgctl: " + label + " " + std::string(text) + "\n");
  around.err.flush();
}

}  // namespace mtmsg::ctl
