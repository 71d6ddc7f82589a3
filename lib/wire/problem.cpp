#include "wire/problem.hpp"

#include "wire/fields.hpp"

namespace mtmsg::wire {

void append_problem(std::string& out, const Problem& problem) {
  ObjectWriter object(out);
  object.text("type", problem.type)
      .text("title", problem.title)
      .number("status", problem.status)
      .text("detail", problem.detail)
      .text("code", problem.code);
  if (!problem.request_id.empty()) object.text("request_id", problem.request_id);
  object.close();
}

Result<Problem> read_problem(std::string_view json) {
  FieldReader fields(json, "problem", Reading::tolerant);
  Problem problem;
  problem.type = fields.optional_text("type").value_or("about:blank");
  problem.title = fields.optional_text("title").value_or("");
  problem.status = static_cast<int>(fields.optional_number("status").value_or(0));
  problem.detail = fields.optional_text("detail").value_or("");
  problem.code = fields.optional_text("code").value_or("");
  problem.request_id = fields.optional_text("request_id").value_or("");
  if (auto done = fields.finish(); !done) return done.error();
  return problem;
}

std::optional<ErrorCode> error_code_from(std::string_view name) noexcept {
  for (int value = 0; value <= static_cast<int>(ErrorCode::internal); ++value) {
    const auto code = static_cast<ErrorCode>(value);
    if (error_code_name(code) == name) return code;
  }
  return std::nullopt;
}

}  // namespace mtmsg::wire
