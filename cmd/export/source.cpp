#include "cmd/export/source.hpp"

#include <algorithm>
#include <charconv>

namespace mtmsg::ctl {
namespace {

class DaemonSource final : public Source {
 public:
  explicit DaemonSource(client::Client& client) : client_(client) {}

  client::Call<Who> tenant(std::string_view name_or_id) override {
    auto detail = client_.tenant(name_or_id);
    if (!detail) return detail.error();
    return Who{detail->tenant.id, detail->tenant.name};
  }

  client::Call<std::vector<Who>> tenants() override {
    auto tenants = client_.tenants();
    if (!tenants) return tenants.error();
    std::vector<Who> all;
    for (auto& tenant : *tenants)
      if (tenant.state != TenantState::deleting) all.push_back({tenant.id, std::move(tenant.name)});
    std::ranges::sort(all, {}, &Who::id);
    return all;
  }

  client::Call<std::int64_t> epoch(TenantId tenant) override {
    // Behind every message there can be: an empty page.
    client::MessageQuery query;
    query.cursor = std::to_string(std::numeric_limits<std::int64_t>::max());
    query.limit = 1;
    const auto fetched = client_.messages(tenant.to_string(), query);
    if (!fetched) return fetched.error();
    return fetched->page.tail.epoch;
  }

  client::Call<client::StreamEnd> stream(std::optional<std::string_view> tenant, const client::MessageQuery& query,
                                         const TakeRow& take) override {
    return client_.stream_messages(tenant, query, take);
  }

 private:
  client::Client& client_;
};

}  // namespace

std::unique_ptr<Source> daemon_source(client::Client& client) {
  return std::make_unique<DaemonSource>(client);
}

}  // namespace mtmsg::ctl
