#include <algorithm>
#include <memory>

#include "client/management.hpp"
#include "cmd/command.hpp"
#include "core/uuid.hpp"
#include "wire/json_text.hpp"

namespace mtmsg::ctl {
namespace {

constexpr auto kNothing = "^$";

struct Options {
  std::string tenant;
  std::string user;
  std::string vhost = "/";
  bool create = false;
  bool apply = false;
  std::string management_url;
  std::string management_user;
  std::string management_password_file;
  std::string password_file;
};

/// What is to be given, and to whom.
struct Grant {
  TenantId tenant;
  std::string exchange;
  client::BrokerPermissions permissions;
  std::vector<std::string> commands;  ///< that do the same in a shell
};

/// For a POSIX shell.
std::string shell_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

Grant grant_of(TenantId tenant, const Options& options) {
  Grant grant{tenant, "tenant_" + tenant.to_string(), {}, {}};
  grant.permissions = {kNothing, "^" + grant.exchange + "$", kNothing};
  if (options.create) grant.commands.push_back("rabbitmqctl add_user " + shell_quoted(options.user));
  grant.commands.push_back("rabbitmqctl set_permissions -p " + shell_quoted(options.vhost) + " " +
                           shell_quoted(options.user) + " " + shell_quoted(grant.permissions.configure) + " " +
                           shell_quoted(grant.permissions.write) + " " + shell_quoted(grant.permissions.read));
  return grant;
}

std::string json_of(const Grant& grant, const Options& options, std::string_view new_password) {
  std::string json;
  wire::ObjectWriter object(json);
  object.text("tenant_id", grant.tenant.to_string())
      .text("exchange", grant.exchange)
      .text("vhost", options.vhost)
      .text("user", options.user)
      .text("configure", grant.permissions.configure)
      .text("write", grant.permissions.write)
      .text("read", grant.permissions.read)
      .flag("applied", options.apply);
  if (!new_password.empty()) object.text("password", new_password);
  wire::append_array(object.value("commands"), grant.commands,
                     [](std::string& out, const std::string& command) { wire::append_json_string(out, command); });
  object.close();
  return json;
}

ExitCode print_commands(Context& context, const Grant& grant, const Options& options) {
  if (context.format() == Format::table) {
    for (const auto& command : grant.commands) context.print_line(command);
  } else {
    Fields fields{{"user", options.user}, {"vhost", options.vhost}, {"write", grant.permissions.write}};
    context.print(fields, json_of(grant, options, {}));
  }
  if (options.create) context.note("add_user reads the password from standard input: it stands on no command line.");
  context.note("Run this where the broker runs, as its administrator. The user can then publish to the exchange " +
               grant.exchange + " and to nothing else in this virtual host.");
  return ExitCode::done;
}

ExitCode failed(Context& context, const client::CallError& error) {
  context.complain(error.error.message);
  if (error.cause == client::CallError::Cause::unreachable) {
    context.note(
        "Is the plugin on ('rabbitmq-plugins enable rabbitmq_management'), and --management-url right? Without --apply "
        "the commands are printed that do the same.");
    return ExitCode::unreachable;
  }
  if (error.error.code == ErrorCode::unauthenticated)
    context.note("Look at --management-user and --management-password-file; the user needs the tag 'administrator'.");
  else if (error.error.code == ErrorCode::invalid_argument)
    context.note("A user that does not exist yet is made with --create; look at --vhost, too.");
  return ExitCode::refused;
}

/// Of the operating system's randomness.
std::string generated_password() {
  auto text = Uuid::v4().to_string() + Uuid::v4().to_string();
  std::erase(text, '-');
  return text;
}

/// What was found wrong with the line, or empty.
std::string wrong_options(const Options& options) {
  if (options.apply &&
      (options.management_url.empty() || options.management_user.empty() || options.management_password_file.empty()))
    return "--apply needs --management-url, --management-user and --management-password-file";
  if (!options.apply && (!options.management_url.empty() || !options.management_user.empty() ||
                         !options.management_password_file.empty() || !options.password_file.empty()))
    return "the management API is only asked with --apply";
  if (!options.password_file.empty() && !options.create) return "--password-file is for a user made with --create";
  return {};
}

struct Passwords {
  std::string administrator;
  std::string of_user;
  bool generated = false;
};

Result<Passwords> passwords_of(const Options& options) {
  Passwords passwords;
  auto administrator = read_secret_file(options.management_password_file, "password");
  if (!administrator) return administrator.error();
  passwords.administrator = std::move(*administrator);
  if (!options.create) return passwords;
  passwords.generated = options.password_file.empty();
  auto of_user = passwords.generated ? Result<std::string>(generated_password())
                                     : read_secret_file(options.password_file, "password");
  if (!of_user) return of_user.error();
  passwords.of_user = std::move(*of_user);
  return passwords;
}

ExitCode apply(Context& context, const Grant& grant, const Options& options, const client::Endpoint& endpoint,
               const Passwords& passwords) {
  client::BrokerManagement management(endpoint, {options.management_user, passwords.administrator}, context.timeout());
  if (options.create) {
    const auto exists = management.user_exists(options.user);
    if (!exists) return failed(context, exists.error());
    if (*exists) {
      context.complain("the user " + options.user + " exists already, and would get a new password");
      context.note("Leave --create out to give only the permissions, or choose another name.");
      return ExitCode::refused;
    }
    const auto made = management.put_user(options.user, passwords.of_user);
    if (!made) return failed(context, made.error());
  }
  const auto given = management.put_permissions(options.vhost, options.user, grant.permissions);
  if (!given) {
    const auto code = failed(context, given.error());
    if (!options.create) return code;
    context.note("The user " + options.user + " was made, without permissions" +
                 (passwords.generated ? " and with a password nobody knows: 'rabbitmqctl delete_user' removes it."
                                      : ": run the command again without --create."));
    return ExitCode::partly;
  }
  const auto shown = passwords.generated ? passwords.of_user : std::string();
  Fields fields{{"user", options.user}, {"vhost", options.vhost}, {"write", grant.permissions.write}};
  if (!shown.empty()) fields.emplace_back("password", shown);
  context.print(fields, json_of(grant, options, shown));
  if (!shown.empty()) context.note("The password is shown this once; it is kept nowhere.");
  context.note("In this virtual host the user can publish to the exchange " + grant.exchange +
               " and do nothing else. What it may do in others, and its tags, are as they were.");
  return ExitCode::done;
}

ExitCode credentials(Context& context, const Options& options) {
  if (const auto wrong = wrong_options(options); !wrong.empty()) return context.usage_error(wrong);
  std::optional<client::Endpoint> endpoint;
  Passwords passwords;
  if (options.apply) {
    const auto parsed = client::Endpoint::parse(options.management_url);
    if (!parsed || parsed->scheme == client::Endpoint::Scheme::unix_socket)
      return context.usage_error("'" + options.management_url +
                                 "' is not the address of a management API: give http(s)://HOST:PORT");
    endpoint = *parsed;
    auto read = passwords_of(options);
    if (!read) return context.usage_error(read.error().message);
    passwords = std::move(*read);
  }
  const auto detail = context.client().tenant(options.tenant);
  if (!detail) return context.failed(detail.error());
  const auto grant = grant_of(detail->tenant.id, options);
  return options.apply ? apply(context, grant, options, *endpoint, passwords) : print_commands(context, grant, options);
}

/// It goes into a shell's command line and into a path: a name that would look like an option, or hold what no terminal
/// shows, is nobody's.
std::string check_name(const std::string& name) {
  const bool visible = std::ranges::none_of(name, [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  if (!name.empty() && name.size() <= 255 && visible && !name.starts_with('-')) return {};
  return "'" + name + "' is no name: 1 to 255 characters, no control characters, no - at the beginning";
}

}  // namespace

void add_tenant_credentials(CLI::App& noun, Action& chosen) {
  const auto options = std::make_shared<Options>();
  auto& verb =
      add_verb(noun, "credentials",
               "Confine a RabbitMQ user to publishing to one tenant's exchange: print the commands, or apply them",
               "mtmsgctl tenant credentials acme --user acme-app --create\n"
               "mtmsgctl tenant credentials acme --user acme-app | sh\n"
               "mtmsgctl tenant credentials acme --user acme-app --create --apply \\\n"
               "    --management-url http://127.0.0.1:15672 \\\n"
               "    --management-user admin --management-password-file admin.pw");
  add_tenant_argument(verb, options->tenant);
  verb.add_option("--user", options->user, "The user of RabbitMQ")->type_name("USER")->required()->check(check_name);
  verb.add_option("--vhost", options->vhost, "The virtual host of the daemon's broker.url")
      ->type_name("VHOST")
      ->check(check_name)
      ->capture_default_str();
  verb.add_flag("--create", options->create, "Make the user, too");
  verb.add_flag("--apply", options->apply, "Do it now, through RabbitMQ's management HTTP API");
  verb.add_option("--management-url", options->management_url, "Where the management API listens")
      ->type_name("http(s)://HOST:PORT");
  verb.add_option("--management-user", options->management_user, "An administrator of RabbitMQ")->type_name("USER");
  verb.add_option("--management-password-file", options->management_password_file, "A file with his password")
      ->type_name("FILE");
  verb.add_option("--password-file", options->password_file,
                  "A file with the password of the user that is made; without it one is generated and printed, once")
      ->type_name("FILE");
  on_chosen(verb, chosen, [options](Context& context) { return credentials(context, *options); });
}

}  // namespace mtmsg::ctl
