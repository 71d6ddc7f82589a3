#include "auth/token.hpp"

#include <algorithm>
#include <array>

#include "core/base64.hpp"
#include "wire/json_text.hpp"

namespace mtmsg::auth {
namespace {

Error bad_token(std::string why) {
  return fail(ErrorCode::invalid_argument, std::move(why));
}

/// RFC 7515, 2: base64url without padding, in the one form that an encoder writes.
std::optional<std::string> decode_base64url(std::string_view text) {
  std::string standard(text);
  for (auto& c : standard) {
    if (c == '+' || c == '/' || c == '=') return std::nullopt;
    if (c == '-') c = '+';
    if (c == '_') c = '/';
  }
  standard.append((4 - standard.size() % 4) % 4, '=');
  return decode_base64(standard);
}

std::optional<std::array<std::string_view, 3>> split(std::string_view text) {
  const auto first = text.find('.');
  const auto last = text.rfind('.');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  const auto middle = text.substr(first + 1, last - first - 1);
  if (middle.find('.') != std::string_view::npos) return std::nullopt;
  return std::array{text.substr(0, first), middle, text.substr(last + 1)};
}

bool iequals_jwt(std::string_view text) noexcept {
  return text.size() == 3 && (text[0] | 0x20) == 'j' && (text[1] | 0x20) == 'w' && (text[2] | 0x20) == 't';
}

Result<void> read_header(Token& token) {
  const auto members = wire::split_object(token.header, "its header");
  if (!members) return members.error();
  for (const auto& [key, raw] : *members) {
    auto text = wire::decode_json_string(raw);
    if (key == "crit") return bad_token("its header asks for an extension (crit) that is not known here");
    if (key == "typ" && (!text || !iequals_jwt(*text))) return bad_token("its header's typ is not \"JWT\"");
    if ((key == "alg" || key == "kid") && !text) return bad_token("its header's " + key + " is not a string");
    if (key == "alg") token.algorithm = std::move(*text);
    if (key == "kid") token.key_id = std::move(*text);
  }
  if (token.algorithm.empty()) return bad_token("its header names no algorithm (alg)");
  return {};
}

}  // namespace

Result<Token> parse_token(std::string_view text) {
  if (text.size() > kMaxTokenBytes) return bad_token("it is longer than " + std::to_string(kMaxTokenBytes) + " bytes");
  const auto parts = split(text);
  if (!parts) return bad_token("it is not three parts with a dot between them");
  auto header = decode_base64url((*parts)[0]);
  auto claims = decode_base64url((*parts)[1]);
  if (!header || !claims || !decode_base64url((*parts)[2])) return bad_token("a part of it is not base64url");
  Token token{std::string(text), std::move(*header), std::move(*claims), {}, {}};
  if (auto read = read_header(token); !read) return read.error();
  return token;
}

}  // namespace mtmsg::auth
