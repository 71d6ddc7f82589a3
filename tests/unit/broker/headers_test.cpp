#include "broker/amqp/headers.hpp"

#include <cmath>
#include <deque>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mtmsg::broker::amqp {
namespace {

using namespace std::string_view_literals;

amqp_field_value_t field(int kind) {
  amqp_field_value_t out{};
  out.kind = static_cast<std::uint8_t>(kind);
  return out;
}

amqp_field_value_t text(std::string_view value) {
  auto out = field(AMQP_FIELD_KIND_UTF8);
  out.value.bytes = bytes(value);
  return out;
}

amqp_field_value_t integer(std::int64_t value) {
  auto out = field(AMQP_FIELD_KIND_I64);
  out.value.i64 = value;
  return out;
}

/// Properties whose headers table is built entry by entry.
class Sent {
 public:
  Sent& header(std::string_view key, amqp_field_value_t value) {
    entries_.push_back({bytes(key), value});
    properties._flags |= AMQP_BASIC_HEADERS_FLAG;
    return *this;
  }
  Sent& message_id(std::string_view id) {
    properties._flags |= AMQP_BASIC_MESSAGE_ID_FLAG;
    properties.message_id = bytes(id);
    return *this;
  }
  Sent& timestamp(std::uint64_t seconds) {
    properties._flags |= AMQP_BASIC_TIMESTAMP_FLAG;
    properties.timestamp = seconds;
    return *this;
  }
  std::string json(Origin origin = Origin::first_delivery) {
    std::string out = "left over";
    rendered = render(origin, out);
    return out;
  }
  Properties render(Origin origin, std::string& out) {
    properties.headers.num_entries = static_cast<int>(entries_.size());
    properties.headers.entries = entries_.data();
    return render_headers(properties, origin, out);
  }

  amqp_basic_properties_t properties{};
  Properties rendered;

