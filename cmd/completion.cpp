#include "cmd/completion.hpp"

#include <algorithm>
#include <csignal>

#include <sys/time.h>
#include <unistd.h>

#include "auth/scopes.hpp"
#include "cmd/globals.hpp"
#include "cmd/names.hpp"
#include "cmd/profile.hpp"
#include "wire/dead_letter.hpp"

namespace mtmsg::ctl {
namespace {

constexpr std::chrono::seconds kPatience{1};
// Of everything, also of what has no limit of its own: looking up a host's name.
constexpr std::chrono::seconds kLongest{2};

/// Where the line has come to before the word to complete.
struct Place {
  CLI::App* app = nullptr;
  const CLI::Option* value_of = nullptr;  ///< the word before wants one
  bool only_arguments = false;            ///< behind "--"
  std::size_t arguments = 0;
  std::vector<const CLI::Option*> given;
};

bool is_given(const Place& place, const CLI::Option* option) {
  return std::ranges::find(place.given, option) != place.given.end();
}

/// A global option's value is needed to find the daemon.
void keep(CLI::App& root, const CLI::Option* option, const std::string& value) {
  for (auto* each : root.get_options([](const CLI::Option*) { return true; })) {
    if (each != option) continue;
    each->clear();
    each->add_result(value);
    try {
      each->run_callback();
    } catch (const CLI::Error&) {  // whoever runs the line is told
      each->clear();
    }
  }
}

void read_option(CLI::App& root, Place& place, const std::string& word) {
  const auto equals = word.starts_with("--") ? word.find('=') : std::string::npos;
  const auto* option = find_option(place.app, word.starts_with("--") ? word.substr(0, equals) : word.substr(0, 2));
  if (option == nullptr) return;
  place.given.push_back(option);
  if (option->get_items_expected_max() == 0) return;
  if (equals != std::string::npos)
    keep(root, option, word.substr(equals + 1));
  else if (word.starts_with("--") || word.size() == 2)
    place.value_of = option;
  else
    keep(root, option, word.substr(2));
}

void read_word(CLI::App& root, Place& place, const std::string& word) {
  if (place.value_of != nullptr) {
    keep(root, place.value_of, word);
    place.value_of = nullptr;
  } else if (word == "--" && !place.only_arguments) {
    place.only_arguments = true;
  } else if (word.size() > 1 && word.front() == '-' && !place.only_arguments) {
    read_option(root, place, word);
  } else if (auto* command = find_command(*place.app, word); command != nullptr) {
    place.app = command;
  } else {
    ++place.arguments;
  }
}

std::string kind_of(const CLI::Option& option) {
  const auto type = option.get_type_name();
  return option.get_positional() && type == "TEXT" ? option.get_name(true, false) : type.substr(0, type.find('|'));
}

void offer_value(Offer& offer, const CLI::Option& option, std::string_view typed) {
  offer.typed = typed;
  const auto kind = kind_of(option);
  if (option.check_name("--profile")) offer.ask = Offer::Ask::profiles;
  if (kind == "TENANT") offer.ask = Offer::Ask::tenants;
  if (kind == "FILE") offer.files = Offer::Files::any;
  if (kind == "DIR") offer.files = Offer::Files::folders;
  for (auto& choice : choices_of(kind)) offer.candidates.push_back({std::move(choice)});
}

void offer_options(Offer& offer, const Place& place) {
  for (const CLI::App* app = place.app; app != nullptr; app = app->get_parent()) {
    for (const auto* option : app->get_options()) {
      const bool again =
          option->get_expected_max() > 1 || option->get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
      if (is_given(place, option) && !again) continue;
      // Of those above only the ones that every command takes.
      if (app != place.app && (option == app->get_help_ptr() || option == app->get_version_ptr())) continue;
      const auto help = option == app->get_help_ptr() ? std::string("Show a help text") : option->get_description();
      for (const auto& name : option->get_lnames()) offer.candidates.push_back({"--" + name, help});
    }
  }
}

/// The argument that the next word without a dash is for.
const CLI::Option* argument_at(const Place& place) {
  std::size_t left = place.arguments;
  for (const auto* option : place.app->get_options()) {
    if (!option->get_positional() || is_given(place, option)) continue;
    if (left == 0 || option->get_items_expected_max() > 1) return option;
    --left;
  }
  return nullptr;
}

/// Ends a lookup that nothing else ends. For as long as the object lives.
class Alarm {
 public:
  Alarm() : before_(std::signal(SIGALRM, [](int) { ::_exit(0); })) { set(kLongest); }
  ~Alarm() {
    set(std::chrono::seconds(0));
    std::signal(SIGALRM, before_);
  }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

