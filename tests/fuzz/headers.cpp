// A message's AMQP properties as a broker may deliver them: what is rendered is JSON in UTF-8.

#include "broker/amqp/headers.hpp"

#include <string>

#include "broker/amqp/nesting.hpp"
#include "fuzz/fuzz.hpp"
#include "wire/json_text.hpp"

namespace mtmsg::fuzz {
namespace {

using namespace std::string_view_literals;

// Class 60, weight, body size, flags; then a table of headers, a message id, a timestamp.
constexpr std::string_view kSeeds[] = {
    "\0\x3c\0\0\0\0\0\0\0\0\0\x05\x20\0\0\0\0\x0e\x01kS\0\0\0\x07payload"sv,
    "\0\x3c\0\0\0\0\0\0\0\0\0\x05\x20\xc0\0\0\0\x13\x01kF\0\0\0\x0c\x01xA\0\0\0\x05I\0\0\0\x2a\x05hello\0\0\0\0\x65\0\0\0"sv,
    "\0\x3c\0\0\0\0\0\0\0\0\0\x05\x20\x00\0\0\0\x0a\x01kd\x7f\xf0\0\0\0\0\0\0"sv,
    "\0\x3c\0\0\0\0\0\0\0\0\0\x05\x00\x80\x24"
    "018f2c1e-0b1a-7c3d-8e4f-5a6b7c8d9e0f"sv,
    "\0\x3c\0\0\0\0\0\0\0\0\0\x05\x20\0\0\0\0\x1b\x07x-death"
    "A\0\0\0\x0f"
    "F\0\0\0\x0a\x05"
    "countb\x01xt\x01"sv,
};
constexpr std::string_view kWords[] = {"\0\0\0\x05"sv,
                                       "F\0\0\0\x00"sv,
                                       "A\0\0\0\x05"sv,
                                       "\x01kS\0\0\0\x01x"sv,
                                       "D\x05\0\0\0\x01"sv,
                                       "d\x7f\xf8\0\0\0\0\0\0"sv,
                                       "V"sv,
                                       "t\x01"sv,
                                       "x\0\0\0\x01\xff"sv,
                                       "\x07x-death"sv,
                                       "\xff\xff\xff\xff"sv,
                                       "T\0\0\0\0\0\0\0\1"sv,
                                       "\x80\x00"sv};

/// The library's memory for what it decodes.
struct Pool {
  Pool() { init_amqp_pool(&pool, 4096); }
  ~Pool() { empty_amqp_pool(&pool); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  amqp_pool_t pool{};
};

void check(const amqp_basic_properties_t& properties, broker::amqp::Origin origin) {
  std::string json;
  (void)broker::amqp::render_headers(properties, origin, json);
  require(wire::check_json(json).has_value(), "headers are rendered as JSON");
  require(wire::is_utf8(json), "headers are rendered in UTF-8");
  require(json.find("\\u0000") == std::string::npos, "headers hold no NUL, which jsonb refuses");
}

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
  constexpr std::size_t kFixed = 12;  // class, weight and body size, before the flags
  std::string header(fuzz::text_of(data, size));
  if (auto cut = broker::amqp::cut_nesting(header)) {
    fuzz::require(!broker::amqp::cut_nesting(*cut), "what was cut is not nested too deep any more");
    header = std::move(*cut);
  }
  if (header.size() < kFixed) return 0;
  fuzz::Pool pool;
  void* decoded = nullptr;
  const auto properties = broker::amqp::bytes(std::string_view(header).substr(kFixed));
  if (amqp_decode_properties(AMQP_BASIC_CLASS, &pool.pool, properties, &decoded) < 0 || decoded == nullptr) return 0;
  const auto& basic = *static_cast<const amqp_basic_properties_t*>(decoded);
  for (const auto origin :
       {broker::amqp::Origin::first_delivery, broker::amqp::Origin::redelivery, broker::amqp::Origin::dead_letter})
    fuzz::check(basic, origin);
  return 0;
}
