#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "client/client.hpp"

namespace mtmsg::ctl {

/// Where an export reads: a seam, so that tests can have a store of their own. Calls block. One thread.
class Source {
 public:
  struct Who {
    TenantId id;
    std::string name;
  };
  using TakeRow = std::function<bool(std::string_view)>;

  virtual ~Source() = default;
  virtual client::Call<Who> tenant(std::string_view name_or_id) = 0;
  /// All but those that are being deleted, in order of their ids.
  virtual client::Call<std::vector<Who>> tenants() = 0;
  /// The store's epoch, as the messages of this tenant have it.
  virtual client::Call<std::int64_t> epoch(TenantId tenant) = 0;
  /// client::Client::stream_messages; without a tenant all of them, one after the other.
  virtual client::Call<client::StreamEnd> stream(std::optional<std::string_view> tenant,
                                                 const client::MessageQuery& query, const TakeRow& take) = 0;
};

/// The daemon. The client outlives it.
std::unique_ptr<Source> daemon_source(client::Client& client);

}  // namespace mtmsg::ctl
