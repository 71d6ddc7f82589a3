#include <algorithm>
#include <fstream>
#include <memory>
#include <set>

#include "cmd/command.hpp"
#include "wire/orphan.hpp"

namespace mtmsg::ctl {
namespace {

struct Options {
  std::string queues;
  std::vector<std::string> remove;
  bool remove_all = false;
  bool yes = false;
};

/// tenant_{id}_queue; whatever stands behind the name in its line (other columns of list_queues) is passed over.
std::optional<TenantId> tenant_of_queue(std::string_view line) {
  constexpr std::string_view kBegin = "tenant_";
  constexpr std::string_view kEnd = "_queue";
  auto name = line.substr(0, line.find_first_of(" \t\r"));
  if (!name.starts_with(kBegin) || !name.ends_with(kEnd) || name.size() <= kBegin.size() + kEnd.size())
    return std::nullopt;
  name.remove_prefix(kBegin.size());
  name.remove_suffix(kEnd.size());
  const auto id = TenantId::parse(name);
  // Ours are written in lower case; another spelling is another queue.
  return id && id->to_string() == name ? id : std::nullopt;
}

void read_queues(std::istream& in, std::set<TenantId>& ids) {
  for (std::string line; std::getline(in, line);)
    if (const auto id = tenant_of_queue(line)) ids.insert(*id);
}

Listing listing_of(const std::vector<wire::Orphan>& orphans) {
  Listing listing;
  listing.table.columns = {{"tenant_id"},
                           {"partition"},
                           {"bytes", Kind::number},
                           {"dead_letters", Kind::number},
                           {"queue"},
                           {"queue_ready", Kind::number}};
  for (const auto& orphan : orphans) {
    listing.table.rows.push_back({orphan.tenant.to_string(), orphan.partition ? "yes" : "no",
                                  std::to_string(orphan.bytes), std::to_string(orphan.dead_letters),
                                  orphan.queue ? "yes" : "no",
                                  orphan.queue ? std::to_string(orphan.queue->ready) : std::string()});
    wire::append_orphan(listing.json.emplace_back(), orphan);
  }
  wire::append_orphans(listing.document, orphans);
  return listing;
}

bool confirmed(Context& context, const std::vector<wire::Orphan>& orphans) {
  auto& around = context.around();
  std::string table;
  append_table(table, listing_of(orphans).table, std::nullopt);
  around.err.write(table + "All of this will be deleted" +
                   " (queues and partitions with their messages). On a broker that other installations of mtmsg use, "
                   "their queues look the same. Go on? [y/N] ");
  around.err.flush();
  std::string answer;
  std::getline(around.in, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

ExitCode remove(Context& context, const std::vector<wire::Orphan>& orphans, std::size_t missing) {
  std::vector<wire::Orphan> removed;
  std::optional<ExitCode> failed;
  for (const auto& orphan : orphans) {
    const auto gone = context.client().remove_orphan(orphan.tenant);
    if (gone) {
      removed.push_back(orphan);
      continue;
    }
    auto error = gone.error();
    error.error = std::move(error.error).with_context(orphan.tenant.to_string());
    failed = context.failed(error);
    if (*failed == ExitCode::unreachable) break;
  }
  if (!removed.empty() && context.format_given()) context.print(listing_of(removed));
  context.note("removed " + counted(removed.size(), "orphan") + " of " + std::to_string(orphans.size() + missing));
  if (!failed && missing == 0) return ExitCode::done;
  if (!removed.empty()) return ExitCode::partly;
  return failed.value_or(ExitCode::refused);
}

/// Those of `ids` that were found; complains of the others.
std::vector<wire::Orphan> chosen_ones(Context& context, const std::vector<wire::Orphan>& found,
                                      const std::vector<TenantId>& ids) {
  std::vector<wire::Orphan> out;
  for (const auto& id : ids) {
    const auto orphan = std::ranges::find(found, id, &wire::Orphan::tenant);
    if (orphan != found.end())
      out.push_back(*orphan);
    else
      context.complain("nothing is orphaned under the id " + id.to_string() +
                       ": the tenant exists, or nothing stands for it");
  }
  return out;
}

ExitCode orphans(Context& context, const Options& options) {
  const bool removes = options.remove_all || !options.remove.empty();
  const bool stdin_taken = options.queues == "-";
  if (options.remove_all && !options.remove.empty())
    return context.usage_error("give ids with --remove, or --remove-all, not both");
  if (removes && !options.yes && (stdin_taken || !context.around().in_is_terminal))
    return context.usage_error("removing orphans asks first, and there is no terminal to ask on; say --yes");
  std::set<TenantId> named;
  if (stdin_taken) {
    read_queues(context.around().in, named);
  } else if (!options.queues.empty()) {
    std::ifstream file(options.queues, std::ios::binary);
    if (!file.is_open()) return context.usage_error("the file " + options.queues + " cannot be opened");
    read_queues(file, named);
  }
  std::vector<TenantId> ids;
  for (const auto& text : options.remove) {
    const auto id = TenantId::parse(text).value();
    if (std::ranges::find(ids, id) == ids.end()) ids.push_back(id);
    named.insert(id);
  }
  const auto found = context.client().orphans({named.begin(), named.end()});
  if (!found) return context.failed(found.error());
  if (!removes) {
    context.print(listing_of(*found));
    if (found->empty()) context.note("Nothing is orphaned.");
    return ExitCode::done;
  }
  const auto picked = options.remove_all ? *found : chosen_ones(context, *found, ids);
  if (picked.empty()) {
    context.note("There is nothing to remove.");
    return options.remove_all ? ExitCode::done : ExitCode::refused;
  }
  if (!options.yes && !confirmed(context, picked)) {
    context.note("Nothing was removed.");
    return ExitCode::refused;
  }
  return remove(context, picked, options.remove_all ? 0 : ids.size() - picked.size());
}

}  // namespace

void add_tenant_orphans(CLI::App& noun, Action& chosen) {
  const auto options = std::make_shared<Options>();
  auto& verb = add_verb(noun, "orphans",
                        "Find, and remove, what stands in PostgreSQL and RabbitMQ for tenants that do not exist",
                        "mtmsgctl tenant orphans\n"
                        "rabbitmqctl -q list_queues name | mtmsgctl tenant orphans --queues -\n"
                        "mtmsgctl tenant orphans --remove 0190d3c4-5a6b-7c8d-9e0f-112233445566\n"
                        "mtmsgctl tenant orphans --queues queues.txt --remove-all --yes");
  verb.add_option(
          "--queues", options->queues,
          "Look at the queues named here, too, one a line (- is standard input): RabbitMQ tells no client which "
          "queues there are. Without it, only queues of tenants that left something in PostgreSQL are found")
      ->type_name("FILE");
  verb.add_option("--remove", options->remove, "Remove what stands for these ids")
      ->type_name("ID")
      ->check([](const std::string& text) {
        return TenantId::parse(text) ? std::string() : "'" + text + "' is not a tenant's id (a UUID)";
      });
  verb.add_flag("--remove-all", options->remove_all,
                "Remove everything that is found. Take care with --queues: on a broker that other installations of "
                "mtmsg use, their queues look the same");
  verb.add_flag("-y,--yes", options->yes, "Don't ask");
  on_chosen(verb, chosen, [options](Context& context) { return orphans(context, *options); });
}

}  // namespace mtmsg::ctl