 private:
  std::vector<amqp_table_entry_t> entries_;
};

std::string one(amqp_field_value_t value) {
  const auto json = Sent().header("k", value).json();
  EXPECT_EQ(json.substr(0, 5), "{\"k\":");
  return json.substr(5, json.size() - 6);
}

TEST(Headers, OfAMessageWithoutPropertiesAreAnEmptyObject) {
  EXPECT_EQ(Sent().json(), "{}");
}

TEST(Headers, HoldApplicationHeadersAsMembersAndPropertiesUnderAmqp) {
  Sent sent;
  sent.header("traceparent", text("00-ab")).header("n", integer(-7)).message_id("order-17");
  sent.properties._flags |= AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG;
  sent.properties.content_type = amqp_cstring_bytes("application/json");
  sent.properties.delivery_mode = 2;
  EXPECT_EQ(sent.json(), R"({"traceparent":"00-ab","n":-7,"amqp":{"content_type":"application/json","delivery_mode":2,)"
                         R"("message_id":"order-17"}})");
  EXPECT_EQ(sent.rendered.message_id, "order-17");
}

TEST(Headers, LeaveAMessageIdOutThatIsTheIdItself) {
  Sent sent;
  sent.message_id("0190AAAA-0000-7000-8000-00000000000f");
  EXPECT_EQ(sent.json(), "{}");
  EXPECT_EQ(sent.rendered.message_id, "0190AAAA-0000-7000-8000-00000000000f");
}

TEST(Headers, HoldEveryPropertyUnderItsAmqpName) {
  Sent sent;
  auto& p = sent.properties;
  p._flags = AMQP_BASIC_CONTENT_ENCODING_FLAG | AMQP_BASIC_PRIORITY_FLAG | AMQP_BASIC_CORRELATION_ID_FLAG |
             AMQP_BASIC_REPLY_TO_FLAG | AMQP_BASIC_EXPIRATION_FLAG | AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_USER_ID_FLAG |
             AMQP_BASIC_APP_ID_FLAG | AMQP_BASIC_CLUSTER_ID_FLAG;
  p.content_encoding = bytes("gzip");
  p.priority = 9;
  p.correlation_id = bytes("c");
  p.reply_to = bytes("r");
  p.expiration = bytes("60000");
  p.type = bytes("t");
  p.user_id = bytes("u");
  p.app_id = bytes("a");
  p.cluster_id = bytes("z");
  sent.timestamp(1769860800);
  EXPECT_EQ(sent.json(),
            R"({"amqp":{"content_encoding":"gzip","priority":9,"correlation_id":"c","reply_to":"r",)"
            R"("expiration":"60000","timestamp":"2026-01-31T12:00:00Z","type":"t","user_id":"u","app_id":"a",)"
            R"("cluster_id":"z"}})");
}

TEST(Headers, KeepAnApplicationHeaderNamedAmqpApart) {
  EXPECT_EQ(Sent().header("amqp", text("forged")).header("a", integer(1)).json(),
            R"({"a":1,"amqp":{"headers":{"amqp":"forged"}}})");
}

TEST(Headers, RenderEveryFieldType) {
  auto value = field(AMQP_FIELD_KIND_BOOLEAN);
  value.value.boolean = 1;
  EXPECT_EQ(one(value), "true");
  value = field(AMQP_FIELD_KIND_I8);
  value.value.i8 = -128;
  EXPECT_EQ(one(value), "-128");
  value = field(AMQP_FIELD_KIND_U8);
  value.value.u8 = 255;
  EXPECT_EQ(one(value), "255");
  value = field(AMQP_FIELD_KIND_I16);
  value.value.i16 = -32768;
  EXPECT_EQ(one(value), "-32768");
  value = field(AMQP_FIELD_KIND_U16);
  value.value.u16 = 65535;
  EXPECT_EQ(one(value), "65535");
  value = field(AMQP_FIELD_KIND_I32);
  value.value.i32 = std::numeric_limits<std::int32_t>::min();
  EXPECT_EQ(one(value), "-2147483648");
  value = field(AMQP_FIELD_KIND_U32);
  value.value.u32 = std::numeric_limits<std::uint32_t>::max();
  EXPECT_EQ(one(value), "4294967295");
  EXPECT_EQ(one(integer(std::numeric_limits<std::int64_t>::min())), "-9223372036854775808");
  value = field(AMQP_FIELD_KIND_U64);
  value.value.u64 = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(one(value), "18446744073709551615");
  value = field(AMQP_FIELD_KIND_F32);
  value.value.f32 = 0.1F;
  EXPECT_EQ(one(value), "0.1");
  value = field(AMQP_FIELD_KIND_F64);
  value.value.f64 = 1e300;
  EXPECT_EQ(one(value), "1e+300");
  value = field(AMQP_FIELD_KIND_TIMESTAMP);
  value.value.u64 = 0;
  EXPECT_EQ(one(value), R"("1970-01-01T00:00:00Z")");
  EXPECT_EQ(one(field(AMQP_FIELD_KIND_VOID)), "null");
  value = field(AMQP_FIELD_KIND_BYTES);
  value.value.bytes = bytes("\xff\x00\x01"sv);
  EXPECT_EQ(one(value), R"({"base64":"/wAB"})");
  EXPECT_EQ(one(field('?')), "null");
}

TEST(Headers, RenderDecimalsDigitByDigit) {
  auto value = field(AMQP_FIELD_KIND_DECIMAL);
  const auto decimal = [&](std::uint32_t digits, std::uint8_t decimals) {
    value.value.decimal = {decimals, digits};
    return one(value);
  };
  EXPECT_EQ(decimal(12345, 2), "123.45");
  EXPECT_EQ(decimal(5, 3), "0.005");
  EXPECT_EQ(decimal(500, 3), "0.500");
  EXPECT_EQ(decimal(7, 0), "7");
  EXPECT_EQ(decimal(0, 0), "0");
  EXPECT_EQ(decimal(static_cast<std::uint32_t>(-15), 1), "-1.5");
  EXPECT_EQ(decimal(1, 255).size(), 257U);
}

TEST(Headers, RenderNumbersThatJsonLacksAsStrings) {
  auto value = field(AMQP_FIELD_KIND_F64);
  value.value.f64 = std::nan("");
  EXPECT_EQ(one(value), R"("NaN")");
  value.value.f64 = -std::numeric_limits<double>::infinity();
  EXPECT_EQ(one(value), R"("-Infinity")");
  value = field(AMQP_FIELD_KIND_F32);
  value.value.f32 = std::numeric_limits<float>::infinity();
  EXPECT_EQ(one(value), R"("Infinity")");
}

TEST(Headers, EscapeWhatJsonEscapes) {
  EXPECT_EQ(one(text("a\"b\\c\nd\te\x01\x1f/\x7f")), "\"a\\\"b\\\\c\\nd\\te\\u0001\\u001f/\x7f\"");
  EXPECT_EQ(one(text("Grüße €, 😀")), "\"Grüße €, 😀\"");
}

TEST(Headers, PutBytesThatAreNoTextIntoBase64) {
  for (const auto hostile : {
           "nul\0inside"sv,       // jsonb refuses it
           "\x80"sv,              // continuation alone
           "\xc0\xaf"sv,          // overlong
           "\xc1\xbf"sv,          // overlong
           "\xe0\x9f\xbf"sv,      // overlong
           "\xf0\x8f\xbf\xbf"sv,  // overlong
           "\xed\xa0\x80"sv,      // surrogate
           "\xed\xbf\xbf"sv,      // surrogate
           "\xf4\x90\x80\x80"sv,  // above U+10FFFF
           "\xf5\x80\x80\x80"sv,  // no such lead
           "\xff"sv,              // no such lead
           "abc\xe2\x82"sv,       // cut
           "12345678\xe2\x82"sv,  // cut behind a whole word
           "1234567\xc3"sv,       // cut at a word's end
           "\xe2\x28\xa1"sv,      // wrong continuation
           "\xf0\x9f\x98\x28"sv,  // wrong continuation
       }) {
    EXPECT_EQ(one(text(hostile)).substr(0, 11), R"({"base64":")") << hostile;
  }
  for (const auto valid : {"\xc2\x80"sv, "\xdf\xbf"sv, "\xe0\xa0\x80"sv, "\xed\x9f\xbf"sv, "\xee\x80\x80"sv,
                           "\xef\xbf\xbf"sv, "\xf0\x90\x80\x80"sv, "\xf4\x8f\xbf\xbf"sv, "12345678\xc3\xbc"sv}) {
    EXPECT_EQ(one(text(valid)), '"' + std::string(valid) + '"');
  }
}

TEST(Headers, PutKeysThatAreNoTextIntoBase64) {
  EXPECT_EQ(Sent().header("\xff"sv, integer(1)).header("a\0"sv, integer(2)).header(""sv, integer(3)).json(),
            R"({"base64:/w==":1,"base64:YQA=":2,"":3})");
}

TEST(Headers, EndTablesDeeperThan64LevelsAsNull) {
  constexpr int kDeep = 200;
  std::vector<amqp_table_entry_t> levels(kDeep);
  for (int i = 0; i < kDeep; ++i) {
    auto& entry = levels[static_cast<std::size_t>(i)];
    entry.key = bytes("t");
    entry.value = field(AMQP_FIELD_KIND_TABLE);
    entry.value.value.table.num_entries = i + 1 < kDeep ? 1 : 0;
    entry.value.value.table.entries = i + 1 < kDeep ? &levels[static_cast<std::size_t>(i) + 1] : nullptr;
  }
  const auto json = Sent().header("t", levels[0].value).json();
  EXPECT_EQ(std::count(json.begin(), json.end(), '{'), 64);
  EXPECT_EQ(std::count(json.begin(), json.end(), '}'), 64);
  EXPECT_NE(json.find("null"), std::string::npos);
}

TEST(Headers, RenderTablesInArraysInTables) {
  std::vector<amqp_table_entry_t> inner{{bytes("x"), integer(1)}, {bytes("y"), integer(2)}};
  auto table = field(AMQP_FIELD_KIND_TABLE);
  table.value.table.num_entries = 2;
  table.value.table.entries = inner.data();
  std::vector<amqp_field_value_t> items{table, text("s"), field(AMQP_FIELD_KIND_VOID)};
  auto array = field(AMQP_FIELD_KIND_ARRAY);
  array.value.array.num_entries = 3;
  array.value.array.entries = items.data();
  EXPECT_EQ(one(array), R"([{"x":1,"y":2},"s",null])");
}

TEST(Headers, BelieveTheDeliveryCountOnlyOfARedelivery) {
  Sent sent;
  sent.header("x-delivery-count", integer(3)).header("a", integer(1));
  EXPECT_EQ(sent.json(Origin::redelivery), R"({"a":1})");
  EXPECT_EQ(sent.rendered.delivery_count, 3U);
  EXPECT_EQ(sent.json(), R"({"x-delivery-count":3,"a":1})");
  EXPECT_EQ(sent.rendered.delivery_count, 0U);
}

TEST(Headers, TakeAForgedDeliveryCountForNone) {
  Sent sent;
  sent.header("x-delivery-count", integer(-1));
  EXPECT_EQ(sent.json(Origin::redelivery), "{}");
  EXPECT_EQ(sent.rendered.delivery_count, 0U);
  EXPECT_EQ(Sent().header("x-delivery-count", text("many")).json(Origin::redelivery), "{}");
  Sent huge;
  huge.header("x-delivery-count", integer(std::numeric_limits<std::int64_t>::max()));
  huge.json(Origin::redelivery);
  EXPECT_EQ(huge.rendered.delivery_count, std::numeric_limits<std::uint32_t>::max());
}

/// An array of tables, as x-death is. Owns what it points to.
class Deaths {
 public:
  Deaths& add(std::string_view reason, std::string_view queue, std::string_view exchange, std::string_view key) {
    auto& entry = tables_.emplace_back();
    entry.keys.push_back(text(key));
    auto keys = field(AMQP_FIELD_KIND_ARRAY);
    keys.value.array = {static_cast<int>(entry.keys.size()), entry.keys.data()};
    entry.entries = {{bytes("count"), integer(1)},
                     {bytes("reason"), text(reason)},
                     {bytes("queue"), text(queue)},
                     {bytes("exchange"), text(exchange)},
                     {bytes("routing-keys"), keys}};
    return *this;
  }
  amqp_field_value_t value() {
    items_.clear();
    for (auto& entry : tables_) {
      auto& item = items_.emplace_back(field(AMQP_FIELD_KIND_TABLE));
      item.value.table = {static_cast<int>(entry.entries.size()), entry.entries.data()};
    }
    auto array = field(AMQP_FIELD_KIND_ARRAY);
    array.value.array = {static_cast<int>(items_.size()), items_.data()};
    return array;
  }

