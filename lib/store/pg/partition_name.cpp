#include "store/pg/partition_name.hpp"

namespace mtmsg::store::pg {

std::string partition_name(TenantId id) {
  auto name = id.to_string();
  std::erase(name, '-');
  return "messages_" + name;
}

std::string branch_name(TenantId id) {
  return "messages_branch_" + id.to_string().substr(0, 1);
}

}  // namespace mtmsg::store::pg
