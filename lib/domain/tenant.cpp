#include "domain/tenant.hpp"

#include <algorithm>
#include <cassert>
#include <limits>

namespace mtmsg {
namespace {

constexpr std::size_t kMaxNameLength = 63;
constexpr unsigned kMaxPrefetch = std::numeric_limits<std::uint16_t>::max();

constexpr bool is_name_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

}  // namespace

std::string_view to_string(TenantState state) noexcept {
  switch (state) {
    case TenantState::creating:
      return "creating";
    case TenantState::active:
      return "active";
    case TenantState::deleting:
      return "deleting";
  }
  return "creating";
}

std::optional<TenantState> tenant_state_from(std::string_view text) noexcept {
  for (const auto state : {TenantState::creating, TenantState::active, TenantState::deleting}) {
    if (text == to_string(state)) return state;
  }
  return std::nullopt;
}

Result<void> check_tenant_name(std::string_view name) {
  const auto refuse = [](std::string_view rule) {
    return fail(ErrorCode::invalid_argument, "a tenant's name " + std::string(rule));
  };
  if (name.empty()) return refuse("must not be empty");
  if (name.size() > kMaxNameLength) return refuse("must not be longer than 63 characters");
  if (!std::all_of(name.begin(), name.end(), is_name_character)) {
    return refuse("may hold only lower-case letters a-z, digits and dashes");
  }
  if (name.front() == '-' || name.back() == '-') return refuse("must not begin or end with a dash");
  if (Uuid::parse(name)) return refuse("must not have the form of a UUID: it could not be told from an id");
  return {};
}

Result<void> check_active(const Tenant& tenant) {
  if (tenant.state == TenantState::active) return {};
  return fail(ErrorCode::conflict, "tenant \"" + tenant.name + "\" is " + std::string(to_string(tenant.state)));
}

bool is_expected(const Tenant& tenant, const ExpectedVersions& expected) {
  return !expected || std::ranges::find(*expected, tenant.updated_at) != expected->end();
}

Error precondition_failed(const Tenant& tenant) {
  return fail(ErrorCode::precondition_failed,
              "tenant " + tenant.name + " was changed since you looked at it, and nothing was done: look again");
}

Result<void> check_workers(unsigned workers, unsigned max_workers, unsigned batch) {
  if (batch < 1 || batch > kMaxPrefetch) {
    return fail(ErrorCode::invalid_argument,
                "batch must be between 1 and " + std::to_string(kMaxPrefetch) + "; got " + std::to_string(batch));
  }
  const auto most = std::min(max_workers, kMaxPrefetch / batch);
  if (workers >= 1 && workers <= most) return {};
  auto message = "workers must be between 1 and " + std::to_string(most) + "; got " + std::to_string(workers);
  if (most < max_workers) {
    message += " (workers × batch of " + std::to_string(batch) + " is the prefetch count, which AMQP limits to " +
               std::to_string(kMaxPrefetch) + ")";
  }
  return fail(ErrorCode::invalid_argument, std::move(message));
}

std::uint16_t prefetch_of(unsigned workers, unsigned batch) noexcept {
  assert(workers >= 1 && batch >= 1 && workers <= kMaxPrefetch / batch);
  return static_cast<std::uint16_t>(workers * batch);
}

}  // namespace mtmsg
