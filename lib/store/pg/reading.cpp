#include "store/pg/reading.hpp"

#include "store/pg/rows.hpp"
#include "store/pg/tenant_store.hpp"

namespace mtmsg::store::pg {

std::string begin_read(std::chrono::milliseconds statement_timeout, const Reader& reader) {
  auto sql = begin_with_limits(statement_timeout, "isolation level repeatable read read only");
  if (reader.tenant()) sql += "; set local role mtmsg_reader; set local mtmsg.tenant = " + quoted(*reader.tenant());
  return sql;
}

Error translated(const SqlFailure& failure, const Reader& reader) {
  // 22023: there is no such role; 42501: it is not granted to us, or nothing is granted to it.
  const bool about_the_role = failure.sqlstate() == "22023" || failure.sqlstate() == "42501";
  if (!reader.tenant() || !about_the_role) return failure.error();
  return fail(ErrorCode::internal,
              "tenants cannot read: the role mtmsg_reader must exist, and be granted to the daemon's role (create role "
              "mtmsg_reader nologin; grant mtmsg_reader to …), and migration 6 be applied: " +
                  failure.error().message);
}

}  // namespace mtmsg::store::pg
