#pragma once

#include <vector>

#include <libpq-fe.h>

#include "store/pg/connection_settings.hpp"

namespace mtmsg::store::pg {

/// Connects to the first host that lets us in, beginning with the one that did the last time when only one of them can
/// be right: one that hangs is then not waited for each time. The caller owns what it gives. Blocks for at most
/// connect_timeout for each address of each host, and not a moment longer than settings.sessions. Throws SqlFailure
/// (database_unavailable) with each host's reason. The name of a host is looked up before, without a limit of ours.
PGconn* dial(const ConnectionSettings& settings);

/// One set of options for each host in the list: libpq gives up on a silent host only when it waits itself, and then
/// nobody can interrupt it. Left together when the choice between the hosts is libpq's to make
/// (target_session_attrs = prefer-standby, load_balance_hosts). Pure.
std::vector<ConnectionSettings> split_hosts(const ConnectionSettings& settings);

}  // namespace mtmsg::store::pg
