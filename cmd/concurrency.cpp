#include <limits>
#include <memory>

#include "cmd/command.hpp"
#include "wire/tenant.hpp"

namespace mtmsg::ctl {
namespace {

// The server's configuration bounds it closer; this is what its JSON can say.
constexpr std::uint64_t kMostWorkers = std::numeric_limits<unsigned>::max();

struct Options {
  std::string tenant;
  unsigned workers = 0;
};

ExitCode answer(Context& context, const Options& options, const client::Call<unsigned>& workers) {
  if (!workers) return context.failed(workers.error());
  std::string json;
  wire::append_concurrency(json, *workers);
  context.print({{"tenant", options.tenant}, {"workers", std::to_string(*workers)}}, json);
  return ExitCode::done;
}

}  // namespace

void add_concurrency(CLI::App& noun, Action& chosen) {
  const auto options = std::make_shared<Options>();
  auto& get = add_verb(noun, "get", "Show how many workers a tenant has",
                       "mtmsgctl concurrency get acme\nmtmsgctl -o json concurrency get acme");
  add_tenant_argument(get, options->tenant);
  on_chosen(get, chosen, [options](Context& context) {
    return answer(context, *options, context.client().concurrency(options->tenant));
  });

  auto& set = add_verb(noun, "set", "Change how many workers a tenant has, effective at once",
                       "mtmsgctl concurrency set acme 8");
  add_tenant_argument(set, options->tenant);
  set.add_option("WORKERS", options->workers, "At least 1; the daemon's configuration bounds it")
      ->required()
      ->check(whole_number(1, kMostWorkers));
  on_chosen(set, chosen, [options](Context& context) {
    return answer(context, *options, context.client().set_concurrency(options->tenant, options->workers));
  });
}

}  // namespace mtmsg::ctl
