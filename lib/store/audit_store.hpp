#pragma once

#include "core/result.hpp"
#include "domain/audit.hpp"

namespace mtmsg::store {

/// The log of changes made through the API. Any thread; every call blocks for one short transaction. Errors:
/// database_unavailable, and those named.
class AuditStore {
 public:
  virtual ~AuditStore() = default;

  /// Numbers go up in the order of commits, so that a reader's cursor skips nothing. A detail that jsonb does not take
  /// is left out.
  virtual Result<void> append(const AuditEntry& entry) = 0;
  virtual Result<AuditPage> page(const AuditQuery& query) = 0;
};

}  // namespace mtmsg::store