 private:
  static void set(std::chrono::seconds limit) {
    const itimerval timer{{0, 0}, {limit.count(), 0}};
    ::setitimer(ITIMER_REAL, &timer, nullptr);
  }
  void (*before_)(int);
};

void ask_for_tenants(Offer& offer, CommandLine& line, const std::string& profiles) {
  const Alarm alarm;
  if (!settle(line.root, profiles)) return;
  // What is read from a descriptor is gone for the line itself.
  if (line.root.get_option("--token-fd")->count() > 0) return;
  auto client = connect(line.root, line.globals, kPatience);
  if (!client) return;
  TenantQuery query;
  query.name_prefix = offer.typed;
  const auto tenants = client->tenants(query);
  if (!tenants) return;
  for (const auto& tenant : *tenants) offer.candidates.push_back({tenant.name});
}

void ask_for_profiles(Offer& offer, const CommandLine& line, const std::string& profiles) {
  const auto read = read_profiles(profiles, profile_keys(line.root));
  if (!read) return;
  for (const auto& name : read->names) offer.candidates.push_back({name});
}

}  // namespace

std::vector<std::string> choices_of(std::string_view kind) {
  if (kind == "FORMAT") return {"table", "json", "ndjson", "csv"};
  if (kind == "STATE") return {"creating", "active", "paused", "deleting"};
  if (kind == "METHOD") return {"zstd", "gzip"};
  if (kind == "ROLE") return {"admin", "tenant", "viewer"};
  std::vector<std::string> names;
  if (kind == "REASON")
    for (const auto reason : kDeadReasons) names.emplace_back(to_string(reason));
  if (kind == "SCOPE")
    for (const auto name : auth::scope_names()) names.emplace_back(name);
  return names;
}

Offer offer_for(CommandLine& line, std::span<const std::string> words) {
  Offer offer;
  if (words.empty()) return offer;
  Place place;
  place.app = &line.root;
  for (const auto& word : words.first(words.size() - 1)) read_word(line.root, place, word);
  const std::string& current = words.back();
  offer.typed = current;
  const auto equals = current.find('=');
  if (place.value_of != nullptr) {
    offer_value(offer, *place.value_of, current);
  } else if (!place.only_arguments && current.starts_with("--") && equals != std::string::npos) {
    const auto* option = find_option(place.app, current.substr(0, equals));
    offer.before = current.substr(0, equals + 1);
    if (option != nullptr) offer_value(offer, *option, std::string_view(current).substr(equals + 1));
  } else if (!place.only_arguments && current.starts_with('-')) {
    offer_options(offer, place);
  } else if (const auto commands = commands_of(*place.app); !commands.empty()) {
    for (const auto* command : commands) offer.candidates.push_back({command->get_name(), command->get_description()});
  } else if (const auto* argument = argument_at(place); argument != nullptr) {
    offer_value(offer, *argument, current);
  }
  std::erase_if(offer.candidates, [&](const Candidate& each) { return !each.text.starts_with(offer.typed); });
  return offer;
}

void complete(std::span<const std::string> words, const Surroundings& around, const std::string& profiles) {
  if (!words.empty() && words.front() == "--") words = words.subspan(1);
  CommandLine line;
  auto offer = offer_for(line, words);
  if (offer.ask == Offer::Ask::tenants) ask_for_tenants(offer, line, profiles);
  if (offer.ask == Offer::Ask::profiles) ask_for_profiles(offer, line, profiles);
  std::string out;
  for (const auto& [text, help] : offer.candidates)
    if (text.starts_with(offer.typed)) out += offer.before + text + (help.empty() ? "" : "\t" + help) + "\n";
  if (offer.files == Offer::Files::any) out += ":files\n";
  if (offer.files == Offer::Files::folders) out += ":folders\n";
  around.out.write(out);
  around.out.flush();
}

}  // namespace mtmsg::ctl
