#include "domain/payload.hpp"

#include <cstdint>
#include <string>

#include <boost/json/basic_parser_impl.hpp>

#include "domain/rendered_size.hpp"

namespace mtmsg {
namespace {

namespace json = boost::json;

/// Boost's parser recurses, and so does PostgreSQL's, whose limit of depth depends on its settings. A document nested
/// deeper than this goes to PostgreSQL unparsed: it fits a small stack even without optimisation, and is far beyond
/// what people nest.
constexpr std::size_t kMaxDepth = 500;

/// Adds up how far the document grows when it is written out. Strings never grow: jsonb writes a character as it came
/// or shorter. So only separators and numbers with an exponent count.
class GrowthHandler {
 public:
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  void reset() noexcept { growth_ = 0; }
  std::uint64_t growth() const noexcept { return growth_; }

  bool on_document_begin(json::error_code&) noexcept { return true; }
  bool on_document_end(json::error_code&) noexcept { return true; }
  bool on_object_begin(json::error_code&) noexcept { return true; }
  bool on_array_begin(json::error_code&) noexcept { return true; }
  bool on_object_end(std::size_t members, json::error_code&) noexcept {
    growth_ += 2 * members;
    return true;
  }
  bool on_array_end(std::size_t elements, json::error_code&) noexcept {
    growth_ += elements;
    return true;
  }
  bool on_key_part(json::string_view, std::size_t, json::error_code&) noexcept { return true; }
  bool on_key(json::string_view, std::size_t, json::error_code&) noexcept { return true; }
  bool on_string_part(json::string_view, std::size_t, json::error_code&) noexcept { return true; }
  bool on_string(json::string_view, std::size_t, json::error_code&) noexcept { return true; }
  bool on_number_part(json::string_view, json::error_code&) noexcept { return true; }
  bool on_int64(std::int64_t, json::string_view, json::error_code&) noexcept { return true; }
  bool on_uint64(std::uint64_t, json::string_view, json::error_code&) noexcept { return true; }
  bool on_double(double, json::string_view text, json::error_code&) noexcept {
    growth_ += rendered_number_bytes({text.data(), text.size()});
    return true;
  }
  bool on_bool(bool, json::error_code&) noexcept { return true; }
  bool on_null(json::error_code&) noexcept { return true; }
  bool on_comment_part(json::string_view, json::error_code&) noexcept { return true; }
  bool on_comment(json::string_view, json::error_code&) noexcept { return true; }

 private:
  std::uint64_t growth_ = 0;
};

json::parse_options parser_options() {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  return options;
}

/// Whether `\uD8xx`, or it and a backslash, ends at `at`: the grammar takes half of a surrogate pair alone, and Boost
/// calls what follows it a syntax error.
bool ends_with_half_pair(std::string_view body, std::size_t at) noexcept {
  if (at > 0 && body[at - 1] == '\\') --at;
  if (at < 6) return false;
  const auto escape = body.substr(at - 6, 4);
  return escape[0] == '\\' && escape[1] == 'u' && (escape[2] | 0x20) == 'd' &&
         std::string_view("89abAB").find(escape[3]) != std::string_view::npos;
}

/// Errors that leave the document JSON by the grammar of RFC 8259, or unjudged: PostgreSQL says what they are.
bool is_for_postgresql(const json::error_code& error, std::string_view body, std::size_t at) {
  return error == json::error::too_deep || error == json::error::exponent_overflow ||
         error == json::error::illegal_leading_surrogate || error == json::error::illegal_trailing_surrogate ||
         (error == json::error::syntax && ends_with_half_pair(body, at));
}

Refusal too_large(std::string_view what, std::uint64_t bytes, std::size_t limit, std::string_view option) {
  return Refusal{
      DeadReason::too_large,
      std::string(what) + std::to_string(bytes) + " bytes; " + std::string(option) + " is " + std::to_string(limit),
      {}};
}

}  // namespace

struct PayloadValidator::Impl {
  explicit Impl(PayloadLimits given) : limits(given), parser(parser_options()) {}

  PayloadLimits limits;
  json::basic_parser<GrowthHandler> parser;
};

PayloadValidator::PayloadValidator(PayloadLimits limits) : impl_(std::make_unique<Impl>(limits)) {}
PayloadValidator::~PayloadValidator() = default;
PayloadValidator::PayloadValidator(PayloadValidator&&) noexcept = default;
PayloadValidator& PayloadValidator::operator=(PayloadValidator&&) noexcept = default;

std::optional<Refusal> PayloadValidator::check(std::string_view body, std::size_t most_bytes) {
  const auto& limits = impl_->limits;
  if (most_bytes > 0 && most_bytes < limits.max_message_bytes && body.size() > most_bytes) {
    return too_large("the message is ", body.size(), most_bytes, "the tenant's max_message_bytes");
  }
  if (body.size() > limits.max_message_bytes) {
    return too_large("the message is ", body.size(), limits.max_message_bytes, "limits.max_message_bytes");
  }
  if (body.empty()) return Refusal{DeadReason::invalid_json, "the message is empty", {}};

  auto& parser = impl_->parser;
  parser.reset();
  parser.handler().reset();
  json::error_code error;
  const auto read = parser.write_some(false, body.data(), body.size(), error);
  if (!error && read < body.size()) error = json::error::extra_data;
  const bool judged = !error;
  if (error && !is_for_postgresql(error, body, read)) {
    return Refusal{
        DeadReason::invalid_json, "not JSON: " + error.message() + " at byte " + std::to_string(read + 1), {}};
  }
  // The exact size is worth a second walk only when the cheap upper bound does not settle it.
  if (judged && body.size() + parser.handler().growth() <= limits.max_rendered_bytes) return std::nullopt;
  const auto rendered = rendered_bytes(body);
  if (rendered <= limits.max_rendered_bytes) return std::nullopt;
  return too_large("written out by PostgreSQL the message would be ", rendered, limits.max_rendered_bytes,
                   "limits.max_rendered_bytes");
}

}  // namespace mtmsg
