#include "store/pg/presence.hpp"

#include "store/pg/rows.hpp"
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

Result<std::vector<DaemonSeen>> PgPresence::list() {
  return guard([&]() -> Result<std::vector<DaemonSeen>> {
    std::vector<DaemonSeen> all;
    const auto found = run_alone(pool_, statement_timeout_,
                                 "select id, host, pid, version, " + micros("started_at") + ", " + micros("beat_at") +
                                     ", beat_at < clock_timestamp() - interval '" + std::to_string(kSilence.count()) +
                                     " s' from daemons order by started_at, id",
                                 {});
    for (const auto& row : found)
      all.push_back({{id_of<DaemonId>(row[0]), std::string(text_of(row[1])), static_cast<int>(int_of(row[2])),
                      std::string(text_of(row[3]))},
                     time_of(row[4]),
                     time_of(row[5]),
                     text_of(row[6]) == "t"});
    return all;
  });
}

Result<void> PgPresence::leave(DaemonId self) {
  return guard([&]() -> Result<void> {
    run_alone(pool_, statement_timeout_, "delete from daemons where id = $1", Params{self.to_string()});
    return {};
  });
}

}  // namespace mtmsg::store::pg
