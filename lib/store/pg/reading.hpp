#pragma once

#include <chrono>
#include <string>

#include "store/pg/errors.hpp"
#include "store/reader.hpp"

/// Reads on somebody's behalf.
namespace mtmsg::store::pg {

/// BEGIN of a read of several statements, in one round trip: one snapshot, so that numbers, bounds and rows agree. For
/// a tenant as the role that sees its rows only; role and setting end with the transaction, so nothing of it is left in
/// the session (pgbouncer).
std::string begin_read(std::chrono::milliseconds statement_timeout, const Reader& reader);

/// What the role's being missing, or not granted, means: a restore into another server forgets it.
Error translated(const SqlFailure& failure, const Reader& reader);

/// guard() for what begins with begin_read().
template <class Work>
auto guard_read(const Reader& reader, Work&& work) -> decltype(work()) {
  return guard([&]() -> decltype(work()) {
    try {
      return work();
    } catch (const SqlFailure& failure) {
      return translated(failure, reader);
    }
  });
}

}  // namespace mtmsg::store::pg
