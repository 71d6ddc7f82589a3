// /openapi.json and /docs.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/embedded_files.hpp"
#include "tests/unit/http/api_fixture.hpp"

namespace mtmsg::http {
namespace {

using testing::HasSubstr;

std::string header(const Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return {};
}

/// A stranger from anywhere.
auth::Peer visitor() {
  auth::Peer peer;
  peer.transport = auth::Peer::Transport::tcp;
  return peer;
}

class DocsApiTest : public ApiTest {
 protected:
  Response get(std::string_view target, std::vector<HeaderLine> headers = {}) {
    return call("GET", target, {}, {.peer = visitor(), .headers = std::move(headers)});
  }
  static bool has_page() { return find_embedded_file("index.html") != nullptr; }
};

TEST_F(DocsApiTest, TheDocumentIsForEverybody) {
  const auto answer = get("/openapi.json");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.content_type, "application/json");
  EXPECT_THAT(answer.body, HasSubstr(R"("openapi":"3.1.0")"));
  EXPECT_EQ(header(answer, "Content-Encoding"), "");
}

TEST_F(DocsApiTest, WhatHasNotChangedIsNotSentAgain) {
  const auto first = get("/openapi.json");
  const auto packed = get("/openapi.json", {{"Accept-Encoding", "br, gzip"}});
  EXPECT_EQ(header(packed, "Content-Encoding"), "gzip");
  EXPECT_LT(packed.body.size(), first.body.size() / 3);
  EXPECT_NE(header(packed, "ETag"), header(first, "ETag"));
  for (const auto& tag : {header(first, "ETag"), header(packed, "ETag"), "W/" + header(first, "ETag"),
                          "\"other\", " + header(first, "ETag"), std::string("*")}) {
    const auto again = get("/openapi.json", {{"If-None-Match", tag}});
    EXPECT_EQ(again.status, 304) << tag;
    EXPECT_EQ(again.body, "");
    EXPECT_EQ(header(again, "ETag"), header(first, "ETag"));
  }
  EXPECT_EQ(get("/openapi.json", {{"If-None-Match", "\"other\""}}).status, 200);
}

TEST_F(DocsApiTest, PacksOnlyForThoseWhoTakeIt) {
  for (const auto* takes : {"gzip", "GZIP", "gzip;q=0.5", "deflate, gzip ; q=1"})
    EXPECT_EQ(header(get("/openapi.json", {{"Accept-Encoding", takes}}), "Content-Encoding"), "gzip") << takes;
  for (const auto* takes : {"identity", "gzip;q=0", "gzip;q=0.0", "x-gzipped", "*", ""})
    EXPECT_EQ(header(get("/openapi.json", {{"Accept-Encoding", takes}}), "Content-Encoding"), "") << takes;
}

TEST_F(DocsApiTest, ThePageAsksNobodyElse) {
  if (!has_page()) GTEST_SKIP() << "built with MTMSG_DOCS=OFF";
  const auto page = get("/docs");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.content_type, HasSubstr("text/html"));
  EXPECT_THAT(header(page, "Content-Security-Policy"), HasSubstr("default-src 'none'"));
  EXPECT_THAT(header(page, "Content-Security-Policy"), testing::Not(HasSubstr("unsafe")));
  EXPECT_EQ(page.body.find("://"), std::string::npos);
  EXPECT_EQ(page.body.find("<script>"), std::string::npos);
}

TEST_F(DocsApiTest, EveryFileOfThePageIsThere) {
  if (!has_page()) GTEST_SKIP() << "built with MTMSG_DOCS=OFF";
  const auto page = get("/docs").body;
  int files = 0;
  for (auto at = page.find("\"docs/"); at != std::string::npos; at = page.find("\"docs/", at + 1)) {
    const auto name = page.substr(at + 1, page.find('"', at + 1) - at - 1);
    EXPECT_EQ(get("/" + name).status, 200) << name;
    ++files;
  }
  EXPECT_EQ(files, 4);
  EXPECT_EQ(get("/docs/LICENSE").status, 200);
}

TEST_F(DocsApiTest, NothingElseIsThere) {
  for (const auto* target : {"/docs/index.html", "/docs/openapi.json", "/docs/nothing", "/docs/..%2Fopenapi.json"}) {
    const auto answer = get(target);
    EXPECT_EQ(answer.status, 404) << target;
    EXPECT_EQ(code(answer), "not_found") << target;
  }
}

TEST_F(DocsApiTest, ADaemonWithoutThePageSaysSo) {
  if (has_page()) GTEST_SKIP() << "built with MTMSG_DOCS=ON";
  const auto answer = get("/docs");
  EXPECT_EQ(answer.status, 404);
  EXPECT_THAT(detail(answer), HasSubstr("MTMSG_DOCS=OFF"));
}

}  // namespace
}  // namespace mtmsg::http
