#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "core/result.hpp"
#include "domain/message.hpp"
#include "http/exchange.hpp"
#include "http/services.hpp"
#include "wire/message.hpp"

namespace mtmsg::http {

/// Rows as they come, and where the next ones are.
struct RowPage {
  std::vector<StoredMessage> rows;
  wire::PageTail tail;
};

/// Each call gives at most `limit` further rows, in one short transaction per tenant. One thread at a time.
using MessageWalk = std::function<Result<RowPage>(unsigned limit)>;

/// The messages of one tenant, on behalf of who asks.
MessageWalk walk_tenant(store::MessageStore& messages, const store::Reader& reader, TenantId tenant, PageQuery query);

/// The messages of all tenants that stand when it begins, in order of their ids. It visits at most
/// `limits.max_tenants_per_page` tenants a call, so `has_more` may be true and what follows empty. A walk is a
/// listing: what arrives for a tenant it has left is not seen again.
Result<MessageWalk> walk_all_tenants(const Services& services, std::optional<GlobalCursor> cursor, PageQuery query);

/// The walk as NDJSON: `first`, then as much as `left` allows (everything when absent), and a last line that tells
/// where it ended. A failure on the way cuts the stream and goes to services.on_failure.
BodyStream stream_rows(const Services& services, MessageWalk walk, RowPage first, std::optional<std::size_t> left,
                       const Request& request);

}  // namespace mtmsg::http
