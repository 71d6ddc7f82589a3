// PostgreSQL has the last word on what a payload is. These tests ask it, and hold our validator against its answer.

#include <cstdlib>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <libpq-fe.h>

#include "domain/payload.hpp"
#include "domain/rendered_size.hpp"

namespace mtmsg {
namespace {

struct Close {
  void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
  void operator()(PGresult* result) const noexcept { PQclear(result); }
};

/// PostgreSQL's own verdict on a body, sent the way the writer's COPY sends it: jsonb in binary form.
class Oracle {
 public:
  Oracle() {
    const char* url = std::getenv("MTMSG_DATABASE_URL");
    if (url == nullptr) throw std::runtime_error("MTMSG_DATABASE_URL is not set: see tools/sandbox env");
    connection_.reset(PQconnectdb(url));
    if (PQstatus(connection_.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection_.get()));
  }

  /// The SQLSTATE of the refusal; empty when jsonb takes it.
  std::string refusal(std::string_view body) {
    const auto result = ask("select $1::jsonb is null", body);
    if (PQresultStatus(result.get()) == PGRES_TUPLES_OK) return {};
    const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
    return state != nullptr ? state : "unknown";
  }

  /// Bytes of what it gives back for a body it takes.
  std::uint64_t rendered(std::string_view body) {
    const auto result = ask("select octet_length($1::jsonb::text)", body);
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) throw std::runtime_error(PQerrorMessage(connection_.get()));
    return std::stoull(PQgetvalue(result.get(), 0, 0));
  }

 private:
  std::unique_ptr<PGresult, Close> ask(const char* query, std::string_view body) {
    std::string binary = "\x01";
    binary += body;
    const Oid jsonb = 3802;
    const char* value = binary.data();
    const int length = static_cast<int>(binary.size());
    const int format = 1;
    return std::unique_ptr<PGresult, Close>(
        PQexecParams(connection_.get(), query, 1, &jsonb, &value, &length, &format, 0));
  }

