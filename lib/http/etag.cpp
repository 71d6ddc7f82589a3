#include "http/etag.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/uuid.hpp"
#include "http/ascii.hpp"

namespace mtmsg::http {
namespace {

constexpr std::size_t kMostTags = 100;

Error malformed() {
  return fail(ErrorCode::invalid_argument,
              "an entity tag is text in double quotes, such as the header ETag gave it; several have commas between "
              "them, and * stands for any");
}

bool is_tag_character(char c) noexcept {
  return c == '!' || (c >= '#' && c <= '~') || static_cast<unsigned char>(c) >= 0x80;
}

void skip_blanks(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

/// Takes one tag from the front.
std::optional<EntityTag> take_tag(std::string_view& text) {
  EntityTag tag;
  if (text.starts_with("W/")) {
    tag.weak = true;
    text.remove_prefix(2);
  }
  if (!text.starts_with('"')) return std::nullopt;
  const auto end = text.find('"', 1);
  if (end == std::string_view::npos) return std::nullopt;
  tag.opaque = text.substr(1, end - 1);
  if (!std::ranges::all_of(tag.opaque, is_tag_character)) return std::nullopt;
  text.remove_prefix(end + 1);
  return tag;
}

/// All headers of this name, as one (RFC 9110, 5.3); nullopt without any.
std::optional<std::string> joined(const Request& request, std::string_view name) {
  std::optional<std::string> all;
  for (const auto& line : request.headers) {
    if (!iequals(line.name, name)) continue;
    all = all ? *all + ", " + std::string(line.value) : std::string(line.value);
  }
  return all;
}

/// The version a tag names; nullopt when it is none of ours.
std::optional<Timestamp> version_of(const EntityTag& tag) {
  const auto digits = tag.opaque.substr(0, tag.opaque.find('-'));
  std::int64_t micros = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), micros);
  if (tag.weak || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return Timestamp(std::chrono::microseconds(micros));
}

Error with_header(const Error& error, std::string_view name) {
  return Error(error).with_context("the header " + std::string(name));
}

/// The weak comparison (RFC 9110, 8.8.3.2).
Result<bool> is_listed(const Request& request, std::string_view etag) {
  const auto value = joined(request, "If-None-Match");
  if (!value) return false;
  const auto listed = parse_entity_tags(*value);
  if (!listed) return with_header(listed.error(), "If-None-Match");
  const auto opaque = etag.substr(1, etag.size() - 2);
  return listed->any || std::ranges::any_of(listed->tags, [&](const auto& tag) { return tag.opaque == opaque; });
}

Result<ExpectedVersions> asked_for(const Request& request) {
  const auto value = joined(request, "If-Match");
  if (!value) return ExpectedVersions();
  const auto listed = parse_entity_tags(*value);
  if (!listed) return with_header(listed.error(), "If-Match");
  if (listed->any) return ExpectedVersions();  // the tenant is there, or the request had been answered 404
  std::vector<Timestamp> versions;
  for (const auto& tag : listed->tags)
    if (const auto version = version_of(tag)) versions.push_back(*version);
  return ExpectedVersions(std::move(versions));
}

}  // namespace

Result<EntityTags> parse_entity_tags(std::string_view value) {
  skip_blanks(value);
  EntityTags all;
  if (value.starts_with('*')) {
    value.remove_prefix(1);
    skip_blanks(value);
    all.any = true;
    return value.empty() ? Result<EntityTags>(all) : malformed();
  }
  while (!value.empty()) {
    if (!value.starts_with(',')) {
      const auto tag = take_tag(value);
      if (!tag || all.tags.size() == kMostTags) return malformed();
      all.tags.push_back(*tag);
      skip_blanks(value);
      if (!value.empty() && !value.starts_with(',')) return malformed();
    }
    if (!value.empty()) value.remove_prefix(1);
    skip_blanks(value);
  }
  if (all.tags.empty()) return malformed();
  return all;
}

std::string etag_of(const Tenant& tenant) {
  return '"' + std::to_string(tenant.updated_at.time_since_epoch().count()) + '"';
}

std::string etag_of(const Tenant& tenant, std::string_view body) {
  return '"' + std::to_string(tenant.updated_at.time_since_epoch().count()) + '-' +
         Uuid::v5(tenant.id.value, body).to_string() + '"';
}

Result<ExpectedVersions> expected_versions(const Request& request, const Tenant& tenant) {
  const auto forbidden = is_listed(request, etag_of(tenant));
  if (!forbidden) return forbidden.error();
  if (*forbidden) return precondition_failed(tenant);
  return asked_for(request);
}

Result<Condition> check_conditions(const Request& request, const Tenant& tenant, std::string_view etag) {
  const auto expected = asked_for(request);
  if (!expected) return expected.error();
  if (!is_expected(tenant, *expected)) return precondition_failed(tenant);
  const auto known = is_listed(request, etag);
  if (!known) return known.error();
  return *known ? Condition::not_modified : Condition::met;
}

}  // namespace mtmsg::http
