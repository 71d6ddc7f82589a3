#include "config/loader.hpp"

#include <algorithm>
#include <set>

#include "config/checks.hpp"
#include "config/options.hpp"
#include "config/secret_file.hpp"
#include "config/toml_file.hpp"
#include "config/values.hpp"
#include "core/nearest.hpp"

namespace mtmsg::config {
namespace {

constexpr std::string_view kPrefix = "MTMSG_";
constexpr std::string_view kConfigVariable = "MTMSG_CONFIG";
constexpr std::size_t kMaxConfigBytes = 1 << 20;

enum class Layer { none, file, environment };

/// Fills a Loaded from one source after another.
class Loading {
 public:
  Loading(std::string file, const Environment& environment) : file_(std::move(file)), environment_(environment) {
    for (const auto& option : options()) assign(option, loaded_.config, option.fallback).value();
  }

  void problem(std::string where, std::string what) { loaded_.problems.push_back({std::move(where), std::move(what)}); }

  void read_document(const TomlDocument& document);
  void read_environment();
  void read_secrets();
  void check();
  Loaded take() { return std::move(loaded_); }

 private:
  std::string at_line(std::size_t line) const { return file_ + ':' + std::to_string(line); }
  void set(const Option& option, std::string_view text, Layer layer, std::string origin);
  void refuse(const Option& option, std::string where, std::string what);
  void read_entry(const TomlEntry& entry);
  void read_secret(const Option& target, const std::string& path, bool required);
  void resolve_secret(const Option& target, const Option& file);
  Layer layer_of(const Option& option) const;

