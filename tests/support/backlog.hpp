#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "core/ids.hpp"

namespace mtmsg::test {

/// Publishes `body(0)`, `body(1)` … to the tenants in turn, as fast as the broker confirms. Throws when it does not.
void publish_backlog(const std::vector<TenantId>& tenants, std::size_t count,
                     const std::function<std::string(std::size_t)>& body);

/// {"n":17,"text":"xxx…"} of about so many bytes.
std::string json_of(std::size_t number, std::size_t bytes);

}  // namespace mtmsg::test
