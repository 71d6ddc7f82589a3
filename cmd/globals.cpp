#include "cmd/globals.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>

#include <unistd.h>

#include "client/endpoint.hpp"
#include "cmd/command.hpp"
#include "cmd/profile.hpp"

namespace mtmsg::ctl {
namespace {

constexpr std::uint64_t kLongestTimeoutSeconds = 86'400;
constexpr std::uint64_t kHighestDescriptor = 1'000'000;
constexpr std::size_t kMaxTokenBytes = 16'384;

const std::map<std::string, Format> kFormats{
    {"table", Format::table}, {"json", Format::json}, {"ndjson", Format::ndjson}, {"csv", Format::csv}};

void add_way(CLI::App& root, Globals& globals) {
  // These two are looked up by their names: nobody but this file asks for them.
  root.add_option_function<std::string>(
          "--profile", [](const std::string&) {},
          "Which section of ~/.config/mtmsg/ctl.toml gives what the line does not")
      ->type_name("NAME");
  root.add_option("--endpoint", globals.endpoint,
                  "Where the daemon listens: unix:PATH, http://HOST:PORT or https://HOST:PORT")
      ->type_name("URL")
      ->capture_default_str();
  root.add_option("--token-file", globals.token_file, "File with a bearer token; the local socket needs none")
      ->type_name("FILE");
  root.add_option_function<std::string>(
          "--token-fd", [](const std::string&) {}, "Open file descriptor to read the token from")
      ->type_name("FD")
      ->check(whole_number(0, kHighestDescriptor));
  root.add_option("--ca-file", globals.ca_file, "With https: PEM file with the CAs to trust instead of the system's")
      ->type_name("FILE");
  root.add_option("--client-cert", globals.client_cert,
                  "With https: PEM file with the certificate to show, with its --client-key")
      ->type_name("FILE");
  root.add_option("--client-key", globals.client_key, "With https: PEM file with the key of --client-cert")
      ->type_name("FILE");
  root.add_option("--timeout", globals.timeout_seconds, "Seconds to wait for a connection, and for each answer")
      ->type_name("SECONDS")
      ->check(whole_number(1, kLongestTimeoutSeconds))
      ->capture_default_str();
}

void add_printing(CLI::App& root, Globals& globals) {
  root.add_option_function<std::string>(
          "-o,--format", [&globals](const std::string& name) { globals.format = kFormats.at(name); },
          "How to print data: table, json, ndjson or csv (default: table)")
      ->type_name("FORMAT")
      ->check([](const std::string& name) {
        return kFormats.contains(name) ? std::string() : "'" + name + "' is not one of table, json, ndjson, csv";
      });
}

bool is_setting(const CLI::App& root, const CLI::Option& option) {
  return &option != root.get_help_ptr() && &option != root.get_version_ptr();
}

/// What was given, wherever; empty: nothing.
std::string value_of(const CLI::App& root, const char* name) {
  const auto* option = root.get_option(name);
  return option->count() == 0 ? std::string() : option->results().front();
}

std::string key_of(const CLI::Option& option) {
  auto key = option.get_lnames().front();
  std::ranges::replace(key, '-', '_');
  return key;
}

/// Options of which one being given leaves the others alone.
bool is_taken(const CLI::App& root, const std::string& key) {
  const auto given = [&root](const char* name) { return root.get_option(name)->count() > 0; };
  return (key == "token_file" && given("--token-fd")) || (key == "token_fd" && given("--token-file"));
}

Result<void> set(CLI::Option& option, const std::string& text, const std::string& from) {
  try {
    option.add_result(text);
    option.run_callback();
    return {};
  } catch (const CLI::Error& error) {
    option.clear();
    std::string reason = error.what();
    const auto name = option.get_name() + ": ";
    if (reason.starts_with(name)) reason.erase(0, name.size());
    return fail(ErrorCode::invalid_argument, from + ": " + reason);
  }
}

Result<void> settle_variables(CLI::App& root, std::vector<CLI::Option*>& open) {
  std::vector<std::pair<CLI::Option*, std::string>> found;
  for (auto* option : open) {
    const char* value = std::getenv(variable_of(*option).c_str());
    if (value != nullptr && *value != '\0' && !is_taken(root, key_of(*option))) found.emplace_back(option, value);
  }
  for (auto& [option, value] : found)
    if (auto done = set(*option, value, variable_of(*option)); !done) return done;
  std::erase_if(open, [](const CLI::Option* option) { return option->count() > 0; });
  return {};
}

/// A file's name in the profile is meant from where the profile is.
std::string path_in(const std::string& profiles, const std::string& path) {
  return std::filesystem::path(profiles).parent_path() / path;
}

Result<void> settle_profile(CLI::App& root, const std::string& file, const std::vector<CLI::Option*>& open) {
  const auto profiles = read_profiles(file, profile_keys(root));
  if (!profiles) return profiles.error();
  // The token of one daemon must not go to another: who names an endpoint names the profile, too, or does without.
  const bool elsewhere = root.get_option("--endpoint")->count() > 0;
  const auto named = value_of(root, "--profile");
  const auto& name = named.empty() && !elsewhere ? profiles->fallback : named;
  if (name.empty()) return {};
  const auto values = profiles->of(name);
  if (!values) return values.error();
  for (const auto& value : *values) {
    const auto option = std::ranges::find(open, value.key, [](const CLI::Option* each) { return key_of(*each); });
    if (option == open.end() || is_taken(root, value.key)) continue;
    const auto text = (*option)->get_type_name() == "FILE" ? path_in(file, value.text) : value.text;
    if (auto done = set(**option, text, file + ":" + std::to_string(value.line)); !done) return done;
  }
  return {};
}

Result<std::string> read_token_from(int descriptor) {
  const auto name = "the file descriptor " + std::to_string(descriptor) + " (--token-fd)";
  std::string token;
  char buffer[1024];
  while (true) {
    const auto count = ::read(descriptor, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(ErrorCode::invalid_argument, name + " cannot be read: " + std::strerror(errno));
    if (count == 0) break;
    token.append(buffer, static_cast<std::size_t>(count));
    if (token.size() > kMaxTokenBytes) return fail(ErrorCode::invalid_argument, name + " holds more than a token");
  }
  const auto begin = token.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return fail(ErrorCode::invalid_argument, name + " holds no token");
  return token.substr(begin, token.find_last_not_of(" \t\r\n") - begin + 1);
}

Result<std::string> token_of(const CLI::App& root, const Globals& globals) {
  const auto descriptor = value_of(root, "--token-fd");
  if (!globals.token_file.empty() && !descriptor.empty())
    return fail(ErrorCode::invalid_argument, "give --token-file or --token-fd, not both");
  if (!descriptor.empty()) return read_token_from(std::stoi(descriptor));
  return globals.token_file.empty() ? Result<std::string>(std::string())
                                    : read_secret_file(globals.token_file, "token");
}

}  // namespace

void add_globals(CLI::App& root, Globals& globals) {
  add_way(root, globals);
  add_printing(root, globals);
}

std::string variable_of(const CLI::Option& option) {
  if (option.get_lnames().empty()) return {};
  const auto key = key_of(option);
  if (key == "help" || key == "version") return {};
  std::string name = "MTMSGCTL_" + key;
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return name;
}

std::vector<std::string> profile_keys(const CLI::App& root) {
  std::vector<std::string> keys;
  for (const auto* option : root.get_options())
    if (is_setting(root, *option) && key_of(*option) != "profile") keys.push_back(key_of(*option));
  return keys;
}

Result<void> settle(CLI::App& root, const std::string& profiles) {
  std::vector<CLI::Option*> open;
  for (auto* option : root.get_options([](const CLI::Option*) { return true; }))
    if (is_setting(root, *option) && option->count() == 0) open.push_back(option);
  if (auto done = settle_variables(root, open); !done) return done;
  return settle_profile(root, profiles, open);
}

Result<client::Client> connect(const CLI::App& root, const Globals& globals, std::chrono::seconds timeout) {
  auto endpoint = client::Endpoint::parse(globals.endpoint);
  if (!endpoint) return endpoint.error();
  auto token = token_of(root, globals);
  if (!token) return token.error();
  client::Options options{timeout, std::move(*token)};
  options.ca_file = globals.ca_file;
  options.client_cert = globals.client_cert;
  options.client_key = globals.client_key;
  if (options.client_cert.empty() != options.client_key.empty())
    return fail(ErrorCode::invalid_argument, "--client-cert and --client-key belong together");
  if (endpoint->scheme == client::Endpoint::Scheme::https)
    if (auto files = client::check_tls_files(options); !files) return files.error();
  return client::Client(std::move(*endpoint), std::move(options));
}

}  // namespace mtmsg::ctl
