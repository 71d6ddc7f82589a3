#include "http/trace_context.hpp"

#include <algorithm>

#include "http/ascii.hpp"

namespace mtmsg::http {
namespace {

constexpr std::string_view kParent = "traceparent";
constexpr std::string_view kState = "tracestate";
constexpr std::size_t kLongestState = 512;   // 3.3.1.5: what vendors should pass on at least
constexpr std::size_t kParentBytes = 55;     // of version 00
constexpr std::size_t kLongestParent = 256;  // of a version to come

bool is_hex(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

bool is_zero(std::string_view text) noexcept {
  return text.find_first_not_of('0') == std::string_view::npos;
}

bool is_printable(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

/// 3.3.1.1: lines are one list.
std::string joined_state(const std::vector<HeaderLine>& headers) {
  std::string state;
  for (const auto& line : headers) {
    if (!iequals(line.name, kState) || line.value.empty()) continue;
    if (state.size() + line.value.size() >= kLongestState || !is_printable(line.value)) return {};
    if (!state.empty()) state += ',';
    state += line.value;
  }
  return state;
}

}  // namespace

bool is_traceparent(std::string_view text) noexcept {
  if (text.size() < kParentBytes || text.size() > kLongestParent) return false;
  const auto version = text.substr(0, 2);
  const auto trace = text.substr(3, 32);
  const auto parent = text.substr(36, 16);
  const auto flags = text.substr(53, 2);
  if (text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  if (!is_hex(version) || !is_hex(trace) || !is_hex(parent) || !is_hex(flags)) return false;
  if (version == "ff" || is_zero(trace) || is_zero(parent)) return false;
  if (text.size() == kParentBytes) return true;
  // 3.2.4: a version to come may say more, after a dash.
  return version != "00" && text[kParentBytes] == '-' && is_printable(text);
}

TraceContext trace_context_of(const std::vector<HeaderLine>& headers) {
  const auto is_parent = [](const HeaderLine& line) { return iequals(line.name, kParent); };
  const auto found = std::ranges::find_if(headers, is_parent);
  if (found == headers.end() || !is_traceparent(found->value) || std::ranges::count_if(headers, is_parent) > 1)
    return {};
  return {found->value, joined_state(headers)};
}

std::vector<std::pair<std::string, std::string>> TraceContext::headers() const {
  std::vector<std::pair<std::string, std::string>> out;
  if (parent.empty()) return out;
  out.emplace_back(kParent, parent);
  if (!state.empty()) out.emplace_back(kState, state);
  return out;
}

}  // namespace mtmsg::http
