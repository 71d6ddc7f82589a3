#pragma once

#include <string>

#include "store/pg/errors.hpp"
#include "store/pg/rows.hpp"

/// Who changes a tenant's messages or dead letters holds its counter, like a batch: so numbers and counts agree, and no
/// two wait for each other's rows.
namespace mtmsg::store::pg {

/// Takes the counter; goes on with the text of BEGIN. No row: there is no such tenant, or it is being deleted.
/// Nobody waits long for it: whoever holds it for long holds threads of the API with it.
inline std::string lock_query(TenantId tenant) {
  return "set local lock_timeout = '2s'; select 1 from tenant_counters c join tenants t on t.id = c.tenant_id where "
         "t.state <> 'deleting' and "
         "c.tenant_id = " +
         quoted(tenant) + " for update of c";
}

/// The border of what takes the counter: not to get it is no outage.
template <class Work>
auto guard_locked(Work&& work) -> decltype(work()) {
  return guard([&]() -> decltype(work()) {
    try {
      return work();
    } catch (const SqlFailure& failure) {
      if (failure.sqlstate() != "55P03") throw;
      return fail(ErrorCode::timeout, "somebody else holds the tenant's counter in a long transaction; try again");
    }
  });
}

}  // namespace mtmsg::store::pg
