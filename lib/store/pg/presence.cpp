#include "store/pg/presence.hpp"

#include "store/pg/tenant_store.hpp"

namespace mtmsg::store::pg {

Result<void> PgPresence::beat(const Daemon& self) {
  return guard([&]() -> Result<void> {
    run_alone(pool_, statement_timeout_,
              "with gone as (delete from daemons where beat_at < clock_timestamp() - interval '1 day') "
              "insert into daemons (id, host, pid, version) values ($1, $2, $3, $4) "
              "on conflict (id) do update set beat_at = clock_timestamp()",
              Params{self.id.to_string(), self.host, std::to_string(self.pid), self.version});
    return {};
  });
}

Result<void> PgPresence::leave(DaemonId self) {
  return guard([&]() -> Result<void> {
    run_alone(pool_, statement_timeout_, "delete from daemons where id = $1", Params{self.to_string()});
    return {};
  });
}

}  // namespace mtmsg::store::pg
