#include "cmd/command.hpp"
#include "wire/json_text.hpp"

namespace mtmsg::ctl {
namespace {

/// An unreachable daemon is part of the answer here, not a failure.
ExitCode show_versions(Context& context) {
  const auto status = context.client().status();
  std::string json;
  wire::ObjectWriter object(json);
  object.text("client", MTMSG_VERSION);
  if (status)
    object.text("server", status->version);
  else
    object.null("server");
  object.close();
  context.print({{"client", MTMSG_VERSION}, {"server", status ? status->version : ""}}, json);
  if (!status) context.note(status.error().error.message);
  return ExitCode::done;
}

}  // namespace

void add_version(CLI::App& noun, Action& chosen) {
  on_chosen(noun, chosen, show_versions);
}

}  // namespace mtmsg::ctl
