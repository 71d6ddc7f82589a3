#include "config/values.hpp"

#include <random>

#include <gtest/gtest.h>

namespace mtmsg::config {
namespace {

using namespace std::chrono_literals;

TEST(Duration, IsANumberWithItsUnit) {
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("30s"), 30s);
  EXPECT_EQ(parse_duration("10m"), 10min);
  EXPECT_EQ(parse_duration("2h"), 2h);
  EXPECT_EQ(parse_duration("0s"), 0s);
  for (const char* text :
       {"", "30", "s", "-1s", "1.5s", "1 s", "1S", "1d", "1s ", "99999999999999999999s", "9999999999999999h"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Bytes, AreANumberOrANumberWithABinaryUnit) {
  EXPECT_EQ(parse_bytes("100"), Bytes{100});
  EXPECT_EQ(parse_bytes("1KiB"), Bytes{1024});
  EXPECT_EQ(parse_bytes("3MiB"), Bytes{3U << 20});
  EXPECT_EQ(parse_bytes("2GiB"), Bytes{2ULL << 30});
  for (const char* text : {"", "KiB", "1MB", "1M", "1 MiB", "1.5MiB", "-1", "1mib", "99999999999GiB"}) {
    EXPECT_EQ(parse_bytes(text), std::nullopt) << text;
  }
}

TEST(Values, SurviveTheirWrittenForm) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 5'000; ++i) {
    const auto value = random() >> (18 + random() % 44);
    const auto duration = std::chrono::milliseconds(static_cast<std::int64_t>(value));
    ASSERT_EQ(parse_duration(format_duration(duration)), duration);
    ASSERT_EQ(parse_bytes(format_bytes({value})), Bytes{value});
    const FileMode mode{static_cast<unsigned>(value % 01000)};
    ASSERT_EQ(parse_mode(format_mode(mode)), mode);
  }
  EXPECT_EQ(format_duration(90s), "90s");
  EXPECT_EQ(format_duration(120s), "2m");
  EXPECT_EQ(format_bytes({192U << 20}), "192MiB");
  EXPECT_EQ(format_mode({0660}), "0660");
}

TEST(FileMode, IsOctal) {
  EXPECT_EQ(parse_mode("0660"), FileMode{0660});
  EXPECT_EQ(parse_mode("600"), FileMode{0600});
  for (const char* text : {"", "0888", "rw", "07777", "-1", "0o660"}) EXPECT_EQ(parse_mode(text), std::nullopt) << text;
}

TEST(ListenAddress, IsHostAndPort) {
  EXPECT_EQ(parse_listen("127.0.0.1:8080")->port, 8080);
  EXPECT_EQ(parse_listen("[::1]:0")->host, "::1");
  EXPECT_EQ(parse_listen("localhost:1")->host, "localhost");
  for (const char* text : {"", ":80", "localhost", "localhost:", "localhost:65536", "::1:80", "[::1]", "[]:80",
                           "[x]:80", "http://localhost:80", "a b:80", "u@h:80", "[::1:80"}) {
    EXPECT_FALSE(parse_listen(text).has_value()) << text;
  }
}

TEST(ListenAddress, KnowsWhatOnlyThisMachineReaches) {
  for (const char* text : {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"}) {
    EXPECT_TRUE(parse_listen(text)->loopback()) << text;
  }
  for (const char* text :
       {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", "127.0.0.1.example.com:1", "example.com:1", "128.0.0.1:1", "127.1:1"}) {
    EXPECT_FALSE(parse_listen(text)->loopback()) << text;
  }
}

TEST(Origins, AreWhatABrowserSendsOrAStarAlone) {
  EXPECT_EQ(parse_origins("").value(), std::vector<std::string>{});
  EXPECT_EQ(parse_origins(" https://a.example,http://[::1]:3000  https://b ").value(),
            (std::vector<std::string>{"https://a.example", "http://[::1]:3000", "https://b"}));
  EXPECT_EQ(parse_origins("*").value(), std::vector<std::string>{"*"});
  for (const char* text : {"app.example.org", "https://app.example.org/", "https://", "HTTPS://a", "https://A.example",
                           "null", "* https://a", "https://a/b", "https://a@b", "://a"})
    EXPECT_FALSE(parse_origins(text)) << text;
}

TEST(MaskSecrets, HidesEveryPassword) {
  const std::pair<const char*, const char*> cases[] = {
      {"amqp://guest:s3cret@host:5672/vh", "amqp://guest:***@host:5672/vh"},
      {"amqp://host:5672/", "amqp://host:5672/"},
      {"amqp://guest@host/", "amqp://guest@host/"},
      {"postgresql://u:s3cret@h1:1,h2:2/db?sslmode=require", "postgresql://u:***@h1:1,h2:2/db?sslmode=require"},
      {"postgresql://u:s3/c@r:et@h/db", "postgresql://u:***@h/db"},
      {"postgresql://h/db?user=u&password=s3cret&sslpassword=s3cret&x=1",
       "postgresql://h/db?user=u&password=***&sslpassword=***&x=1"},
      {"host=h password=s3cret dbname=d", "host=h password=*** dbname=d"},
      {"host=h password = 's3 cr\\'et' dbname=d", "host=h password = *** dbname=d"},
      {"password=s3\\ cret dbname=d", "password=*** dbname=d"},
      {"host=h password='s3cret", "host=h password=***"},
      {"host=h passfile=/x", "host=h passfile=/x"},
      {"", ""},
  };
  for (const auto& [url, shown] : cases) EXPECT_EQ(mask_secrets(url), shown);
  for (const char* url : {"password=", "password=\\", "password='\\", "a://:@", "password", "://"}) mask_secrets(url);
}

}  // namespace
}  // namespace mtmsg::config
