#include "http/compression.hpp"

#include <gmock/gmock.h>
#include <zlib.h>

namespace mtmsg::http {
namespace {

using testing::Contains;
using testing::Key;
using testing::Not;
using testing::Pair;

/// What can be read of it so far.
std::string unpack(std::string_view packed) {
  z_stream state{};
  EXPECT_EQ(inflateInit2(&state, 15 + 16), Z_OK);
  std::string out(1 << 24, '\0');
  state.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  state.avail_in = static_cast<uInt>(packed.size());
  state.next_out = reinterpret_cast<Bytef*>(out.data());
  state.avail_out = static_cast<uInt>(out.size());
  inflate(&state, Z_SYNC_FLUSH);
  out.resize(state.total_out);
  inflateEnd(&state);
  return out;
}

bool is_whole(std::string_view packed) {
  z_stream state{};
  EXPECT_EQ(inflateInit2(&state, 15 + 16), Z_OK);
  std::string out(1 << 24, '\0');
  state.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  state.avail_in = static_cast<uInt>(packed.size());
  state.next_out = reinterpret_cast<Bytef*>(out.data());
  state.avail_out = static_cast<uInt>(out.size());
  const bool whole = inflate(&state, Z_FINISH) == Z_STREAM_END;
  inflateEnd(&state);
  return whole;
}

std::string large_text() {
  std::string text;
  for (int n = 0; n < 1000; ++n) text += "{\"n\":" + std::to_string(n) + "}\n";
  return text;
}

TEST(Compression, IsUsedWhereItIsPreferred) {
  for (const std::string_view wanted : {"gzip", "GZIP", "deflate, gzip;q=1.0, *;q=0.5", "*", "gzip;q=0.001", "x-gzip",
                                        "identity;q=0.5, gzip", "gzip , identity", "br, gzip ; q=0.8"})
    EXPECT_TRUE(takes_gzip(wanted)) << wanted;
  for (const std::string_view wanted : {"", "identity", "gzip;q=0", "*;q=0", "br", "gzip;q=0.5, identity", "gzip;q=2",
                                        "gzip;q=a", "gzip;q=", "gzipped", "gzip;q=0, *", ",;,;", "gzip;q=0.1234"})
    EXPECT_FALSE(takes_gzip(wanted)) << wanted;
}

TEST(Compression, PacksALargeBody) {
  auto response = Response::json(200, large_text());
  const auto plain = response.body;
  compress(response, "gzip");
  EXPECT_THAT(response.headers, Contains(Pair("Content-Encoding", "gzip")));
  EXPECT_THAT(response.headers, Contains(Pair("Vary", "Accept-Encoding")));
  EXPECT_LT(response.body.size(), plain.size() / 2);
  EXPECT_TRUE(is_whole(response.body));
  EXPECT_EQ(unpack(response.body), plain);
}

TEST(Compression, LeavesABodyAloneThatNobodyWantsPackedAndSaysThatItDepends) {
  auto response = Response::json(200, large_text());
  compress(response, "");
  EXPECT_THAT(response.headers, Not(Contains(Key("Content-Encoding"))));
  EXPECT_THAT(response.headers, Contains(Pair("Vary", "Accept-Encoding")));
  EXPECT_EQ(response.body, large_text() + "\n");
}

TEST(Compression, LeavesSmallBodiesPicturesAndExactTagsAlone) {
  auto small = Response::json(200, "{}");
  Response picture{200, "image/png", large_text(), {}, {}};
  auto tagged = Response::json(200, large_text());
  tagged.headers.emplace_back("ETag", "\"7\"");
  for (auto* response : {&small, &picture, &tagged}) {
    compress(*response, "gzip");
    EXPECT_THAT(response->headers, Not(Contains(Key("Content-Encoding")))) << response->content_type;
  }
  auto weak = Response::json(200, large_text());
  weak.headers.emplace_back("ETag", "W/\"7\"");
  compress(weak, "gzip");
  EXPECT_THAT(weak.headers, Contains(Key("Content-Encoding")));
}

TEST(Compression, EachPieceOfAStreamCanBeReadWhenItCame) {
  Response response{200, "application/x-ndjson", {}, {}, {}};
  response.stream = [n = 0](std::string& out) mutable {
    out += "{\"n\":" + std::to_string(++n) + "}\n";
    return n < 3 ? StreamStep::more : StreamStep::done;
  };
  compress(response, "gzip");
  std::string sent;
  std::string expected;
  for (int n = 1; n <= 3; ++n) {
    const auto step = response.stream(sent);
    expected += "{\"n\":" + std::to_string(n) + "}\n";
    EXPECT_EQ(unpack(sent), expected);
    EXPECT_EQ(step, n < 3 ? StreamStep::more : StreamStep::done);
  }
  EXPECT_TRUE(is_whole(sent));
}

TEST(Compression, ABrokenStreamHasNoEndPackedEither) {
  Response response{200, "application/x-ndjson", {}, {}, {}};
  response.stream = [](std::string& out) {
    out += "{}\n";
    return StreamStep::broken;
  };
  compress(response, "gzip");
  std::string sent;
  EXPECT_EQ(response.stream(sent), StreamStep::broken);
  EXPECT_EQ(unpack(sent), "{}\n");
  EXPECT_FALSE(is_whole(sent));
}

}  // namespace
}  // namespace mtmsg::http
