#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/uuid.hpp"

namespace mtmsg::store::pg {

/// Builds a PostgreSQL array in its text form, element by element, as the value of one parameter (PostgreSQL manual,
/// "Array Input and Output Syntax"). Pure.
class ArrayText {
 public:
  void add(const Uuid& id) { item(id.to_string()); }
  void add(std::int64_t number) { item(std::to_string(number)); }
  void add_null() { item("NULL"); }
  /// Quoted and escaped; must be valid text for PostgreSQL (see printable()).
  void add_text(std::string_view text);
  /// Any bytes, for bytea[].
  void add_bytes(std::string_view bytes);
  /// The array; the builder is empty afterwards.
  std::string take();

 private:
  void item(std::string_view text);
  std::string text_;
};

/// `text` as PostgreSQL's text takes it: bytes that are no UTF-8, and zero bytes, become '?'. At most `max_bytes`,
/// cut between characters.
std::string printable(std::string_view text, std::size_t max_bytes);

}  // namespace mtmsg::store::pg