  std::string file_;
  const Environment& environment_;
  Loaded loaded_;
  std::map<std::string_view, Layer> layers_;
  std::set<std::string_view> broken_;  // options with a problem of their own: no second one from the checks
};

Layer Loading::layer_of(const Option& option) const {
  const auto found = layers_.find(option.name);
  return found != layers_.end() ? found->second : Layer::none;
}

void Loading::refuse(const Option& option, std::string where, std::string what) {
  broken_.insert(option.name);
  problem(std::move(where), std::move(what));
}

void Loading::set(const Option& option, std::string_view text, Layer layer, std::string origin) {
  const auto assigned = assign(option, loaded_.config, text);
  if (assigned.has_error()) return refuse(option, std::move(origin), assigned.error().message);
  layers_[option.name] = text.empty() ? Layer::none : layer;
  loaded_.origins[option.name] = std::move(origin);
}

/// "unknown THING NAME; did you mean OTHER?"
std::string unknown(std::string_view thing, std::string_view name, std::optional<std::string_view> nearest) {
  auto text = "unknown " + std::string(thing) + " \"" + std::string(name) + '"';
  if (nearest) text += "; did you mean \"" + std::string(*nearest) + "\"?";
  return text;
}

std::optional<std::string_view> nearest_option(std::string_view name) {
  std::vector<std::string_view> names;
  std::vector<std::string_view> same_key;
  const auto key = name.substr(name.rfind('.') == std::string_view::npos ? 0 : name.rfind('.') + 1);
  for (const auto& option : options()) {
    names.push_back(option.name);
    if (option.key() == key) same_key.push_back(option.name);
  }
  // The right key in the wrong section is likelier than a slip of several letters.
  if (same_key.size() == 1) return same_key.front();
  return nearest_name(name, names);
}

std::vector<std::string_view> section_names() {
  std::vector<std::string_view> names;
  for (const auto& option : options()) {
    if (names.empty() || names.back() != option.section()) names.push_back(option.section());
  }
  return names;
}

/// The entry's value as an environment variable would give it, if its type fits the option's kind.
std::optional<std::string> text_for(const Option& option, const TomlEntry& entry) {
  using Type = TomlEntry::Type;
  const auto is = [&](Type type) { return entry.type == type; };
  if (std::holds_alternative<Flag>(option.kind)) return is(Type::boolean) ? std::optional(entry.text) : std::nullopt;
  if (std::holds_alternative<Number>(option.kind)) return is(Type::integer) ? std::optional(entry.text) : std::nullopt;
  if (is(Type::string)) return entry.text;
  if (!is(Type::integer)) return std::nullopt;
  if (std::holds_alternative<Size>(option.kind)) return entry.text;
  if (std::holds_alternative<Mode>(option.kind)) {
    // 0o660 arrives as its value.
    const auto value = parse_number(entry.text);
    return value && *value <= 0777 ? std::optional(format_mode({static_cast<unsigned>(*value)})) : std::nullopt;
  }
  return std::nullopt;
}

void Loading::read_entry(const TomlEntry& entry) {
  const auto where = at_line(entry.line);
  const auto* const option = find_option(entry.name);
  if (option != nullptr) {
    if (const auto text = text_for(*option, entry)) return set(*option, *text, Layer::file, where);
    auto what = std::string(option->name) + " must be " + describe_kind(*option);
    const bool unitless = std::holds_alternative<Duration>(option->kind) && entry.type == TomlEntry::Type::integer;
    if (unitless) what += "; a bare number has no unit";
    return refuse(*option, where, std::move(what));
  }
  const auto sections = section_names();
  const auto section = entry.name.substr(0, entry.name.find('.'));
  const bool known_section = std::find(sections.begin(), sections.end(), section) != sections.end();
  if (entry.name == section && known_section) return problem(where, section + " is a section: write [" + section + ']');
  // Keys of an unknown section are not worth a line each: the section has one already.
  if (entry.name != section && !known_section) return;
  problem(where, unknown("key", entry.name, nearest_option(entry.name)));
}

void Loading::read_document(const TomlDocument& document) {
  if (document.error) return problem(at_line(document.error->line), document.error->what);
  const auto sections = section_names();
  for (const auto& section : document.sections) {
    if (std::find(sections.begin(), sections.end(), section.name) == sections.end()) {
      problem(at_line(section.line), unknown("section", section.name, nearest_name(section.name, sections)));
    }
  }
  for (const auto& entry : document.entries) read_entry(entry);
}

void Loading::read_environment() {
  std::map<std::string, const Option*, std::less<>> known;
  for (const auto& option : options()) known.emplace(environment_name(option), &option);
  std::vector<std::string_view> names{kConfigVariable};
  for (const auto& [name, option] : known) names.push_back(name);
  for (const auto& [name, value] : environment_) {
    if (!name.starts_with(kPrefix) || name == kConfigVariable || value.empty()) continue;
    const auto found = known.find(name);
    if (found == known.end()) {
      problem(name, unknown("variable", name, nearest_name(name, names)));
    } else {
      set(*found->second, value, Layer::environment, name);
    }
  }
}

void Loading::read_secret(const Option& target, const std::string& path, bool required) {
  auto secret = read_secret_file(path);
  if (secret.has_value()) return set(target, *secret, Layer::environment, path);
  if (!required && secret.error().code == ErrorCode::not_found) return;
  refuse(target, std::string(target.name), secret.error().message);
}

void Loading::resolve_secret(const Option& target, const Option& file) {
  if (broken_.contains(target.name) || broken_.contains(file.name)) {
    broken_.insert(target.name);
    return;
  }
  const auto direct = layer_of(target);
  const auto by_file = layer_of(file);
  if (direct == Layer::none && by_file == Layer::none) {
    const auto directory = environment_.find("CREDENTIALS_DIRECTORY");
    if (directory == environment_.end() || directory->second.empty()) return;
    return read_secret(target, directory->second + '/' + std::string(target.name), false);
  }
  if (direct == by_file) {
    return refuse(target, loaded_.origins[file.name],
                  "both " + std::string(target.name) + " and " + std::string(file.name) + " are set: keep one");
  }
  if (by_file > direct) return read_secret(target, value_of(file, loaded_.config), true);
  // Overridden by a later source.
  loaded_.origins.erase(file.name);
  (void)assign(file, loaded_.config, "");
}

void Loading::read_secrets() {
  for (const auto& option : options()) {
    if (!option.file_of.empty()) resolve_secret(*find_option(option.file_of), option);
  }
}

void Loading::check() {
  std::vector<Problem> found;
  check_config(loaded_.config, found);
  for (auto& each : found) {
    const auto* const option = find_option(each.where);
    if (option != nullptr && broken_.contains(option->name)) continue;
    const auto origin = option != nullptr ? loaded_.origins.find(option->name) : loaded_.origins.end();
    if (origin != loaded_.origins.end()) {
      problem(origin->second, each.where + ' ' + each.what);
    } else {
      problem(std::move(each.where), std::move(each.what));
    }
  }
}

Loaded finish(Loading& loading, const TomlDocument& document) {
  loading.read_document(document);
  loading.read_environment();
  loading.read_secrets();
  // A file that can't be read makes half of the options look unset.
  if (!document.error) loading.check();
  return loading.take();
}

}  // namespace

Environment environment_from(const char* const* entries) {
  Environment environment;
  for (; entries != nullptr && *entries != nullptr; ++entries) {
    const std::string_view entry(*entries);
    const auto equals = entry.find('=');
    if (equals == std::string_view::npos) continue;
    environment.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return environment;
}

Loaded load_text(std::string_view toml, const std::string& file, const Environment& environment) {
  Loading loading(file, environment);
  return finish(loading, read_toml(toml));
}

Loaded load(const std::string& file, FileRule rule, const Environment& environment) {
  const auto text = read_file(file, kMaxConfigBytes);
  if (text.has_value()) return load_text(*text, file, environment);
  if (rule == FileRule::optional && text.error().code == ErrorCode::not_found) return load_text("", file, environment);
  Loading loading(file, environment);
  loading.problem("configuration", text.error().message);
  return loading.take();
}

}  // namespace mtmsg::config