 private:
  struct Entry {
    std::vector<amqp_field_value_t> keys;
    std::vector<amqp_table_entry_t> entries;
  };
  std::deque<Entry> tables_;
  std::vector<amqp_field_value_t> items_;
};

TEST(Headers, TellOfADeadLetterTheBrokersOwnEntryAndLeaveOutWhatTheBrokerAdded) {
  Deaths deaths;
  deaths.add("expired", "tenant_1_queue", "tenant_1", "key").add("forged", "q", "e", "k");
  Sent sent;
  sent.header("a", integer(1)).header("x-death", deaths.value()).header("x-delivery-count", integer(0));
  sent.header("x-first-death-reason", text("forged")).header("x-last-death-queue", text("q"));
  EXPECT_EQ(sent.json(Origin::dead_letter), R"({"a":1})");
  ASSERT_TRUE(sent.rendered.death);
  EXPECT_EQ(sent.rendered.death->reason, "expired");
  EXPECT_EQ(sent.rendered.death->queue, "tenant_1_queue");
  EXPECT_EQ(sent.rendered.death->exchange, "tenant_1");
  EXPECT_EQ(sent.rendered.death->routing_key, "key");
}

TEST(Headers, KeepAForgedDeathAsAnyHeaderAndBelieveNothingOfIt) {
  Deaths deaths;
  deaths.add("expired", "q", "e", "k");
  Sent sent;
  sent.header("x-death", deaths.value()).header("x-first-death-reason", text("rejected"));
  EXPECT_EQ(sent.json(Origin::redelivery),
            R"({"x-death":[{"count":1,"reason":"expired","queue":"q","exchange":"e","routing-keys":["k"]}],)"
            R"("x-first-death-reason":"rejected"})");
  EXPECT_FALSE(sent.rendered.death);
}

TEST(Headers, TakeADeathThatIsNoListOfTablesForNone) {
  auto array = field(AMQP_FIELD_KIND_ARRAY);
  auto five = integer(5);
  array.value.array = {1, &five};
  Sent numbers;
  EXPECT_EQ(numbers.header("x-death", array).json(Origin::dead_letter), "{}");
  EXPECT_FALSE(numbers.rendered.death);
  Sent words;
  EXPECT_EQ(words.header("x-death", text("expired")).json(Origin::dead_letter), "{}");
  EXPECT_FALSE(words.rendered.death);
}

TEST(Headers, GiveATimestampOnlyInsideItsRange) {
  Sent sent;
  EXPECT_EQ(sent.timestamp(9'223'372'036'854).json(), R"({"amqp":{"timestamp":9223372036854}})");
  EXPECT_TRUE(sent.rendered.timestamp.has_value());
  sent.timestamp(std::numeric_limits<std::uint64_t>::max()).json();
  EXPECT_FALSE(sent.rendered.timestamp.has_value());
  EXPECT_EQ(sent.timestamp(253'402'300'799).json(), R"({"amqp":{"timestamp":"9999-12-31T23:59:59Z"}})");
  EXPECT_EQ(sent.timestamp(253'402'300'800).json(), R"({"amqp":{"timestamp":253402300800}})");
}

TEST(Headers, UseTheSameMemoryAgain) {
  Sent sent;
  sent.message_id("order-17").header("a", text("some text that is longer than a small string"));
  std::string json;
  sent.render(Origin::first_delivery, json);
  const auto* const before = json.data();
  sent.render(Origin::first_delivery, json);
  EXPECT_EQ(json.data(), before);
}

}  // namespace
}  // namespace mtmsg::broker::amqp
