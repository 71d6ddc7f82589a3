#include "support/backlog.hpp"

#include <deque>
#include <future>
#include <stdexcept>

#include "support/world.hpp"

namespace mtmsg::test {
namespace {

broker::ConnectOptions to_broker() {
  broker::ConnectOptions connect;
  connect.url = broker_url();
  return connect;
}

}  // namespace

std::string json_of(std::size_t number, std::size_t bytes) {
  auto text = "{\"n\":" + std::to_string(number) + ",\"text\":\"";
  if (text.size() + 2 < bytes) text.append(bytes - text.size() - 2, 'x');
  return text + "\"}";
}

BulkPublisher::BulkPublisher() : publisher_(to_broker(), {}) {
  publisher_.start();
  if (!eventually([&] { return publisher_.status().connected; })) throw std::runtime_error("no broker");
}

void BulkPublisher::publish(const std::vector<TenantId>& tenants, std::size_t count,
                            const std::function<std::string(std::size_t)>& body) {
  std::deque<std::future<Result<void>>> unconfirmed;
  for (std::size_t n = 0; n < count; ++n) {
    unconfirmed.push_back(publisher_.publish(tenants[n % tenants.size()], Uuid::v4().to_string(), body(n)));
    if (unconfirmed.size() < 1500) continue;
    unconfirmed.front().get().value();
    unconfirmed.pop_front();
  }
  for (auto& confirm : unconfirmed) confirm.get().value();
}

void publish_backlog(const std::vector<TenantId>& tenants, std::size_t count,
                     const std::function<std::string(std::size_t)>& body) {
  BulkPublisher().publish(tenants, count, body);
}

}  // namespace mtmsg::test
