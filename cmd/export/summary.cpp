#include "cmd/export/summary.hpp"

#include "wire/json_text.hpp"

namespace mtmsg::ctl {
namespace {

void text_or_null(wire::ObjectWriter& object, std::string_view key, const std::string& value) {
  if (value.empty())
    object.null(key);
  else
    object.text(key, value);
}

}  // namespace

std::string summary_text(const Summary& summary) {
  std::string out;
  wire::ObjectWriter object(out);
  object.number("messages", summary.messages).number("bytes", summary.bytes);
  text_or_null(object, "sha256", summary.sha256);
  text_or_null(object, "output", summary.output);
  text_or_null(object, "next_cursor", summary.next_cursor);
  if (summary.epoch != 0)
    object.number("epoch", summary.epoch);
  else
    object.null("epoch");
  wire::append_array(object.value("missing"), summary.gaps, [](std::string& to, const Gap& gap) {
    wire::ObjectWriter row(to);
    row.text("tenant_id", gap.tenant.to_string()).number("after", gap.after).number("before", gap.before).close();
  });
  wire::append_array(object.value("completed"), summary.completed, [](std::string& to, const Sealed& output) {
    wire::ObjectWriter row(to);
    row.text("output", output.final_name)
        .number("messages", output.messages)
        .number("bytes", output.bytes)
        .text("sha256", output.sha256)
        .close();
  });
  object.close();
  return out + "\n";
}

}  // namespace mtmsg::ctl
