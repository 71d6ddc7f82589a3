// Cursors, limits, times and message ids: what is taken has one meaning, and is written as what is read the same.

#include "domain/message.hpp"
#include "fuzz/fuzz.hpp"

namespace mtmsg::fuzz {
namespace {

constexpr std::string_view kSeeds[] = {"0",
                                       "123",
                                       "9223372036854775807",
                                       "9223372036854775808",
                                       "018f2c1e-0b1a-7c3d-8e4f-5a6b7c8d9e0f:42",
                                       "018F2C1E-0B1A-7C3D-8E4F-5A6B7C8D9E0F",
                                       "2026-01-31T12:00:00.123456Z",
                                       "2024-02-29T23:59:60+14:00",
                                       "0000-01-01T00:00:00-23:59",
                                       "9999-12-31T23:59:59.999999999Z"};
constexpr std::string_view kWords[] = {"-", "+", "00", "99", ":", "T", "Z", ".", "-00:00", "+23:59", "\0", " "};

}  // namespace

std::span<const std::string_view> seeds() noexcept {
  return kSeeds;
}
std::span<const std::string_view> words() noexcept {
  return kWords;
}

}  // namespace mtmsg::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mtmsg;
  using fuzz::require;
  const auto text = fuzz::text_of(data, size);
  if (const auto cursor = parse_cursor(text)) {
    require(cursor->value >= 0, "a cursor is not negative");
    require(parse_cursor(std::to_string(cursor->value)) == *cursor, "a cursor is written as it is read");
  }
  if (const auto cursor = parse_global_cursor(text))
    require(parse_global_cursor(cursor->to_string()).value() == *cursor, "a global cursor is written as it is read");
  if (const auto limit = parse_limit(text)) require(*limit >= 1 && *limit <= 1000, "a limit is 1 to 1000");
  if (const auto time = parse_timestamp(text)) {
    const auto again = parse_timestamp(format_timestamp(*time));
    require(again && format_timestamp(*again) == format_timestamp(*time), "a time is written as it is read");
  }
  if (const auto id = MessageId::parse(text))
    require(MessageId::parse(id->to_string()) == id, "an id is written as it is read");
  const TenantId tenant{Uuid{}};
  const auto identity = identify_message(tenant, text);
  require((identity.origin == MessageIdentity::Origin::generated) == text.empty(), "only nothing gets a fresh id");
  if (!text.empty()) require(identify_message(tenant, text).id == identity.id, "the same name has the same id");
  return 0;
}
