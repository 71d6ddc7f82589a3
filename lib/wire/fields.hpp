#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "domain/tenant.hpp"
#include "wire/json_text.hpp"

namespace mtmsg::wire {

/// How an object is read. `exact`, for requests: a field nobody asked for and a null are errors. `tolerant`, for
/// answers of a daemon that may be newer than the reader: such fields are passed over, null is absent.
enum class Reading { exact, tolerant };

/// Takes the fields of one JSON object by name and type. The first error is kept, later calls then return empty
/// values, and finish() tells it: so the caller reads everything in a row and looks once. All errors are
/// invalid_argument and name the field. Views point into the text. One thread.
class FieldReader {
 public:
  FieldReader(std::string_view text, std::string_view what, Reading reading);

  std::string text(std::string_view key);
  std::optional<std::string> optional_text(std::string_view key);
  std::int64_t number(std::string_view key);
  std::optional<std::int64_t> optional_number(std::string_view key);
  /// Refuses what does not fit an unsigned int.
  std::optional<unsigned> optional_unsigned(std::string_view key);
  /// 0 when it is absent or negative.
  std::uint64_t count(std::string_view key);
  /// A number that may have a fraction.
  std::optional<double> optional_decimal(std::string_view key);
  bool flag(std::string_view key);
  std::optional<bool> optional_flag(std::string_view key);
  Timestamp time(std::string_view key);
  std::optional<Timestamp> optional_time(std::string_view key);
  /// Any value, as it stands in the text; also null.
  std::string_view raw(std::string_view key);
  std::optional<std::string_view> optional_raw(std::string_view key);

  bool has(std::string_view key) const;
  /// For rules a field's type does not say. Kept if it is the first error.
  void refuse(std::string message);
  /// The first error, if any; with Reading::exact also the first field nobody took (and the name it may have meant).
  Result<void> finish();

 private:
  std::optional<std::string_view> find(std::string_view key, bool required);
  void wrong_type(std::string_view key, std::string_view wanted);

  std::string what_;
  Reading reading_;
  std::vector<RawMember> members_;
  std::vector<std::string_view> asked_;
  std::optional<Error> error_;
};

/// What `read` makes of each element of an array; the first error.
template <class T>
Result<std::vector<T>> read_array(std::string_view json, std::string_view what, Result<T> (*read)(std::string_view)) {
  auto elements = split_array(json, what);
  if (!elements) return elements.error();
  std::vector<T> values;
  for (const auto element : *elements) {
    auto value = read(element);
    if (!value) return value.error();
    values.push_back(std::move(*value));
  }
  return values;
}

}  // namespace mtmsg::wire
