#include "config/options.hpp"

#include <algorithm>
#include <type_traits>

#include "config/values.hpp"

namespace mtmsg::config {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kQueueTypes[] = {"quorum", "classic"};
constexpr std::string_view kAuthModes[] = {"jwt", "none"};
constexpr std::string_view kLogLevels[] = {"debug", "info", "warning", "error"};
constexpr std::string_view kLogFormats[] = {"auto", "human", "logfmt", "journal"};

constexpr std::size_t operator""_KiB(unsigned long long count) {
  return static_cast<std::size_t>(count) << 10;
}
constexpr std::size_t operator""_MiB(unsigned long long count) {
  return static_cast<std::size_t>(count) << 20;
}

/// field<&Config::http, &Http::listen>: where that member of that section lives.
template <auto Section, auto Member>
constexpr auto field = [](Config& config) -> auto& {
  return config.*Section.*Member;
};

template <auto Section, auto Member>
constexpr Choice choice(std::span<const std::string_view> names) {
  return {names, [](const Config& config) { return static_cast<std::size_t>(config.*Section.*Member); },
          [](Config& config, std::size_t index) {
            auto& member = config.*Section.*Member;
            member = static_cast<std::remove_reference_t<decltype(member)>>(index);
          }};
}

constexpr Option kOptions[] = {
    {"http.listen", "127.0.0.1:8080", "Address and port of the HTTP API over TCP: HOST:PORT or [IPV6]:PORT.",
     Text{field<&Config::http, &Http::listen>}},
    {"http.allow_plaintext", "false",
     "Serve plain HTTP on an address other machines can reach. Only behind something that adds TLS.",
     Flag{field<&Config::http, &Http::allow_plaintext>}},
    {.name = "http.tls_cert",
     .fallback = "",
     .help = "PEM file with the server's certificate, then those up to its CA: the API over TCP speaks TLS only. What "
             "the file holds is read again on SIGHUP. Empty: plain HTTP.",
     .kind = Text{field<&Config::http, &Http::tls_cert>}},
    {.name = "http.tls_key",
     .fallback = "",
     .help = "PEM file with the key of http.tls_cert, without a passphrase. Read again on SIGHUP.",
     .kind = Text{field<&Config::http, &Http::tls_key>}},
    {.name = "http.tls_client_ca",
     .fallback = "",
     .help = "PEM file with the CAs of clients' certificates: a client without one of theirs is refused, whatever its "
             "token says. Read again on SIGHUP. Empty: clients need no certificate.",
     .kind = Text{field<&Config::http, &Http::tls_client_ca>}},
    {"http.max_body_bytes", "16MiB", "Largest body of a request.",
     Size{field<&Config::http, &Http::max_body_bytes>, 1_KiB, 1024_MiB}},
    {"http.max_connections", "4096", "Most connections at a time, over TCP and the Unix socket together.",
     Number{field<&Config::http, &Http::max_connections>, 1, 100'000}},
    {"http.max_connections_per_client", "256",
     "Most of these of one address (IPv6: of one /64), or of one user on the Unix socket. Raise it behind a proxy.",
     Number{field<&Config::http, &Http::max_connections_per_client>, 1, 100'000}},
    {"http.max_streams", "32", "Most answers at a time that stream messages as NDJSON.",
     Number{field<&Config::http, &Http::max_streams>, 1, 1'000}},
    {"http.max_streams_per_client", "8", "Most of these for one address (IPv6: for one /64), or for one user.",
     Number{field<&Config::http, &Http::max_streams_per_client>, 1, 1'000}},
    {"http.max_waiting", "1000",
     "Most requests that wait for a message at a time (wait=); half of them for one tenant.",
     Number{field<&Config::http, &Http::max_waiting>, 1, 100'000}},
    {"http.request_timeout", "30s", "Longest time for a request to arrive, and for its answer to be taken.",
     Duration{field<&Config::http, &Http::request_timeout>, 1s, 1h}},
    {"http.cors_origins", "",
     "Web pages that may use the API from a browser: origins such as https://app.example.org with blanks between them, "
     "or * for all. Empty: none.",
     Text{field<&Config::http, &Http::cors_origins>}},

    {"socket.path", "/run/mtmsg/mtmsgd.sock", "Path of the Unix socket of the HTTP API. Whoever can open it is admin.",
     Text{field<&Config::socket, &Socket::path>}},
    {"socket.group", "", "Group that owns the socket, by name. Empty: the daemon's own.",
     Text{field<&Config::socket, &Socket::group>}},
    {"socket.mode", "0660", "Permissions of the socket.", Mode{field<&Config::socket, &Socket::mode>}},

    {.name = "broker.url",
     .fallback = "",
     .help = "RabbitMQ, as amqp://USER:PASSWORD@HOST:PORT/VHOST with special characters percent-encoded; a cluster's "
             "nodes as HOST:PORT,HOST:PORT, tried in turn. With amqps:// over TLS. Required.",
     .kind = Text{field<&Config::broker, &Broker::url>},
     .secret = true},
    {.name = "broker.url_file",
     .fallback = "",
     .help = "File that holds broker.url.",
     .kind = Text{field<&Config::broker, &Broker::url_file>},
     .file_of = "broker.url"},
    {"broker.tls_ca", "",
     "PEM file with the CAs that RabbitMQ's certificate must be of, with amqps://. Empty: those the system trusts.",
     Text{field<&Config::broker, &Broker::tls_ca>}},
    {"broker.tls_cert", "",
     "PEM file with the certificate that RabbitMQ is shown, with amqps://. Read again at each connect.",
     Text{field<&Config::broker, &Broker::tls_cert>}},
    {"broker.tls_key", "", "PEM file with the key of broker.tls_cert, without a passphrase.",
     Text{field<&Config::broker, &Broker::tls_key>}},
    {"broker.namespace", "mtmsg", "Prefix of the names of the dead-letter exchange and queue.",
     Text{field<&Config::broker, &Broker::name_space>}},
    {"broker.queue_type", "quorum", "Type of new tenants' queues. Quorum queues survive the loss of a cluster node.",
     choice<&Config::broker, &Broker::queue_type>(kQueueTypes)},
    {"broker.delivery_limit", "20",
     "Deliveries of one message without an answer before a quorum queue gives it up; ten times as many for an ordered "
     "tenant's.",
     Number{field<&Config::broker, &Broker::delivery_limit>, 2, 1000}},
    {"broker.heartbeat", "10s", "AMQP heartbeat interval, in whole seconds.",
     Duration{field<&Config::broker, &Broker::heartbeat>, 1s, 10min}},

    {.name = "database.url",
     .fallback = "",
     .help = "PostgreSQL, as a libpq URI (postgresql://USER:PASSWORD@HOST/DB) or keyword string; a primary and its "
             "standbys as HOST,HOST with target_session_attrs=read-write. Required.",
     .kind = Text{field<&Config::database, &Database::url>},
     .secret = true},
    {.name = "database.url_file",
     .fallback = "",
     .help = "File that holds database.url.",
     .kind = Text{field<&Config::database, &Database::url_file>},
     .file_of = "database.url"},
    {.name = "database.direct_url",
     .fallback = "",
     .help = "PostgreSQL past a pooler such as pgbouncer, for what needs a session. Empty: the same as database.url.",
     .kind = Text{field<&Config::database, &Database::direct_url>},
     .secret = true},
    {.name = "database.direct_url_file",
     .fallback = "",
     .help = "File that holds database.direct_url.",
     .kind = Text{field<&Config::database, &Database::direct_url_file>},
     .file_of = "database.direct_url"},
    {"database.writers", "4", "Threads that write, each with a connection of its own.",
     Number{field<&Config::database, &Database::writers>, 1, 64}},
    {"database.auto_migrate", "true", "Apply pending schema migrations at start.",
     Flag{field<&Config::database, &Database::auto_migrate>}},

    {"tenants.workers", "3", "Workers of a new tenant when its creator names none.",
     Number{field<&Config::tenants, &Tenants::workers>, 1, 65'535}},
    {"tenants.max_workers", "64", "Most workers one tenant may have.",
     Number{field<&Config::tenants, &Tenants::max_workers>, 1, 65'535}},
    {"tenants.batch", "500",
     "Messages a worker carries at a time. max_workers x batch is the largest prefetch count, so at most 65535.",
     Number{field<&Config::tenants, &Tenants::batch>, 1, 65'535}},

    {"limits.max_message_bytes", "1MiB", "Largest message. A larger one becomes a dead letter.",
     Size{field<&Config::limits, &Limits::max_message_bytes>, 1_KiB, 128_MiB}},
    {"limits.max_rendered_bytes", "8MiB",
     "Largest message as PostgreSQL writes it out: 1e1000 is six bytes to send and 1001 to read.",
     Size{field<&Config::limits, &Limits::max_rendered_bytes>, 1_KiB, 256_MiB}},
    {"limits.memory_bytes", "192MiB", "Most bytes of messages in flight inside the daemon.",
     Size{field<&Config::limits, &Limits::memory_bytes>, 1_MiB, 1024 * 1024_MiB}},

    {"limits.max_queue_length", "0",
     "Messages that may wait in a new tenant's queue, about; then RabbitMQ refuses more. 0: no limit.",
     Number{field<&Config::limits, &Limits::max_queue_length>, 0, 1'000'000'000}},
    {"limits.max_stored_bytes", "0",
     "Bytes of messages a tenant may keep, about; then its messages wait in its queue. 0: no limit.",
     Size{field<&Config::limits, &Limits::max_stored_bytes>, 0, std::uint64_t{1024} * 1024 * 1024_MiB}},
    {"limits.publish_rate", "0", "Messages a second a tenant may publish through this daemon's API. 0: no limit.",
     Number{field<&Config::limits, &Limits::publish_rate>, 0, 1'000'000}},
    {"limits.retention_seconds", "0", "Seconds a message is kept; older ones are removed in small steps. 0: for ever.",
     Number{field<&Config::limits, &Limits::retention_seconds>, 0, 3'162'240'000}},
    {"limits.retention_messages", "0",
     "Messages a tenant keeps; the oldest beyond it are removed in small steps. 0: all.",
     Number{field<&Config::limits, &Limits::retention_messages>, 0, 4'000'000'000}},
    {"limits.audit_days", "365", "Days an entry of the audit log is kept. 0: for ever.",
     Number{field<&Config::limits, &Limits::audit_days>, 0, 36'600}},

    {"auth.mode", "jwt",
     "How callers over TCP prove who they are. With none everybody is admin: loopback only, asked by address or as "
     "localhost.",
     choice<&Config::auth, &Auth::mode>(kAuthModes)},
    {.name = "auth.keys_dir",
     .fallback = "",
     .help = "Directory with the keys that tokens are checked with: KID.ALG.key holds a secret, KID.ALG.pem a public "
             "key. Read again at every reload.",
     .kind = Text{field<&Config::auth, &Auth::keys_dir>},
     .reloadable = true},
    {.name = "auth.issuer",
     .fallback = "",
     .help = "Issuer (iss) that a token must name. Empty: any.",
     .kind = Text{field<&Config::auth, &Auth::issuer>},
     .reloadable = true},
    {.name = "auth.audience",
     .fallback = "",
     .help = "Audience (aud) that a token must be meant for. Empty: any.",
     .kind = Text{field<&Config::auth, &Auth::audience>},
     .reloadable = true},
    {.name = "auth.leeway",
     .fallback = "30s",
     .help = "How far the clocks of whoever issues tokens and of this machine may differ.",
     .kind = Duration{field<&Config::auth, &Auth::leeway>, 0s, 10min},
     .reloadable = true},
    {.name = "auth.rate_limit",
     .fallback = "0",
     .help =
         "Requests a second one subject may make over TCP; a second's worth may come at once, then 429. 0: no limit.",
     .kind = Number{field<&Config::auth, &Auth::rate_limit>, 0, 1'000'000},
     .reloadable = true},
    {.name = "auth.failure_limit",
     .fallback = "20",
     .help =
         "Wrong credentials in ten seconds from one address, then its credentials are refused unseen with 429; "
         "callers on this machine are left out. 0 (no limit) where a proxy on another machine stands for all callers.",
     .kind = Number{field<&Config::auth, &Auth::failure_limit>, 0, 1'000'000},
     .reloadable = true},

    {.name = "log.level",
     .fallback = "info",
     .help = "Least severe events that are logged.",
     .kind = choice<&Config::log, &Log::level>(kLogLevels),
     .reloadable = true},
    {"log.format", "auto",
     "Form of the log on standard error. auto: human on a terminal, journal under systemd, logfmt elsewhere.",
     choice<&Config::log, &Log::format>(kLogFormats)},

    {"metrics.tenants", "200", "Busiest tenants with metrics of their own; the rest are counted together as other.",
     Number{field<&Config::metrics, &Metrics::tenants>, 0, 10'000}},

    {.name = "shutdown.timeout",
     .fallback = "30s",
     .help = "Longest time to commit and acknowledge what is in flight when told to stop.",
     .kind = Duration{field<&Config::shutdown, &Shutdown::timeout>, 1s, 1h},
     .reloadable = true},
};

std::string quoted_list(std::span<const std::string_view> names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += '"';
    text += names[i];
    text += '"';
  }
  return text;
}

}  // namespace

std::span<const Option> options() noexcept {
  return kOptions;
}

const Option* find_option(std::string_view name) noexcept {
  const auto found = std::find_if(std::begin(kOptions), std::end(kOptions),
                                  [name](const Option& option) { return option.name == name; });
  return found != std::end(kOptions) ? &*found : nullptr;
}

std::string environment_name(const Option& option) {
  std::string name = "MTMSG_";
  for (const char c : option.name) name += c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  return name;
}

std::string describe_kind(const Option& option) {
  return std::visit(
      [](const auto& kind) -> std::string {
        using Kind = std::decay_t<decltype(kind)>;
        if constexpr (std::is_same_v<Kind, Text>) {
          return "a string";
        } else if constexpr (std::is_same_v<Kind, Flag>) {
          return "true or false";
        } else if constexpr (std::is_same_v<Kind, Number>) {
          return "a number from " + std::to_string(kind.least) + " to " + std::to_string(kind.most);
        } else if constexpr (std::is_same_v<Kind, Size>) {
          return "a size from " + format_bytes({kind.least}) + " to " + format_bytes({kind.most}) +
                 R"(, such as "4MiB" or a number of bytes)";
        } else if constexpr (std::is_same_v<Kind, Duration>) {
          return "a duration from " + format_duration(kind.least) + " to " + format_duration(kind.most) +
                 R"(, such as "30s" or "500ms")";
        } else if constexpr (std::is_same_v<Kind, Mode>) {
          return R"(permissions in octal, such as "0660")";
        } else if constexpr (std::is_same_v<Kind, Choice>) {
          return quoted_list(kind.names);
        } else {
          static_assert(!sizeof(Kind), "a kind nobody describes");
        }
      },
      option.kind);
}

namespace {

bool assign_text(const Text& kind, Config& config, std::string_view text) {
  // A NUL would end the value early in every C library it is handed to.
  if (text.find('\0') != std::string_view::npos) return false;
  kind.field(config) = text;
  return true;
}

bool assign_text(const Flag& kind, Config& config, std::string_view text) {
  if (text != "true" && text != "false") return false;
  kind.field(config) = text == "true";
  return true;
}

bool assign_text(const Number& kind, Config& config, std::string_view text) {
  const auto value = parse_number(text);
  if (!value || *value < kind.least || *value > kind.most) return false;
  kind.field(config) = static_cast<unsigned>(*value);
  return true;
}

bool assign_text(const Size& kind, Config& config, std::string_view text) {
  const auto value = parse_bytes(text);
  if (!value || value->value < kind.least || value->value > kind.most) return false;
  kind.field(config) = *value;
  return true;
}

bool assign_text(const Duration& kind, Config& config, std::string_view text) {
  const auto value = parse_duration(text);
  if (!value || *value < kind.least || *value > kind.most) return false;
  kind.field(config) = *value;
  return true;
}

bool assign_text(const Mode& kind, Config& config, std::string_view text) {
  const auto value = parse_mode(text);
  if (value) kind.field(config) = *value;
  return value.has_value();
}

bool assign_text(const Choice& kind, Config& config, std::string_view text) {
  const auto found = std::find(kind.names.begin(), kind.names.end(), text);
  if (found == kind.names.end()) return false;
  kind.set(config, static_cast<std::size_t>(found - kind.names.begin()));
  return true;
}

}  // namespace

Result<void> assign(const Option& option, Config& config, std::string_view text) {
  const bool taken = std::visit([&](const auto& kind) { return assign_text(kind, config, text); }, option.kind);
  if (taken) return {};
  auto message = std::string(option.name) + " must be " + describe_kind(option);
  if (!option.secret) message += "; got \"" + std::string(text) + '"';
  return fail(ErrorCode::invalid_argument, std::move(message));
}

std::string value_of(const Option& option, const Config& config) {
  // The fields give write access; nothing is written here.
  auto& source = const_cast<Config&>(config);
  return std::visit(
      [&](const auto& kind) -> std::string {
        using Kind = std::decay_t<decltype(kind)>;
        if constexpr (std::is_same_v<Kind, Choice>) {
          return std::string(kind.names[kind.get(config)]);
        } else if constexpr (std::is_same_v<Kind, Text>) {
          return kind.field(source);
        } else if constexpr (std::is_same_v<Kind, Flag>) {
          return kind.field(source) ? "true" : "false";
        } else if constexpr (std::is_same_v<Kind, Number>) {
          return std::to_string(kind.field(source));
        } else if constexpr (std::is_same_v<Kind, Size>) {
          return format_bytes(kind.field(source));
        } else if constexpr (std::is_same_v<Kind, Duration>) {
          return format_duration(kind.field(source));
        } else {
          return format_mode(kind.field(source));
        }
      },
      option.kind);
}

}  // namespace mtmsg::config
