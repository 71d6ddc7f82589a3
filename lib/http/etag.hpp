#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "domain/tenant.hpp"
#include "http/exchange.hpp"

/// Entity tags of tenants and the conditions made of them (RFC 9110, 8.8.3 and 13.1). Any thread.
///
/// A tenant's tag is its version, the time of its last change in microseconds. Where an answer shows more than the row
/// of `tenants` (counts, what moves), a digest of the answer follows behind a dash: so If-None-Match is only answered
/// 304 when nothing at all is new. If-Match looks at the version alone: what it protects are the settings, and those
/// don't change because a message was stored.
namespace mtmsg::http {

struct EntityTag {
  bool weak = false;
  std::string_view opaque;  ///< what stands between the quotes
};

/// The value of If-Match or If-None-Match.
struct EntityTags {
  bool any = false;  ///< "*"
  std::vector<EntityTag> tags;
};

/// The views point into `value`. Error: invalid_argument.
Result<EntityTags> parse_entity_tags(std::string_view value);

/// With its quotes.
std::string etag_of(const Tenant& tenant);
/// Of an answer that shows more than the tenant's row.
std::string etag_of(const Tenant& tenant, std::string_view body);

/// Of a request that changes the tenant: what If-Match asks for. Errors: invalid_argument; precondition_failed when
/// If-None-Match forbids it.
Result<ExpectedVersions> expected_versions(const Request& request, const Tenant& tenant);

/// Of a GET: what its conditions make of the answer, which has `etag`.
enum class Condition { met, not_modified };
/// Errors: invalid_argument, precondition_failed.
Result<Condition> check_conditions(const Request& request, const Tenant& tenant, std::string_view etag);

}  // namespace mtmsg::http
