#include "store/pg/partition_name.hpp"

namespace mtmsg::store::pg {

std::string partition_name(TenantId id) {
  auto name = id.to_string();
  std::erase(name, '-');
  return "messages_" + name;
}

}  // namespace mtmsg::store::pg
