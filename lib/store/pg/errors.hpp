#pragma once

#include <string>
#include <string_view>

#include "core/result.hpp"

/// The one place where PostgreSQL's errors become ours. Pure; any thread.
namespace mtmsg::store::pg {

/// By SQLSTATE (PostgreSQL manual, appendix A). Empty: the connection broke. Who knows what a code means in its place,
/// such as 23505 for a name that is taken, looks at the code before.
ErrorCode code_of(std::string_view sqlstate) noexcept;

/// PostgreSQL's sentence without its severity, and without DETAIL and CONTEXT: they quote the data.
std::string first_line(std::string_view report);

/// A statement failed. Stays inside this folder: guard() turns it into an Error.
class SqlFailure : public Failure {
 public:
  SqlFailure(std::string sqlstate, std::string_view report);
  const std::string& sqlstate() const noexcept { return sqlstate_; }

 private:
  std::string sqlstate_;
};

/// The border: runs what may throw and gives back a Result. Only Failure is expected; everything else is a bug and
/// goes on.
template <class Work>
auto guard(Work&& work) -> decltype(work()) {
  try {
    return work();
  } catch (const Failure& failure) {
    return failure.error();
  }
}

}  // namespace mtmsg::store::pg
