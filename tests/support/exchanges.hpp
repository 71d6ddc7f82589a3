#pragma once

#include "client/client.hpp"

/// What the API answered in tests, for tests/web/validate_exchanges. Written down when the environment variable
/// TEST_EXCHANGES names a file, as ctest has it (the daemon would refuse a variable MTMSG_*); one line of JSON each,
/// appended, several processes at a time.
namespace mtmsg::test {

/// For clients of a daemon: what they see is written down.
client::Options client_options();

/// For other clients. Any thread. The same kind of exchange is written down some times only.
void record_exchange(const client::Exchange& exchange);

/// A daemon was started: there should be exchanges.
void record_daemon();

}  // namespace mtmsg::test
