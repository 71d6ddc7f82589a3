#include "broker/amqp/nesting.hpp"

#include <cstdint>

#include "broker/amqp/api.hpp"

namespace mtmsg::broker::amqp {
namespace {

/// Class, weight and body size stand before the property flags.
constexpr std::size_t kFlagsAt = 12;

/// Bytes behind a field's kind, when they are always as many.
std::optional<std::size_t> fixed_size(std::uint8_t kind) noexcept {
  switch (kind) {
    case AMQP_FIELD_KIND_VOID:
      return 0;
    case AMQP_FIELD_KIND_BOOLEAN:
    case AMQP_FIELD_KIND_I8:
    case AMQP_FIELD_KIND_U8:
      return 1;
    case AMQP_FIELD_KIND_I16:
    case AMQP_FIELD_KIND_U16:
      return 2;
    case AMQP_FIELD_KIND_I32:
    case AMQP_FIELD_KIND_U32:
    case AMQP_FIELD_KIND_F32:
      return 4;
    case AMQP_FIELD_KIND_DECIMAL:
      return 5;
    case AMQP_FIELD_KIND_I64:
    case AMQP_FIELD_KIND_U64:
    case AMQP_FIELD_KIND_F64:
    case AMQP_FIELD_KIND_TIMESTAMP:
      return 8;
    default:
      return std::nullopt;
  }
}

bool is_container(std::uint8_t kind) noexcept {
  return kind == AMQP_FIELD_KIND_TABLE || kind == AMQP_FIELD_KIND_ARRAY;
}

/// Copies a content header field by field. Each step is false when the bytes are not what AMQP says.
class Copy {
 public:
  explicit Copy(std::string_view in) : in_(in) { out_.reserve(in.size()); }

  bool content_header() {
    if (!take(kFlagsAt + 2)) return false;
    const unsigned flags = byte(kFlagsAt) << 8U | byte(kFlagsAt + 1);
    // Content type and encoding come before the headers, and nothing else does (1.8.1).
    if ((flags & AMQP_BASIC_CONTENT_TYPE_FLAG) != 0 && !short_string(in_.size())) return false;
    if ((flags & AMQP_BASIC_CONTENT_ENCODING_FLAG) != 0 && !short_string(in_.size())) return false;
    if ((flags & AMQP_BASIC_HEADERS_FLAG) == 0 || !container(AMQP_FIELD_KIND_TABLE, in_.size(), 1)) return false;
    return take(in_.size() - at_);
  }
  bool cut() const noexcept { return cut_; }
  std::string result() && { return std::move(out_); }

 private:
  unsigned byte(std::size_t at) const noexcept { return static_cast<std::uint8_t>(in_[at]); }

  bool take(std::size_t count) { return take(count, in_.size()); }
  bool take(std::size_t count, std::size_t end) {
    if (count > end - at_) return false;
    out_ += in_.substr(at_, count);
    at_ += count;
    return true;
  }

  bool short_string(std::size_t end) { return at_ < end && take(1 + byte(at_), end); }

  /// The length at hand, which must fit before `end`.
  std::optional<std::size_t> length(std::size_t end) const noexcept {
    if (end - at_ < 4) return std::nullopt;
    const std::size_t count =
        std::size_t{byte(at_)} << 24U | byte(at_ + 1) << 16U | byte(at_ + 2) << 8U | byte(at_ + 3);
    if (count > end - at_ - 4) return std::nullopt;
    return count;
  }

  /// Its length and what is in it; its kind is written. `depth` counts it.
  bool container(std::uint8_t kind, std::size_t end, int depth) {
    const auto count = length(end);
    if (!count) return false;
    const auto length_at = out_.size();
    take(4);
    const auto inner_end = at_ + *count;
    while (at_ < inner_end) {
      if (kind == AMQP_FIELD_KIND_TABLE && !short_string(inner_end)) return false;
      if (!value(inner_end, depth)) return false;
    }
    const auto written = out_.size() - length_at - 4;
    for (unsigned i = 0; i < 4; ++i) out_[length_at + i] = static_cast<char>(written >> (8U * (3 - i)));
    return true;
  }

  bool value(std::size_t end, int depth) {
    if (at_ >= end) return false;
    const auto kind = static_cast<std::uint8_t>(byte(at_));
    if (const auto size = fixed_size(kind)) return take(1 + *size, end);
    if (is_container(kind)) {
      if (depth >= kMaxDepth) return cut_out(end);
      take(1);
      return container(kind, end, depth + 1);
    }
    if (kind != AMQP_FIELD_KIND_UTF8 && kind != AMQP_FIELD_KIND_BYTES) return false;
    take(1);
    const auto count = length(end);
    return count && take(4 + *count, end);
  }

  bool cut_out(std::size_t end) {
    ++at_;
    const auto count = length(end);
    if (!count) return false;
    at_ += 4 + *count;
    out_ += static_cast<char>(AMQP_FIELD_KIND_VOID);
    cut_ = true;
    return true;
  }

  std::string_view in_;
  std::size_t at_ = 0;
  std::string out_;
  bool cut_ = false;
};

}  // namespace

std::optional<std::string> cut_nesting(std::string_view content_header) {
  if (content_header.size() < kShallowBytes) return std::nullopt;
  Copy copy(content_header);
  if (!copy.content_header() || !copy.cut()) return std::nullopt;
  return std::move(copy).result();
}

}  // namespace mtmsg::broker::amqp
