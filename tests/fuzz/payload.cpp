// JSON that a stranger sends: the validator of payloads, the readers of the API's requests, and the cutter of objects
// agree on what JSON is.

#include "domain/payload.hpp"

#include <algorithm>
#include <string>

#include "fuzz/fuzz.hpp"
#include "wire/json_text.hpp"
#include "wire/migration.hpp"
#include "wire/publish.hpp"
#include "wire/replay.hpp"
#include "wire/tenant.hpp"

namespace mtmsg::fuzz {
namespace {

constexpr std::string_view kSeeds[] = {
    R"({"id":"x","payload":{"a":[1,2.5e3,"\u00e4\ud83d\ude00",null,true]}})",
    R"({"name":"acme","workers":3,"ordered":true,"limits":{"max_message_bytes":1000}})",
    R"({"workers":5,"paused":false,"limits":{"publish_rate":null}})",
    R"({"seqs":[1,2,3],"dry_run":true})",
    R"({"reason":"invalid_json","since":"2026-01-31T12:00:00Z","cursor":"5","limit":10})",
    R"([[[[[[{"a":{"a":{"a":[]}}}]]]]]])",
    R"( "text" )",
    R"(-12.5e-10)",
    "{\"a\":1,\"a\":2}",
};
constexpr std::string_view kWords[] = {"{",
                                       "}",
                                       "[",
                                       "]",
                                       ",",
                                       ":",
                                       "\"",
                                       "\\u0000",
                                       "\\ud800",
                                       "1e400",
                                       "-0",
                                       "1e-999",
                                       "\"id\":",
                                       "[[[[[[[[[[[[[[[[",
                                       "null",
                                       "true",
                                       "\xef\xbb\xbf",
                                       "\xc0\xaf",
                                       "\\",
                                       "//",
                                       "NaN",
                                       "0123"};

/// What the validator does not judge (domain/payload.cpp): halves of surrogate pairs, exponents, deep nesting.
bool left_to_postgresql(std::string_view text) {
  constexpr std::ptrdiff_t kDeep = 400;
  return text.find("\\u") != std::string_view::npos || text.find_first_of("eE") != std::string_view::npos ||
         std::count(text.begin(), text.end(), '[') + std::count(text.begin(), text.end(), '{') > kDeep;
}

void check_members(std::string_view text) {
  const auto members = wire::split_object(text, "object");
  if (!members) return;
  require(wire::check_json(text).has_value(), "only JSON is cut");
  for (const auto& member : *members)
    require(wire::check_json(member.raw).has_value(), "a member's value is JSON by itself");
}

void check_readers(std::string_view text) {
  if (const auto request = wire::read_publish_request(text))
    require(wire::check_json(request->payload).has_value(), "a payload taken is JSON");
  if (const auto tenant = wire::read_new_tenant(text)) {
    std::string again;
    wire::append_new_tenant(again, *tenant);
    require(wire::read_new_tenant(again).has_value(), "a tenant is written as it is read");
  }
  if (const auto change = wire::read_tenant_update(text)) {
    std::string again;
    wire::append_tenant_update(again, *change);
    require(wire::read_tenant_update(again).has_value(), "a change is written as it is read");
  }
  (void)wire::read_concurrency(text);
  (void)wire::read_replay_request(text);
  (void)wire::read_replay_one_request(text);
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
  const auto text = fuzz::text_of(data, size);
  static PayloadValidator validator({});
  const auto refusal = validator.check(text);
  const bool json = wire::check_json(text).has_value();
  if (!refusal) fuzz::require(json || fuzz::left_to_postgresql(text), "what the validator lets through is JSON");
  if (json) fuzz::require(!refusal || refusal->reason == DeadReason::too_large, "JSON is refused for its size only");
  fuzz::require(validator.check(text).has_value() == refusal.has_value(),
                "a verdict does not depend on the one before");
  fuzz::check_members(text);
  fuzz::check_readers(text);
  std::string quoted;
  wire::append_json_string(quoted, text);
  fuzz::require(wire::check_json(quoted).has_value(), "any bytes become a JSON string");
  return 0;
}