  std::unique_ptr<PGconn, Close> connection_;
};

/// A body short enough for a failure's message.
std::string shown(std::string_view body) {
  return ::testing::PrintToString(std::string(body.substr(0, 200))) + " of " + std::to_string(body.size()) + " bytes";
}

std::string repeated(std::string_view part, std::size_t times) {
  std::string text;
  text.reserve(part.size() * times);
  for (std::size_t i = 0; i < times; ++i) text += part;
  return text;
}

/// What our verdict may be, given PostgreSQL's.
struct Tally {
  std::size_t taken = 0;
  std::size_t refused_by_both = 0;
  std::size_t left_to_postgresql = 0;
};

void compare(Oracle& oracle, PayloadValidator& ours, const PayloadLimits& limits, std::string_view body, Tally& tally) {
  const auto sqlstate = oracle.refusal(body);
  const auto refusal = ours.check(body);
  if (sqlstate.empty() && !refusal) {
    ++tally.taken;
    const auto actual = oracle.rendered(body);
    const auto measured = rendered_bytes(body);
    // Repeated keys count each time; without objects the measure is exact.
    ASSERT_LE(actual, measured) << shown(body);
    if (body.find('{') == std::string_view::npos) {
      ASSERT_EQ(actual, measured) << shown(body);
    }
    ASSERT_LE(actual, limits.max_rendered_bytes) << shown(body);
  } else if (sqlstate.empty()) {
    ASSERT_EQ(refusal->reason, DeadReason::too_large) << refusal->detail << " for " << shown(body);
    const bool beyond = body.size() > limits.max_message_bytes || rendered_bytes(body) > limits.max_rendered_bytes;
    ASSERT_TRUE(beyond) << shown(body);
  } else if (refusal) {
    ++tally.refused_by_both;
  } else {
    ++tally.left_to_postgresql;
    // Only what is JSON by its grammar, or was not read to its end (nested too deep; behind half of a surrogate pair),
    // may cost a transaction.
    static const std::set<std::string> kExpected{"22P05", "22P02", "22003", "22021", "54001"};
    ASSERT_TRUE(kExpected.count(sqlstate) == 1) << sqlstate << " for " << shown(body);
  }
}

std::vector<std::string> nasty_bodies() {
  std::vector<std::string> bodies = {
      "",
      " ",
      "{}",
      "[]",
      "null",
      "nul",
      "true ",
      "\t1\r\n",
      "0",
      "-0",
      "-0.0",
      "01",
      "-01",
      "1.",
      ".1",
      "1e",
      "1e+",
      "+1",
      "1e400",
      "-1e400",
      "1e-400",
      "1e131071",
      "1e131072",
      "1e-16383",
      "1e-16384",
      "0e131072",
      "0e-16384",
      "0e99999",
      "1e2147483647",
      "1e2147483648",
      "0e99999999999",
      "1e-2147483648",
      "1e-99999999999",
      "1e00000000000000005",
      "1e1073741822",
      "1e1073741823",
      "0e1073741822",
      "1e-1073741823",
      "0.00e5",
      "123.456e-3",
      "1E5",
      "-1e-5",
      "0.1e1",
      "NaN",
      "Infinity",
      "-Infinity",
      "nan",
      "// c\n1",
      "/* c */1",
      "[1,]",
      "{\"a\":1,}",
      "{a:1}",
      "{'a':1}",
      "{1:2}",
      "{\"a\"}",
      "{\"a\":}",
      "[1 2]",
      "[,]",
      "1 2",
      "{} {}",
      "{}\v",
      "\f{}",
      "{}\xc2\xa0",
      "\xef\xbb\xbf{}",
      std::string("{}\0", 3),
      std::string("\0{}", 3),
      std::string("\"a\0b\"", 5),
      "\"\x01\"",
      "\"\x1f\"",
      "\"\x7f\"",
      "\"\n\"",
      "\"\t\"",
      R"("\u0000")",
      R"({"\u0000":1})",
      R"("\u0001")",
      R"("\ud800")",
      R"("\udc00")",
      R"("\ud83d\ude00")",
      R"("\ud800\ud800")",
      R"("\ude00\ud83d")",
      R"("\ud83dx")",
      R"("\ud83d\n")",
      R"("\ud83d\u0041")",
      R"("\uD83D\uDE00")",
      R"("\u12")",
      R"("\u12g4")",
      R"("\U0041")",
      R"("\x41")",
      R"("\'")",
      R"("\/")",
      R"("\b\f\n\r\t\\\"")",
      R"("\)",
      R"("\")",
      "\"\xff\"",
      "\"\xc0\x80\"",
      "\"\xe0\x80\x80\"",
      "\"\xed\xa0\x80\"",
      "\"\xf4\x8f\xbf\xbf\"",
      "\"\xf4\x90\x80\x80\"",
      "\"\xf0\x9f\x98\"",
      "\"\xef\xbf\xbe\"",
      "\"\xef\xbf\xbf\"",
      "\"\xe2\x80\xa8\"",
      "\"\xc3\xa9\"",
      "\xc3\xa9",
      "{\"\xff\":1}",
      R"({"a":1,"a":2,"a":[3]})",
      R"({"":""})",
      "[[],{},[[]],{\"a\":{}}]",
      R"([1e3,2E-3,-5.50e1])",
  };
  for (const std::size_t depth : {31U, 32U, 33U, 499U, 500U, 501U, 1'000U, 3'000U, 20'000U, 200'000U}) {
    bodies.push_back(std::string(depth, '[') + std::string(depth, ']'));
    bodies.push_back(repeated("{\"a\":", depth) + "1" + std::string(depth, '}'));
    bodies.push_back(std::string(depth, '['));
    bodies.push_back(std::string(depth, '[') + "x" + std::string(depth, ']'));
    bodies.push_back(std::string(depth, '[') + R"("\u0009\/",1e5)" + std::string(depth, ']'));
  }
  for (const std::size_t digits : {19U, 20U, 40U, 400U, 16'383U, 16'384U, 131'072U, 131'073U}) {
    bodies.push_back(std::string(digits, '9'));
    bodies.push_back("-" + std::string(digits, '1'));
    bodies.push_back("0." + std::string(digits, '0') + "1");
    bodies.push_back("1." + std::string(digits, '7') + "e5");
  }
  bodies.push_back("[" + repeated("1e131071,", 50) + "0]");
  bodies.push_back("[" + repeated("1e131071,", 100) + "0]");
  bodies.push_back("\"" + repeated("\\u00e9", 100'000) + "\"");
  bodies.push_back("\"" + repeated("\\u0001", 100'000) + "\"");
  bodies.push_back("[" + repeated("0,", 500'000) + "0]");
  bodies.push_back("\"" + std::string((1 << 20) - 2, 'x') + "\"");
  bodies.push_back("\"" + std::string((1 << 20) - 1, 'x') + "\"");
  return bodies;
}

TEST(PayloadOracle, AgreesWithPostgresqlOnEveryNastyCase) {
  Oracle oracle;
  const PayloadLimits limits;
  PayloadValidator ours(limits);
  Tally tally;
  for (const auto& body : nasty_bodies()) {
    compare(oracle, ours, limits, body, tally);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(tally.taken, 60U);
  EXPECT_GT(tally.refused_by_both, 60U);
  EXPECT_GT(tally.left_to_postgresql, 10U);
}

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }

  std::string value(int depth) {
    switch (below(depth > 0 ? 7 : 5)) {
      case 0:
        return pick({"null", "true", "false"});
      case 1:
      case 2:
        return number();
      case 3:
      case 4:
        return string();
      case 5:
        return list("[", "]", [&] { return value(depth - 1); });
      default:
        return list("{", "}", [&] { return string() + blank() + ":" + blank() + value(depth - 1); });
    }
  }

  /// One to three small damages.
  std::string mutated(std::string body) {
    const auto times = 1 + below(3);
    for (std::size_t i = 0; i < times && !body.empty(); ++i) {
      const auto at = below(body.size());
      switch (below(5)) {
        case 0:
          body[at] = static_cast<char>(below(256));
          break;
        case 1:
          body.erase(at, 1 + below(4));
          break;
        case 2:
          body.insert(at, pick({"\\u0000", "\\ud800",      "\\udc00", "e",  "-",
                                "\"",      "\\",           "{",       "]",  ",",
                                "0",       "9e9",          "\x80",    ".",  "\xed\xa0\x80",
                                "/**/",    "\xef\xbb\xbf", " ",       "\n", "1e131072"}));
          break;
        case 3:
          body.insert(at, body.substr(below(body.size()), below(20)));
          break;
        default:
          body.resize(at);
      }
    }
    return body;
  }

 private:
  std::string pick(std::initializer_list<const char*> from) { return *(from.begin() + below(from.size())); }
  std::string blank() { return pick({"", "", "", " ", "\n", "\t ", "\r"}); }

  std::string digits(std::size_t most) {
    std::string text;
    for (std::size_t count = 1 + below(most); count > 0; --count) text += static_cast<char>('0' + below(10));
    return text;
  }

  std::string number() {
    std::string text = pick({"", "-"});
    text += below(3) == 0 ? "0" : static_cast<char>('1' + below(9)) + (below(2) == 0 ? digits(25) : std::string());
    if (below(2) == 0) text += "." + digits(25);
    if (below(2) == 0) text += pick({"e", "E", "e+", "e-", "E-"}) + digits(below(4) == 0 ? 6 : 3);
    return text;
  }

  std::string string() {
    std::string text = "\"";
    for (std::size_t count = below(8); count > 0; --count) {
      text += pick({"a", "Z", " ", "\\n", "\\\"", "\\\\", "\\/", "\\u0041", "\\u00e9", "\\u0007", "\\u20AC",
                    "\\ud83d\\ude00", "\xc3\xa9", "\xf0\x9f\x98\x80", "\x7f", ",", ":", "{", "1e9"});
    }
    return text + "\"";
  }

  template <class Element>
  std::string list(const char* open, const char* close, Element element) {
    std::string text = open + blank();
    const auto count = below(4);
    for (std::size_t i = 0; i < count; ++i) text += (i > 0 ? "," : "") + blank() + element() + blank();
    return text + close;
  }

  std::mt19937_64 random_;
};

TEST(PayloadOracle, AgreesWithPostgresqlOnRandomDocumentsAndTheirMutations) {
  Oracle oracle;
  const PayloadLimits limits{4096, 200'000};
  PayloadValidator ours(limits);
  Generator generate(20'260'131);
  Tally tally;
  for (int i = 0; i < 4'000; ++i) {
    const auto body = generate.value(4);
    compare(oracle, ours, limits, body, tally);
    compare(oracle, ours, limits, generate.mutated(body), tally);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(tally.taken, 2'000U);
  EXPECT_GT(tally.refused_by_both, 1'000U);
  EXPECT_GT(tally.left_to_postgresql, 20U);
  RecordProperty("taken", static_cast<int>(tally.taken));
  RecordProperty("refused_by_both", static_cast<int>(tally.refused_by_both));
  RecordProperty("left_to_postgresql", static_cast<int>(tally.left_to_postgresql));
}

}  // namespace
}  // namespace mtmsg
