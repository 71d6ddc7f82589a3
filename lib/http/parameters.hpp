#pragma once

#include <string>
#include <string_view>

#include "core/ids.hpp"
#include "core/result.hpp"
#include "domain/message.hpp"
#include "http/routes.hpp"

namespace mtmsg::http {

/// `parse` applied to a query parameter that is there; its error says which one it was.
template <class Parse, class Value>
Result<void> take(const Context& context, std::string_view name, Parse parse, Value& value) {
  const auto text = context.target.parameter(name);
  if (!text) return {};
  const auto parsed = parse(*text);
  if (!parsed) return Error(parsed.error()).with_context("query parameter \"" + std::string(name) + "\"");
  value = *parsed;
  return {};
}

/// "true" or "false". Error: invalid_argument.
inline Result<bool> parse_flag(std::string_view text) {
  if (text == "true" || text == "false") return text == "true";
  return fail(ErrorCode::invalid_argument, "it is true or false");
}

/// The dead letter the address names. Error: not_found when it is no number.
inline Result<Sequence> letter_number(const Context& context) {
  const auto seq = parse_cursor(context.seq);
  if (seq && seq->value > 0) return *seq;
  return fail(ErrorCode::not_found, "a dead letter has a number from 1; there is none like this");
}

inline Error no_such_letter(Sequence seq) {
  return fail(ErrorCode::not_found, "there is no dead letter " + std::to_string(seq.value));
}

}  // namespace mtmsg::http
