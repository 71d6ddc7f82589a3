#include "cmd/config.hpp"

#include <algorithm>
#include <memory>

#include "cmd/command.hpp"
#include "config/print.hpp"
#include "config/values.hpp"
#include "core/nearest.hpp"
#include "setup/keys.hpp"
#include "setup/tls_files.hpp"
#include "wire/json_text.hpp"

extern char** environ;

namespace mtmsg::ctl {
namespace {

constexpr auto kDefaultFile = "/etc/mtmsg/mtmsgd.toml";

struct Options {
  std::string file;
  std::vector<std::string> names;
};

/// What the daemon would load if it were started with this file in this environment.
struct Source {
  std::string file;
  config::Loaded loaded;
};

Source load(const Options& options) {
  const auto environment = config::environment_from(environ);
  auto file = options.file;
  if (const auto variable = environment.find("MTMSG_CONFIG"); file.empty() && variable != environment.end())
    file = variable->second;
  const auto rule = file.empty() ? config::FileRule::optional : config::FileRule::required;
  if (file.empty()) file = kDefaultFile;
  return {file, config::load(file, rule, environment)};
}

/// The loader's problems, and without any those of the files that it names: as mtmsgd --check-config.
std::vector<config::Problem> problems_of(const config::Loaded& loaded) {
  if (!loaded.ok()) return loaded.problems;
  if (const auto files = setup::check_tls_files(loaded.config); files.has_error())
    return {{"configuration", files.error().message}};
  if (const auto rules = setup::token_rules(loaded.config); rules.has_error())
    return {{"configuration", rules.error().message}};
  return {};
}

void append_problem(std::string& out, const config::Problem& problem) {
  wire::ObjectWriter(out).text("where", problem.where).text("what", problem.what).close();
}

ExitCode complain_about(Context& context, const std::vector<config::Problem>& problems) {
  for (const auto& problem : problems) context.complain(problem.to_string());
  context.note(counted(problems.size(), "problem") + " in the configuration; see mtmsgd.toml(5).");
  return ExitCode::refused;
}

ExitCode check(Context& context, const Options& options) {
  const auto source = load(options);
  const auto problems = problems_of(source.loaded);
  if (context.format_given()) {
    Listing listing;
    listing.table.columns = {{"where"}, {"what", Kind::flexible}};
    for (const auto& problem : problems) {
      listing.table.rows.push_back({problem.where, problem.what});
      append_problem(listing.json.emplace_back(), problem);
    }
    wire::ObjectWriter object(listing.document);
    object.text("file", source.file).flag("ok", problems.empty());
    wire::append_array(object.value("problems"), problems, append_problem);
    object.close();
    context.print(listing);
  }
  if (!problems.empty()) return complain_about(context, problems);
  context.note("The configuration in " + source.file + " is in order.");
  return ExitCode::done;
}

/// An option's name, or a section's for all of it.
std::string check_name(const std::string& name) {
  std::vector<std::string_view> known;
  for (const auto& option : config::options()) {
    if (option.name == name || option.section() == name) return {};
    known.push_back(option.name);
    if (known.back() != option.section()) known.push_back(option.section());
  }
  const auto nearest = nearest_name(name, known);
  return "there is no option '" + name + "'" + (nearest ? "; did you mean '" + std::string(*nearest) + "'?" : "");
}

bool is_wanted(const config::Option& option, const std::vector<std::string>& names) {
  const auto fits = [&](const std::string& name) { return option.name == name || option.section() == name; };
  return names.empty() || std::ranges::any_of(names, fits);
}

ExitCode show(Context& context, const Options& options) {
  const auto source = load(options);
  if (!source.loaded.ok()) return complain_about(context, source.loaded.problems);
  Listing listing;
  listing.table.columns = {{"option"}, {"value", Kind::flexible}, {"origin", Kind::flexible}, {"change"}};
  for (const auto& option : config::options()) {
    if (!is_wanted(option, options.names)) continue;
    auto value = config::value_of(option, source.loaded.config);
    if (option.secret) value = config::mask_secrets(value);
    const auto found = source.loaded.origins.find(option.name);
    const auto origin = found == source.loaded.origins.end() ? std::string("default") : found->second;
    const std::string change = option.reloadable ? "reload" : "restart";
    listing.table.rows.push_back({std::string(option.name), value, origin, change});
    wire::ObjectWriter(listing.json.emplace_back())
        .text("option", option.name)
        .text("value", value)
        .text("origin", origin)
        .text("change", change)
        .close();
  }
  wire::ObjectWriter object(listing.document);
  wire::append_array(object.value("data"), listing.json, [](std::string& out, const std::string& row) { out += row; });
  object.close();
  context.print(listing);
  return ExitCode::done;
}

void add_file_option(CLI::App& verb, Options& options) {
  verb.add_option(
          "--config", options.file,
          "The daemon's configuration file; without it $MTMSG_CONFIG, or /etc/mtmsg/mtmsgd.toml if there is one")
      ->type_name("FILE")
      ->check([](const std::string& text) { return text.empty() ? "must not be empty" : std::string(); });
}

}  // namespace

void add_config(CLI::App& noun, Action& chosen) {
  const auto options = std::make_shared<Options>();
  auto& check_verb = add_verb(noun, "check", "Check a configuration of the daemon, with the files it names",
                              "mtmsgctl config check\n"
                              "mtmsgctl config check --config ./mtmsgd.toml\n"
                              "mtmsgctl config check && sudo mtmsgctl service reload");
  add_file_option(check_verb, *options);
  on_chosen(check_verb, chosen, [options](Context& context) { return check(context, *options); });

  auto& show_verb = add_verb(noun, "show", "Show what the daemon would run with, secrets hidden",
                             "mtmsgctl config show\n"
                             "mtmsgctl config show http tenants.workers\n"
                             "mtmsgctl config show --config ./mtmsgd.toml -o csv");
  add_file_option(show_verb, *options);
  show_verb.add_option("OPTION", options->names, "Only these options, or sections of them")->check(check_name);
  on_chosen(show_verb, chosen, [options](Context& context) { return show(context, *options); });
}

}  // namespace mtmsg::ctl
