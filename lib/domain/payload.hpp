#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "domain/dead_letter.hpp"

namespace mtmsg {

struct PayloadLimits {
  std::size_t max_message_bytes = 1 << 20;
  std::size_t max_rendered_bytes = 8 << 20;
};

/// Tells cheaply what will not become a row, so that a flood of bad messages costs no transaction. PostgreSQL has the
/// last word: what passes here may still be refused there, but what `jsonb` takes
/// and can give back within the limits is never refused here.
///
/// Reusable, so that nothing is allocated per message. One thread at a time.
class PayloadValidator {
 public:
  explicit PayloadValidator(PayloadLimits limits);
  ~PayloadValidator();
  PayloadValidator(PayloadValidator&&) noexcept;
  PayloadValidator& operator=(PayloadValidator&&) noexcept;

  /// nullopt: hand it to PostgreSQL.
  ///   too_large     the body passes max_message_bytes, or would pass max_rendered_bytes when read back: jsonb writes
  ///                 a number's every digit, so `1e131071` is 8 bytes to send and 131,072 to read
  ///   invalid_json  not RFC 8259, or empty
  /// `most_bytes` is the tenant's own maximum; 0, or above it: max_message_bytes.
  std::optional<Refusal> check(std::string_view body, std::size_t most_bytes = 0);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mtmsg
