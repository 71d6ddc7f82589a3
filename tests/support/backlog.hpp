#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "broker/publisher.hpp"
#include "core/ids.hpp"

namespace mtmsg::test {

/// A connection that publishes as fast as the broker confirms. One thread at a time.
class BulkPublisher {
 public:
  BulkPublisher();

  /// `body(0)`, `body(1)` … to the tenants in turn; returns when all are confirmed. Throws when they are not.
  void publish(const std::vector<TenantId>& tenants, std::size_t count,
               const std::function<std::string(std::size_t)>& body);

 private:
  broker::Publisher publisher_;
};

/// The same, over a connection of its own.
void publish_backlog(const std::vector<TenantId>& tenants, std::size_t count,
                     const std::function<std::string(std::size_t)>& body);

/// {"n":17,"text":"xxx…"} of about so many bytes.
std::string json_of(std::size_t number, std::size_t bytes);

}  // namespace mtmsg::test
