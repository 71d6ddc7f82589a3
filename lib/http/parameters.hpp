#pragma once

#include <string>
#include <string_view>

#include "core/result.hpp"
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

}  // namespace mtmsg::http
