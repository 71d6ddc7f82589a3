#include "cmd/export/journal.hpp"

#include <algorithm>

#include "wire/fields.hpp"
#include "wire/json_text.hpp"

namespace mtmsg::ctl {
namespace {

constexpr std::int64_t kVersion = 1;

void append_position(std::string& out, const Position& position) {
  wire::ObjectWriter object(out);
  object.text("tenant_id", position.tenant.to_string())
      .text("name", position.name)
      .number("after", position.after)
      .close();
}

void append_gap(std::string& out, const Gap& gap) {
  wire::ObjectWriter object(out);
  object.text("tenant_id", gap.tenant.to_string()).number("after", gap.after).number("before", gap.before).close();
}

void append_sealed(std::string& out, const Sealed& output) {
  wire::ObjectWriter object(out);
  object.text("temporary", output.temporary)
      .text("final", output.final_name)
      .number("messages", output.messages)
      .number("bytes", output.bytes)
      .text("sha256", output.sha256)
      .number("epoch", output.epoch);
  wire::append_array(object.value("positions"), output.positions, append_position);
  wire::append_array(object.value("gaps"), output.gaps, append_gap);
  object.close();
}

TenantId tenant_of(wire::FieldReader& fields) {
  const auto tenant = TenantId::parse(fields.text("tenant_id"));
  if (!tenant) fields.refuse("field \"tenant_id\" is not a UUID");
  return tenant.value_or(TenantId{});
}

std::int64_t number_of(wire::FieldReader& fields, std::string_view key) {
  const auto number = fields.number(key);
  if (number < 0) fields.refuse("field \"" + std::string(key) + "\" is below 0");
  return number;
}

Result<Position> read_position(std::string_view json) {
  wire::FieldReader fields(json, "position", wire::Reading::exact);
  Position position{tenant_of(fields), fields.text("name"), number_of(fields, "after")};
  if (auto done = fields.finish(); !done) return done.error();
  return position;
}

Result<Gap> read_gap(std::string_view json) {
  wire::FieldReader fields(json, "gap", wire::Reading::exact);
  const Gap gap{tenant_of(fields), number_of(fields, "after"), number_of(fields, "before")};
  if (auto done = fields.finish(); !done) return done.error();
  return gap;
}

/// Of a field that holds an array: its elements, or the first error goes to `fields`.
template <class T>
std::vector<T> list_of(wire::FieldReader& fields, std::string_view key, Result<T> (*read)(std::string_view)) {
  const auto raw = fields.raw(key);
  if (raw.empty()) return {};  // missing, and kept as an error already
  auto list = wire::read_array(raw, key, read);
  if (list) return std::move(*list);
  fields.refuse(list.error().message);
  return {};
}

Result<Sealed> read_sealed(std::string_view json) {
  wire::FieldReader fields(json, "sealed", wire::Reading::exact);
  Sealed output;
  output.temporary = fields.text("temporary");
  output.final_name = fields.text("final");
  output.messages = static_cast<std::uint64_t>(number_of(fields, "messages"));
  output.bytes = static_cast<std::uint64_t>(number_of(fields, "bytes"));
  output.sha256 = fields.text("sha256");
  output.epoch = number_of(fields, "epoch");
  output.positions = list_of(fields, "positions", read_position);
  output.gaps = list_of(fields, "gaps", read_gap);
  if (output.temporary.empty() || output.final_name.empty()) fields.refuse("a file of \"sealed\" has no name");
  if (auto done = fields.finish(); !done) return done.error();
  return output;
}

}  // namespace

const Position* Journal::find(TenantId tenant) const {
  const auto found = std::ranges::find(positions, tenant, &Position::tenant);
  return found == positions.end() ? nullptr : &*found;
}

std::string journal_text(const Journal& journal) {
  std::string out;
  wire::ObjectWriter object(out);
  object.number("mtmsg_export", kVersion)
      .flag("all_tenants", journal.all_tenants)
      .text("since", journal.since)
      .number("epoch", journal.epoch)
      .text("writing", journal.writing);
  if (journal.sealed) append_sealed(object.value("sealed"), *journal.sealed);
  wire::append_array(object.value("positions"), journal.positions, append_position);
  object.close();
  return out + "\n";
}

Result<Journal> read_journal(std::string_view text) {
  wire::FieldReader fields(text, "cursor file", wire::Reading::exact);
  if (fields.number("mtmsg_export") != kVersion) fields.refuse("it was not written by this version of mtmsgctl");
  Journal journal;
  journal.all_tenants = fields.flag("all_tenants");
  journal.since = fields.text("since");
  journal.epoch = number_of(fields, "epoch");
  journal.writing = fields.text("writing");
  journal.positions = list_of(fields, "positions", read_position);
  if (const auto raw = fields.optional_raw("sealed")) {
    auto output = read_sealed(*raw);
    if (output)
      journal.sealed = std::move(*output);
    else
      fields.refuse(output.error().message);
  }
  if (auto done = fields.finish(); !done) return done.error();
  return journal;
}

Journal begun(Journal journal, std::string temporary) {
  journal.writing = std::move(temporary);
  return journal;
}

Journal sealed(Journal journal, Sealed output) {
  journal.writing.clear();
  journal.sealed = std::move(output);
  return journal;
}

Journal settled(Journal journal) {
  journal.positions = std::move(journal.sealed->positions);
  journal.epoch = journal.sealed->epoch;
  journal.sealed.reset();
  return journal;
}

Journal abandoned(Journal journal) {
  journal.writing.clear();
  return journal;
}

Recovery recovery_of(const Journal& journal, bool temporary_there, bool final_there) {
  if (!journal.writing.empty()) return Recovery::discard;
  if (!journal.sealed) return Recovery::nothing;
  if (!temporary_there) return Recovery::settle;
  return final_there ? Recovery::conflict : Recovery::publish;
}

}  // namespace mtmsg::ctl
