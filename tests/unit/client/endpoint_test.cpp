#include "client/endpoint.hpp"

#include <gtest/gtest.h>

namespace mtmsg::client {
namespace {

using Scheme = Endpoint::Scheme;

TEST(Endpoint, ReadsEveryForm) {
  EXPECT_EQ(Endpoint::parse("unix:/run/mtmsg/mtmsgd.sock").value(),
            (Endpoint{Scheme::unix_socket, "/run/mtmsg/mtmsgd.sock", "", 0}));
  EXPECT_EQ(Endpoint::parse("http://127.0.0.1:8080").value(), (Endpoint{Scheme::http, "", "127.0.0.1", 8080}));
  EXPECT_EQ(Endpoint::parse("http://db.example/").value(), (Endpoint{Scheme::http, "", "db.example", 80}));
  EXPECT_EQ(Endpoint::parse("https://[::1]:8443").value(), (Endpoint{Scheme::https, "", "::1", 8443}));
}

TEST(Endpoint, IsWrittenInTheFormItIsReadIn) {
  for (const auto* text : {"unix:/a b", "http://h:1", "https://[fe80::1]:65535"})
    EXPECT_EQ(Endpoint::parse(text).value().to_string(), text);
}

TEST(Endpoint, RefusesEverythingElseAndNamesTheForms) {
  const std::string long_path = "unix:/" + std::string(107, 'x');
  for (const auto& text : {std::string(""), std::string("/run/x.sock"), std::string("unix:"), long_path,
                           std::string("http://"), std::string("http://h:0"), std::string("http://h:65536"),
                           std::string("http://h:8o"), std::string("http://h:"), std::string("http://u@h:1"),
                           std::string("http://h:1/api"), std::string("http://[::1"), std::string("ftp://h:1")}) {
    const auto parsed = Endpoint::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_NE(parsed.error().message.find("unix:/PATH"), std::string::npos);
  }
}

}  // namespace
}  // namespace mtmsg::client
