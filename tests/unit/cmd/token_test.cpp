#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <unistd.h>

#include "auth/token_rules.hpp"
#include "support/keys.hpp"
#include "tests/unit/cmd/command_line_fixture.hpp"

namespace mtmsg::ctl {
namespace {

using testing::HasSubstr;
using testing::Not;

class TokenCommand : public CommandLineTest {
 protected:
  TokenCommand() {
    char folder[] = "/tmp/mtmsg-token-XXXXXX";
    folder_ = ::mkdtemp(folder);
    key_ = folder_ + "/k1.HS256.key";
    test::write_key_file(key_, std::string(32, 's') + "\n");
  }
  ~TokenCommand() override { std::filesystem::remove_all(folder_); }
  Ran issue(std::vector<std::string> more) {
    more.insert(more.begin(), {"token", "issue", "--key", key_});
    return run_alone(more);
  }

  std::string folder_;
  std::string key_;
};

TEST_F(TokenCommand, IssuesATokenThatTheKeyAccepts) {
  const auto ran =
      issue({"--subject", "app", "--role", "tenant", "--tenant", kId, "--scope", "messages.read", "--scope",
             "messages.publish", "--audience", "mtmsg", "--issuer", "me", "--expires-in", "2h"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auth::TokenRules rules({auth::load_key(key_).value()}, {"me", "mtmsg", {}});
  const auto token = ran.out.substr(0, ran.out.size() - 1);
  const auto claims = rules.check(token, auth::Seconds(std::chrono::seconds(std::time(nullptr)))).value();
  EXPECT_EQ(claims.subject, "app");
  EXPECT_EQ(claims.role, auth::Role::tenant);
  EXPECT_EQ(claims.tenant->to_string(), kId);
  EXPECT_EQ(claims.scopes->to_string(), "messages.read messages.publish");
  EXPECT_EQ(claims.expires - *claims.issued_at, std::chrono::hours(2));
  EXPECT_THAT(ran.err, HasSubstr("Valid until"));
}

TEST_F(TokenCommand, RefusesWhatNoDaemonWouldTake) {
  const std::pair<std::vector<std::string>, std::string> rows[] = {
      {{"--subject", "a", "--role", "tenant"}, "needs --tenant"},
      {{"--subject", "a", "--role", "admin", "--tenant", kId}, "does not go with the role admin"},
      {{"--subject", "a", "--role", "boss"}, "not one of admin, tenant, viewer"},
      {{"--subject", "a", "--role", "viewer", "--tenant", "acme"}, "not a tenant's id"},
      {{"--subject", "a", "--role", "admin", "--scope", "message.read"}, "did you mean messages.read?"},
      {{"--subject", "a", "--role", "admin", "--expires-in", "0s"}, "not a time"},
      {{"--subject", "a", "--role", "admin", "--expires-in", "1y"}, "not a time"},
      {{"--subject", "a", "--role", "admin", "--expires-in", "4000d"}, "not a time"},
      {{"--subject", "", "--role", "admin"}, "claim sub"},
      {{"--role", "admin"}, "--subject is required"},
  };
  for (const auto& [args, why] : rows) {
    const auto ran = issue(args);
    EXPECT_EQ(ran.code, 2) << why;
    EXPECT_EQ(ran.out, "") << why;
    EXPECT_THAT(ran.err, HasSubstr(why));
  }
}

TEST_F(TokenCommand, NamesTheKeyFileThatIsWrong) {
  const auto gone = run_alone({"token", "issue", "--key", "/nowhere/a.HS256.key", "--subject", "a", "--role", "admin"});
  EXPECT_EQ(gone.code, 2);
  EXPECT_THAT(gone.err, HasSubstr("/nowhere/a.HS256.key"));
  const auto file = folder_ + "/p.ES256.pem";
  test::write_key_file(file, test::make_ec_key("prime256v1").public_pem);
  const auto public_only = run_alone({"token", "issue", "--key", file, "--subject", "a", "--role", "admin"});
  EXPECT_EQ(public_only.code, 2);
  EXPECT_THAT(public_only.err, HasSubstr("holds a public key"));
}

TEST_F(TokenCommand, InspectsATokenWithAndWithoutItsKey) {
  const auto token = issue({"--subject", "ops", "--role", "admin"}).out;
  const auto checked = run_alone({"token", "inspect", "--keys-dir", folder_}, token);
  EXPECT_EQ(checked.code, 0) << checked.err;
  EXPECT_THAT(checked.out, HasSubstr("signature:  right"));
  EXPECT_THAT(checked.out, HasSubstr("ops"));
  const auto unchecked = run_alone({"-o", "json", "token", "inspect", "-"}, token);
  EXPECT_EQ(unchecked.code, 0);
  EXPECT_THAT(unchecked.out, HasSubstr(R"("signature":"not checked","verdict":"valid")"));
  EXPECT_THAT(unchecked.err, HasSubstr("was not checked"));
  EXPECT_THAT(unchecked.out, Not(HasSubstr(token.substr(token.rfind('.') + 1, 20))));
}

TEST_F(TokenCommand, TellsWhyATokenIsNotValid) {
  const auto late = test::token_of(R"({"alg":"HS256"})", R"({"sub":"a","role":"admin","exp":5})", std::string(32, 's'));
  const auto expired = run_alone({"token", "inspect", "--keys-dir", folder_}, late);
  EXPECT_EQ(expired.code, 1);
  EXPECT_THAT(expired.out, HasSubstr("it has expired"));
  const auto forged = test::token_of(R"({"alg":"HS256"})", R"({"sub":"a","role":"admin","exp":5})", "other");
  EXPECT_THAT(run_alone({"token", "inspect", "--keys-dir", folder_}, forged).out, HasSubstr("signature is wrong"));
  EXPECT_EQ(run_alone({"token", "inspect"}, "hello").code, 1);
  EXPECT_EQ(run_alone({"token", "inspect"}, "").code, 2);
}

TEST_F(TokenCommand, TakesNoTokenFromTheCommandLine) {
  auto token = issue({"--subject", "ops", "--role", "admin"}).out;
  token.pop_back();
  const auto ran = run_alone({"token", "inspect", token});
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("does not belong on the command line"));
  EXPECT_THAT(ran.err, Not(HasSubstr(token)));
}

}  // namespace
}  // namespace mtmsg::ctl
