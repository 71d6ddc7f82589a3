#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/ids.hpp"

namespace mtmsg::ctl {

/// Which message a row is.
struct RowHead {
  std::int64_t seq = 0;
  TenantId tenant;
  friend bool operator==(const RowHead&, const RowHead&) = default;
};

/// Without reading the rest of the row: the daemon writes {"seq":…,"id":"…","tenant_id":"…" first. From another order
/// it is read all the same, slower. nullopt when it is no message.
std::optional<RowHead> read_row_head(std::string_view row);

}  // namespace mtmsg::ctl
