#pragma once

#include <string>
#include <vector>

namespace mtmsg::test {

/// One row of the table: what is sent, and what must come back.
struct HostileInput {
  std::string name;
  std::string bytes;
  int status;
  std::string code;
  bool closes;  ///< where the next request begins is not sure any more
};

/// The daemon has a tenant "acme", `auth.mode` none and a request timeout of a second.
std::vector<HostileInput> hostile_inputs();

}  // namespace mtmsg::test
