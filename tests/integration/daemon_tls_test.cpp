// mtmsgd with TLS on its port: what it says at the start, on SIGHUP and to --check-config.

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "support/certificates.hpp"
#include "support/world.hpp"
#include "tests/integration/tls_client.hpp"

namespace mtmsg::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kHealth = "GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

class DaemonTls : public testing::Test {
 protected:
  DaemonTls() : authority_(world_.folder(), "ca"), own_(authority_.issue("server")) {
    world_.set("MTMSG_HTTP_TLS_CERT", own_.certificate);
    world_.set("MTMSG_HTTP_TLS_KEY", own_.key);
  }

  std::string ask() {
    const auto context = tls::Context::client({authority_.file(), {}, {}}).value();
    return TlsClient(world_.port(), *context).ask(kHealth);
  }
  bool hangs_up_until(const std::string& event) {
    const auto before = world_.logged(event);
    world_.daemon().signal(SIGHUP);
    return eventually([&] { return world_.logged(event) > before; });
  }

  World world_;
  CertificateAuthority authority_;
  CertificateFiles own_;
};

TEST_F(DaemonTls, SighupTakesANewCertificateAndKeepsTheOldOneWhenTheNewIsBroken) {
  world_.launch_daemon();
  EXPECT_THAT(ask(), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(world_.logged("tls_certificate_expires"), 0U);

  authority_.issue("server", {.ends_in = std::chrono::hours(24 * 13)});
  ASSERT_TRUE(hangs_up_until("tls_reloaded")) << world_.log();
  EXPECT_TRUE(eventually([&] { return world_.logged("tls_certificate_expires", own_.certificate) == 1; }));
  EXPECT_THAT(ask(), StartsWith("HTTP/1.1 200"));

  std::ofstream(own_.certificate) << "broken";
  ASSERT_TRUE(hangs_up_until("not_reloaded")) << world_.log();
  EXPECT_EQ(world_.logged("not_reloaded", own_.certificate), 1U);
  EXPECT_THAT(ask(), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(world_.stop_daemon(), 0);
}

TEST_F(DaemonTls, AKeyOfAnotherCertificateIsRefusedByCheckConfigAndAtTheStart) {
  const auto other = authority_.issue("other");
  const std::map<std::string, std::string> settings{
      {"MTMSG_DATABASE_URL", world_.database_url()}, {"MTMSG_BROKER_URL", broker_url()},
      {"MTMSG_SOCKET_PATH", world_.folder() + "/s"}, {"MTMSG_HTTP_LISTEN", "127.0.0.1:0"},
      {"MTMSG_HTTP_TLS_CERT", own_.certificate},     {"MTMSG_HTTP_TLS_KEY", other.key}};
  const auto names_both = AllOf(HasSubstr(own_.certificate), HasSubstr(other.key), HasSubstr("is not that of"));
  Process check({mtmsgd_path(), "--check-config"}, settings, world_.folder() + "/check");
  EXPECT_EQ(check.wait(std::chrono::seconds(30)), 2);
  EXPECT_THAT(check.output(), names_both);
  Process start({mtmsgd_path()}, settings, world_.folder() + "/start");
  EXPECT_EQ(start.wait(std::chrono::seconds(30)), 1);
  EXPECT_THAT(start.output(), names_both);
}

}  // namespace
}  // namespace mtmsg::test
