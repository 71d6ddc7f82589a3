#include "broker/topology.hpp"

#include <gtest/gtest.h>

namespace mtmsg::broker {
namespace {

const TenantId kTenant = *TenantId::parse("11111111-2222-4333-8444-555555555555");

TEST(Topology, NamesATenantsExchangeAndQueueByItsId) {
  EXPECT_EQ(tenant_exchange(kTenant), "tenant_11111111-2222-4333-8444-555555555555");
  EXPECT_EQ(tenant_queue(kTenant), "tenant_11111111-2222-4333-8444-555555555555_queue");
}

TEST(Topology, NamesDeadLettersByTheNamespace) {
  EXPECT_EQ(dead_letter_exchange({}), "mtmsg.dlx");
  EXPECT_EQ(dead_letter_queue({.name_space = "staging", .quorum = true, .delivery_limit = 20}), "staging.dead-letters");
}

TEST(Topology, SendsATenantsDeadLettersWithAKeyNoPublisherSets) {
  const auto spec = tenant_queue_spec(kTenant, {}, {});
  EXPECT_EQ(spec.name, tenant_queue(kTenant));
  EXPECT_TRUE(spec.quorum);
  EXPECT_TRUE(spec.reject_publish);
  EXPECT_EQ(spec.delivery_limit, 20U);
  EXPECT_EQ(spec.dead_letter_exchange, "mtmsg.dlx");
  EXPECT_EQ(spec.dead_letter_routing_key, tenant_exchange(kTenant));
}

TEST(Topology, GivesAClassicQueueNoDeliveryLimit) {
  const auto spec = tenant_queue_spec(kTenant, {}, {.name_space = "mtmsg", .quorum = false, .delivery_limit = 20});
  EXPECT_FALSE(spec.quorum);
  EXPECT_EQ(spec.delivery_limit, 0U);
}

TEST(Topology, TakesForOneTenantsQueueWhatIsFixedForIt) {
  const auto spec = tenant_queue_spec(kTenant, {.ordered = true, .delivery_limit = 7, .max_length = 1000}, {});
  EXPECT_TRUE(spec.single_active_consumer);
  EXPECT_TRUE(spec.quorum) << "empty: as the options say";
  EXPECT_EQ(spec.delivery_limit, 7U);
  EXPECT_EQ(spec.max_length, 1000U);
  EXPECT_FALSE(tenant_queue_spec(kTenant, {.quorum = false}, {}).quorum);
  EXPECT_FALSE(tenant_queue_spec(kTenant, {}, {}).single_active_consumer);
}

}  // namespace
}  // namespace mtmsg::broker
