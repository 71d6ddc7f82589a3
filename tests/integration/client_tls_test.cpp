// mtmsgctl over https.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/certificates.hpp"
#include "support/world.hpp"

namespace mtmsg::test {
namespace {

using testing::HasSubstr;

class ClientTls : public testing::Test {
 protected:
  ClientTls() : authority_(world_.folder(), "ca"), own_(authority_.issue("server")) {
    world_.set("MTMSG_HTTP_TLS_CERT", own_.certificate);
    world_.set("MTMSG_HTTP_TLS_KEY", own_.key);
    world_.set("MTMSG_AUTH_MODE", "none");
  }
  Finished ask(const std::string& host, std::vector<std::string> options) {
    const auto port = std::to_string(world_.port());
    std::vector<std::string> all{mtmsgctl_path(), "--endpoint", "https://" + host + ":" + port, "--timeout", "20"};
    all.insert(all.end(), options.begin(), options.end());
    all.insert(all.end(), {"tenant", "list"});
    return run(all);
  }

  World world_;
  CertificateAuthority authority_;
  CertificateFiles own_;
};

TEST_F(ClientTls, TheServersCertificateIsCheckedAgainstTheCaFile) {
  world_.start_daemon();
  world_.create_tenant("acme");
  for (const std::string host : {"127.0.0.1", "localhost"}) {
    const auto listed = ask(host, {"--ca-file", authority_.file()});
    EXPECT_EQ(listed.exit_code, 0) << listed.err;
    EXPECT_THAT(listed.out, HasSubstr("acme"));
  }
  const auto untold = ask("localhost", {});
  EXPECT_EQ(untold.exit_code, 3);
  EXPECT_THAT(untold.err, HasSubstr("of a CA that is not trusted (those of the system are)"));
  const CertificateAuthority stranger(world_.folder(), "stranger");
  const auto foreign = ask("localhost", {"--ca-file", stranger.file()});
  EXPECT_EQ(foreign.exit_code, 3);
  EXPECT_THAT(foreign.err, HasSubstr("of a CA that is not trusted (those in " + stranger.file()));
  const auto elsewhere = ask("127.1", {"--ca-file", authority_.file()});
  EXPECT_EQ(elsewhere.exit_code, 3);
  EXPECT_THAT(elsewhere.err, HasSubstr("its certificate is not for"));
}

TEST_F(ClientTls, AServerThatAsksForACertificateIsShownOne) {
  world_.set("MTMSG_HTTP_TLS_CLIENT_CA", authority_.file());
  world_.start_daemon();
  world_.create_tenant("acme");
  const auto app = authority_.issue("app", {.name = "app", .alternatives = ""});
  const auto shown =
      ask("localhost", {"--ca-file", authority_.file(), "--client-cert", app.certificate, "--client-key", app.key});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("acme"));
  const auto none = ask("localhost", {"--ca-file", authority_.file()});
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_THAT(none.err, HasSubstr("wants a certificate"));
}

TEST_F(ClientTls, FilesThatCantBeUsedAreWrongUsageAndNamed) {
  world_.launch_daemon();
  const auto missing = ask("localhost", {"--ca-file", world_.folder() + "/nowhere.pem"});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_THAT(missing.err, HasSubstr("/nowhere.pem"));
  const auto half = ask("localhost", {"--client-cert", own_.certificate});
  EXPECT_EQ(half.exit_code, 2);
  EXPECT_THAT(half.err, HasSubstr("--client-key"));
}

}  // namespace
}  // namespace mtmsg::test
