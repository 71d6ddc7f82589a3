#include "tls/context.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/certificates.hpp"

namespace mtmsg::tls {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class TlsContext : public testing::Test {
 protected:
  TlsContext() { std::filesystem::create_directories(folder_); }
  ~TlsContext() override { std::filesystem::remove_all(folder_); }

  static std::string complaint(const ServerFiles& files) {
    const auto context = Context::server(files);
    return context.has_error() ? context.error().message : "none";
  }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }

  const std::string folder_ = testing::TempDir() + "mtmsg-tls-" + std::to_string(::getpid());
};

TEST_F(TlsContext, TakesACertificateWithItsKeyAndKnowsWhenItExpires) {
  const test::CertificateAuthority authority(folder_, "ca");
  const auto own = authority.issue("server", {.ends_in = std::chrono::hours(48)});
  const auto context = Context::server({own.certificate, own.key, authority.file()});
  ASSERT_TRUE(context) << context.error().message;
  const auto left = (*context)->not_after().value() - std::chrono::system_clock::now();
  EXPECT_LE(left, std::chrono::hours(48));
  EXPECT_GT(left, std::chrono::hours(47));
}

TEST_F(TlsContext, NamesBothFilesWhenTheKeyIsAnothersCertificates) {
  const test::CertificateAuthority authority(folder_, "ca");
  const auto one = authority.issue("one");
  const auto other = authority.issue("other");
  EXPECT_EQ(complaint({one.certificate, other.key, {}}),
            "the key " + other.key + " is not that of the certificate " + one.certificate);
}

TEST_F(TlsContext, NamesTheFileThatIsMissingOrHoldsSomethingElse) {
  const test::CertificateAuthority authority(folder_, "ca");
  const auto own = authority.issue("server");
  const auto none = folder_ + "/none";
  const auto text = write("text", "no certificate\n");
  EXPECT_THAT(complaint({none, own.key, {}}), AllOf(HasSubstr(none), HasSubstr("No such file")));
  EXPECT_THAT(complaint({own.certificate, none, {}}), AllOf(HasSubstr(none), HasSubstr("No such file")));
  EXPECT_THAT(complaint({own.certificate, own.key, none}), AllOf(HasSubstr(none), HasSubstr("No such file")));
  EXPECT_THAT(complaint({text, own.key, {}}), AllOf(HasSubstr(text), HasSubstr("PEM")));
  EXPECT_THAT(complaint({own.certificate, text, {}}), AllOf(HasSubstr(text), HasSubstr("PEM")));
  EXPECT_THAT(complaint({own.certificate, own.key, text}), AllOf(HasSubstr(text), HasSubstr("PEM")));
}

TEST_F(TlsContext, AClientNeedsNoFilesAndNamesTheOnesThatAreWrong) {
  EXPECT_TRUE(Context::client({}));
  const auto none = folder_ + "/none";
  const auto context = Context::client({none, {}, {}});
  ASSERT_TRUE(context.has_error());
  EXPECT_THAT(context.error().message, HasSubstr(none));
}

}  // namespace
}  // namespace mtmsg::tls
