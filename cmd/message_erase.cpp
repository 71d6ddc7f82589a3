#include <memory>
#include <optional>
#include <string>

#include "cmd/command.hpp"
#include "wire/message.hpp"

namespace mtmsg::ctl {
namespace {

struct Options {
  std::string tenant;
  std::string id;
  bool yes = false;
};

bool confirmed(Context& context, const std::string& tenant, const StoredMessage& message) {
  auto& around = context.around();
  around.err.write("What message " + message.id.to_string() + " of tenant " + tenant + " (number " +
                   std::to_string(message.seq.value) + ", stored " +
                   without_fraction(format_timestamp(message.created_at)) +
                   ") says will be erased for good, payload and headers. Go on? [y/N] ");
  around.err.flush();
  std::string answer;
  std::getline(around.in, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

/// What stops it before anything is asked of the server to change; nothing: go on.
std::optional<ExitCode> ask(Context& context, Options& options) {
  // Asked for and erased by id: the name could be another tenant's by the time the answer is given.
  const auto detail = context.client().tenant(options.tenant);
  if (!detail) return context.failed(detail.error());
  options.tenant = detail->tenant.id.to_string();
  const auto text = context.client().message(options.tenant, options.id);
  if (!text) return context.failed(text.error());
  const auto message = wire::read_message(*text);
  if (!message) return context.failed({client::CallError::Cause::answer, message.error()});
  if (confirmed(context, detail->tenant.name, *message)) return std::nullopt;
  context.note("Nothing was erased.");
  return ExitCode::refused;
}

ExitCode erase(Context& context, Options& options) {
  if (!options.yes && !context.around().in_is_terminal)
    return context.usage_error("erasing a message asks first, and there is no terminal to ask on; say --yes");
  if (!options.yes)
    if (const auto end = ask(context, options)) return *end;
  const auto erased = context.client().erase_message(options.tenant, options.id);
  if (!erased) return context.failed(erased.error());
  context.note("erased message " + options.id);
  return ExitCode::done;
}

}  // namespace

void add_message_erase(CLI::App& noun, Action& chosen) {
  const auto options = std::make_shared<Options>();
  auto& verb = add_verb(noun, "erase", "Erase what a message says for good; its number and id stay",
                        "mtmsgctl message erase acme 0190d3c4-5a6b-7c8d-9e0f-112233445566\n"
                        "mtmsgctl message erase acme 0190d3c4-5a6b-7c8d-9e0f-112233445566 --yes");
  add_tenant_argument(verb, options->tenant);
  verb.add_option("ID", options->id, "The message's id")->required();
  verb.add_flag("-y,--yes", options->yes, "Don't ask");
  on_chosen(verb, chosen, [options](Context& context) { return erase(context, *options); });
}

}  // namespace mtmsg::ctl
