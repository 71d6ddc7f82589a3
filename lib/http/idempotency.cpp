#include "http/idempotency.hpp"

#include <algorithm>
#include <array>
#include <string>

#include <openssl/evp.h>

#include "http/ascii.hpp"

namespace mtmsg::http {
namespace {

constexpr std::string_view kHeader = "Idempotency-Key";
constexpr std::size_t kLongestKey = 255;

std::string sha256_hex(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
    throw Failure(fail(ErrorCode::internal, "OpenSSL has no SHA-256"));
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    hex += kHex[digest[i] >> 4U];
    hex += kHex[digest[i] & 15U];
  }
  return hex;
}

Result<void> check_key(std::string_view key) {
  const bool printable = std::ranges::all_of(key, [](char c) { return c >= ' ' && c <= '~'; });
  if (!key.empty() && key.size() <= kLongestKey && printable) return {};
  return fail(ErrorCode::invalid_argument,
              "the header Idempotency-Key must be 1 to " + std::to_string(kLongestKey) + " printable ASCII characters");
}

}  // namespace

Result<std::optional<std::string_view>> idempotency_key(const Request& request) {
  const auto is_key = [](const HeaderLine& line) { return iequals(line.name, kHeader); };
  const auto found = std::ranges::find_if(request.headers, is_key);
  if (found == request.headers.end()) return std::optional<std::string_view>();
  if (std::ranges::count_if(request.headers, is_key) > 1)
    return fail(ErrorCode::invalid_argument, "the header Idempotency-Key is there more than once; send one");
  if (auto checked = check_key(found->value); !checked) return checked.error();
  return std::optional(found->value);
}

MessageId message_id_under(std::string_view key, TenantId tenant, std::size_t line, std::string_view payload) {
  std::string name("Idempotency-Key\n");
  name.append(key).append("\n").append(std::to_string(line)).append("\n").append(payload);
  return MessageId{Uuid::v5(tenant.value, name)};
}

Result<std::optional<IdempotencyKey>> idempotency_key(const Request& request, std::string_view path,
                                                      std::string_view body) {
  const auto key = idempotency_key(request);
  if (!key) return key.error();
  if (!*key) return std::optional<IdempotencyKey>();
  std::string asked;
  asked.append(request.method).append(" ").append(path).append("\n").append(body);
  return std::optional(IdempotencyKey{std::string(**key), sha256_hex(asked)});
}

}  // namespace mtmsg::http
