// PostgreSQL by TLS. libpq does it; what it is told in the connection string must reach every connection.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/certificates.hpp"
#include "tests/integration/tls_servers.hpp"

namespace mtmsg::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class DatabaseTls : public testing::Test {
 protected:
  void SetUp() override {
    if (!servers_speak_tls()) GTEST_SKIP() << kNoTls;
    world_ = std::make_unique<World>();
  }
  /// The world's database, its server's certificate checked.
  std::string verified(const std::string& ca) const {
    auto url = world_->database_url();
    const std::string plain = "sslmode=disable";
    const auto at = url.find(plain);
    const auto full = "sslmode=verify-full&sslrootcert=" + ca;
    if (at != std::string::npos) return url.replace(at, plain.size(), full);
    return url + (url.find('?') == std::string::npos ? "?" : "&") + full;
  }
  void expect_away(const std::string& url, const testing::Matcher<std::string>& why) {
    world_->set("MTMSG_DATABASE_URL", url);
    world_->launch_daemon();
    EXPECT_TRUE(eventually([&] { return testing::Value(ready_page(*world_), why); })) << ready_page(*world_);
    EXPECT_TRUE(world_->daemon().running());
    EXPECT_EQ(world_->stop_daemon(), 0);
  }

  std::unique_ptr<World> world_;
};

TEST_F(DatabaseTls, EveryConnectionIsEncryptedWhenTheCertificateIsToBeChecked) {
  world_->set("MTMSG_DATABASE_URL", verified(ca_file()));
  world_->start_daemon();
  const auto tenant = world_->create_tenant("acme");
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += foreign_line(tenant.id, "{}", Uuid::v4().to_string());
  foreign_publish(lines);
  EXPECT_TRUE(eventually([&] { return world_->stored() == 100; })) << world_->picture();
  // The daemon's: the test's own tell no name.
  const std::string daemons =
      "select count(*) from pg_stat_ssl join pg_stat_activity using (pid) "
      "where datname = current_database() and application_name like 'mtmsgd %'";
  EXPECT_GT(world_->number(daemons + " and ssl"), 0);
  EXPECT_EQ(world_->number(daemons + " and not ssl"), 0);
}

TEST_F(DatabaseTls, AServersCertificateOfAnUnknownCaIsRefusedAndSaid) {
  const CertificateAuthority stranger(world_->folder(), "stranger");
  expect_away(verified(stranger.file()), HasSubstr("certificate verify failed"));
}

TEST_F(DatabaseTls, AServersCertificateForAnotherNameIsRefusedAndSaid) {
  auto url = verified(ca_file()) + "&hostaddr=127.0.0.1";
  const std::string address = "@127.0.0.1";
  url.replace(url.find(address), address.size(), "@elsewhere.example");
  expect_away(url, AllOf(HasSubstr("elsewhere.example"), HasSubstr("does not match host name")));
}

}  // namespace
}  // namespace mtmsg::test
