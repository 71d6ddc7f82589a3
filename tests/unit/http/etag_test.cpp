#include "http/etag.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/http/api_fixture.hpp"

namespace mtmsg::http {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Pair;

Tenant at(std::int64_t micros) {
  Tenant tenant;
  tenant.name = "acme";
  tenant.updated_at = Timestamp(std::chrono::microseconds(micros));
  return tenant;
}

/// A request with these headers.
class Asking {
 public:
  explicit Asking(std::vector<HeaderLine> headers) : headers_(std::move(headers)) {}
  Request request() { return {"PATCH", "/tenants/acme", headers_, peer_, body_}; }

 private:
  std::vector<HeaderLine> headers_;
  auth::Peer peer_ = unix_peer();
  Pieces body_{""};
};

Result<ExpectedVersions> expected(const std::string& if_match) {
  return expected_versions(Asking({{"if-match", if_match}}).request(), at(7));
}

TEST(EntityTags, AreReadAsAListOrAStar) {
  EXPECT_TRUE(parse_entity_tags(" * ")->any);
  const auto list = parse_entity_tags(R"( "a" ,, W/"b",""	,"c,d")").value();
  ASSERT_EQ(list.tags.size(), 4U);
  EXPECT_EQ(list.tags[0].opaque, "a");
  EXPECT_TRUE(list.tags[1].weak);
  EXPECT_EQ(list.tags[1].opaque, "b");
  EXPECT_EQ(list.tags[2].opaque, "");
  EXPECT_EQ(list.tags[3].opaque, "c,d");
}

TEST(EntityTags, AreNothingElse) {
  for (const auto* wrong : {"", ",", "a", "\"a", "a\"", "\"a\" \"b\"", "*, \"a\"", "\"a\",*", "w/\"a\"", "W/",
                            "\"a b\"", "\"a\x7f\"", "**", "'a'"})
    EXPECT_EQ(parse_entity_tags(wrong).error().code, ErrorCode::invalid_argument) << wrong;
  std::string many;
  for (int i = 0; i < 101; ++i) many += "\"a\",";
  EXPECT_FALSE(parse_entity_tags(many));
}

TEST(EntityTags, OfATenantNameItsVersionAndWhatElseIsShown) {
  EXPECT_EQ(etag_of(at(42)), "\"42\"");
  EXPECT_NE(etag_of(at(42), "a"), etag_of(at(42), "b"));
  EXPECT_NE(etag_of(at(42), "a"), etag_of(at(43), "a"));
  EXPECT_THAT(etag_of(at(42), "a"), testing::StartsWith("\"42-"));
}

TEST(IfMatch, AsksForTheVersionsThatStrongTagsName) {
  EXPECT_FALSE(expected("*").value());
  EXPECT_FALSE(expected_versions(Asking({}).request(), at(7)).value());
  const auto versions = expected("\"41\", " + etag_of(at(42), "what was shown") + ", W/\"43\", \"x\", \"44x\"").value();
  ASSERT_TRUE(versions);
  EXPECT_EQ(*versions, (std::vector{at(41).updated_at, at(42).updated_at}));
  EXPECT_TRUE(is_expected(at(42), versions));
  EXPECT_FALSE(is_expected(at(43), versions)) << "a weak tag fits nothing";
  EXPECT_FALSE(is_expected(at(1), expected("\"never\"").value()));
  EXPECT_THAT(expected("42").error().message, HasSubstr("If-Match"));
}

TEST(IfMatch, MayStandInSeveralHeaders) {
  const auto versions =
      expected_versions(Asking({{"If-Match", "\"1\""}, {"IF-MATCH", "\"2\""}}).request(), at(7)).value();
  EXPECT_EQ(versions->size(), 2U);
}

TEST(IfNoneMatch, OfAChangeForbidsTheVersionThatIsThere) {
  const auto asked = [](const std::string& value) {
    return expected_versions(Asking({{"If-None-Match", value}}).request(), at(7));
  };
  EXPECT_EQ(asked("*").error().code, ErrorCode::precondition_failed);
  EXPECT_EQ(asked("\"7\"").error().code, ErrorCode::precondition_failed);
  EXPECT_TRUE(asked("\"8\""));
}

class EtagApiTest : public ApiTest {
 protected:
  Response with(std::string_view method, std::string_view target, std::string_view header, const std::string& value,
                std::string body = {}) {
    return call(method, target, std::move(body), {.headers = {{header, value}}});
  }
  static std::string etag(const Response& response) {
    for (const auto& [name, value] : response.headers)
      if (name == "ETag") return value;
    return {};
  }
};

TEST_F(EtagApiTest, AGetOfWhatIsKnownAnswersNotModified) {
  tenant();
  for (const auto* target : {"/tenants/acme", "/tenants/acme/config/concurrency"}) {
    const auto shown = call("GET", target);
    ASSERT_NE(etag(shown), "") << target;
    const auto again = with("GET", target, "If-None-Match", "\"other\", W/" + etag(shown));
    EXPECT_EQ(again.status, 304) << target;
    EXPECT_EQ(again.body, "");
    EXPECT_EQ(again.content_type, "");
    EXPECT_EQ(etag(again), etag(shown));
    EXPECT_EQ(with("GET", target, "If-None-Match", "*").status, 304);
    EXPECT_EQ(with("GET", target, "If-None-Match", "\"other\"").status, 200);
    EXPECT_EQ(with("GET", target, "If-None-Match", "other").status, 400);
    EXPECT_EQ(with("GET", target, "If-Match", etag(shown)).status, 200);
    EXPECT_EQ(with("GET", target, "If-Match", "\"1\"").status, 412);
  }
  const auto shown = call("GET", "/tenants/acme");
  world_.tenants.full = true;  // the settings are the same, the answer is not
  EXPECT_EQ(with("GET", "/tenants/acme", "If-None-Match", etag(shown)).status, 200);
}

TEST_F(EtagApiTest, AChangeIsMadeOnlyToWhatTheClientSaw) {
  tenant();
  struct Change {
    const char* method;
    const char* target;
    const char* body;
  };
  for (const auto& [method, target, body] :
       {Change{"PATCH", "/tenants/acme", R"({"workers":5})"},
        Change{"PUT", "/tenants/acme/config/concurrency", R"({"workers":6})"},
        Change{"POST", "/tenants/acme/pause", ""}, Change{"POST", "/tenants/acme/resume", ""}}) {
    const auto seen = etag(call("GET", "/tenants/acme"));
    const auto changed = with(method, target, "If-Match", seen, body);
    EXPECT_EQ(changed.status, 200) << target << changed.body;
    EXPECT_NE(etag(changed), "");
    const auto late = with(method, target, "If-Match", seen, body);
    EXPECT_EQ(late.status, 412) << target;
    EXPECT_EQ(code(late), "precondition_failed");
    EXPECT_EQ(with(method, target, "If-Match", "seen", body).status, 400) << target;
    EXPECT_EQ(with(method, target, "If-Match", "*", body).status, 200) << target;
    EXPECT_EQ(with(method, target, "If-Match",
                   etag(call("GET", target == std::string("/tenants/acme") ? "/tenants/acme"
                                                                           : "/tenants/acme/config/concurrency")),
                   body)
                  .status,
              200)
        << target;
  }
  const auto seen = etag(call("GET", "/tenants/acme"));
  call("POST", "/tenants/acme/pause");
  EXPECT_EQ(with("DELETE", "/tenants/acme", "If-Match", seen).status, 412);
  EXPECT_EQ(with("DELETE", "/tenants/acme", "If-Match", etag(call("GET", "/tenants/acme"))).status, 204);
  EXPECT_EQ(with("DELETE", "/tenants/acme", "If-Match", "*").status, 404);
}

TEST_F(EtagApiTest, ANewTenantComesWithItsTag) {
  const auto made = call("POST", "/tenants", R"({"name":"acme"})");
  EXPECT_EQ(with("PATCH", "/tenants/acme", "If-Match", etag(made), R"({"workers":5})").status, 200);
}

}  // namespace
}  // namespace mtmsg::http
