#include "tenants/moves.hpp"

#include <algorithm>

namespace mtmsg::tenants {
namespace {

std::string_view state_of(const TenantLook& look, const Moves& moves, Servers servers) noexcept {
  const auto& tenant = look.tenant;
  const auto& activity = look.activity;
  if (tenant.state != TenantState::active) return to_string(tenant.state);
  if (tenant.paused) return "paused";
  if (look.full) return "full";
  if (servers == Servers::away) return "away";
  if (!activity.consuming && (!look.depth || look.depth->consumers == 0)) return "no_consumer";
  if (activity.held) return "held";
  if (activity.suspicious) return "poison";
  if (activity.waiting > 0 && activity.writers_all_busy && activity.crowd.tenants > 1) return "waiting";
  if (moves.ready.value_or(0) > 0) return "draining";
  const bool moving = activity.unacked > 0 || moves.in_per_second > 0 || moves.out_per_second > 0;
  return moving ? "active" : "idle";
}

/// A queue with something in it drains at the present rate; else nothing waits longer than what is in hand has waited.
std::optional<double> lag_of(const TenantLook& look, const Moves& moves) noexcept {
  if (!moves.ready) return std::nullopt;
  const auto unacked = static_cast<double>(look.activity.unacked);
  const auto backlog = static_cast<double>(*moves.ready) + unacked;
  if (backlog <= 0) return 0;
  const auto at_this_rate = moves.out_per_second > 0 ? std::optional(backlog / moves.out_per_second) : std::nullopt;
  if (*moves.ready > 0 || !look.activity.in_hand_for) return at_this_rate;
  const auto in_hand = std::chrono::duration<double>(*look.activity.in_hand_for).count();
  return std::min(at_this_rate.value_or(in_hand), in_hand);
}

}  // namespace

bool may_wait(const TenantLook& look) noexcept {
  if (look.tenant.state == TenantState::creating) return false;
  return !look.activity.consuming || look.activity.unacked >= look.activity.prefetch;
}

Moves moves_of(const TenantLook& look, Servers servers) noexcept {
  Moves moves;
  if (look.depth)
    moves.ready = look.depth->ready;
  else if (!may_wait(look) && servers == Servers::there)
    moves.ready = 0;
  const auto growth = look.depth ? look.depth->growth_per_second : 0;
  moves.in_per_second = std::max(0.0, look.activity.delivered_per_second + growth);
  moves.out_per_second = look.activity.settled_per_second;
  moves.lag_seconds = lag_of(look, moves);
  moves.state = state_of(look, moves, servers);
  return moves;
}

}  // namespace mtmsg::tenants
