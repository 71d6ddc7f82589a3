#include "http/target.hpp"

#include <algorithm>

#include "http/ascii.hpp"
#include "wire/json_text.hpp"

namespace mtmsg::http {
namespace {

constexpr std::size_t kMaxParts = 16;

Result<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += text[at];
      continue;
    }
    const auto high = at + 2 < text.size() ? hex_value(text[at + 1]) : std::nullopt;
    const auto low = at + 2 < text.size() ? hex_value(text[at + 2]) : std::nullopt;
    if (!high || !low) return fail(ErrorCode::invalid_argument, "the address holds a broken percent-encoding");
    const auto byte = *high * 16 + *low;
    if (byte == 0) return fail(ErrorCode::invalid_argument, "the address holds an encoded NUL");
    if (byte < 0x20 || byte == 0x7F)
      return fail(ErrorCode::invalid_argument, "the address holds an encoded control character");
    out += static_cast<char>(static_cast<unsigned char>(byte));
    at += 2;
  }
  if (!wire::is_utf8(out)) return fail(ErrorCode::invalid_argument, "the address, decoded, is not UTF-8");
  return out;
}

/// Cuts the text before the next `separator` off its front.
std::string_view cut(std::string_view& text, char separator) {
  const auto end = text.find(separator);
  const auto part = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return part;
}

Result<std::vector<std::string>> parse_path(std::string_view path) {
  std::vector<std::string> segments;
  if (path == "/") return segments;
  path.remove_prefix(1);
  while (true) {
    const bool last = path.find('/') == std::string_view::npos;
    auto segment = percent_decode(cut(path, '/'));
    if (!segment) return segment.error();
    if (segment->empty() || *segment == "." || *segment == "..")
      return fail(ErrorCode::invalid_argument, "the path holds an empty segment, \".\" or \"..\"");
    if (segments.size() == kMaxParts) return fail(ErrorCode::invalid_argument, "the path has too many segments");
    segments.push_back(std::move(*segment));
    if (last) return segments;
  }
}

}  // namespace

std::optional<std::string_view> Target::parameter(std::string_view name) const noexcept {
  for (const auto& [key, value] : parameters)
    if (key == name) return value;
  return std::nullopt;
}

Result<Target> parse_target(std::string_view target) {
  if (target.find('#') != std::string_view::npos)
    return fail(ErrorCode::invalid_argument, "the address holds a \"#\", which clients keep to themselves");
  const auto question = target.find('?');
  auto segments = parse_path(target.substr(0, question));
  if (!segments) return segments.error();
  Target parsed{std::move(*segments), {}};
  auto query = question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
  while (!query.empty()) {
    auto pair = cut(query, '&');
    if (pair.empty()) continue;
    auto name = percent_decode(cut(pair, '='));
    if (!name) return name.error();
    auto value = percent_decode(pair);
    if (!value) return value.error();
    if (parsed.parameter(*name))
      return fail(ErrorCode::invalid_argument, "the query parameter \"" + name->substr(0, 64) + "\" is there twice");
    if (parsed.parameters.size() == kMaxParts) return fail(ErrorCode::invalid_argument, "too many query parameters");
    parsed.parameters.emplace_back(std::move(*name), std::move(*value));
  }
  return parsed;
}

}  // namespace mtmsg::http
