#include "wire/status.hpp"

#include "domain/message.hpp"
#include "wire/fields.hpp"

namespace mtmsg::wire {
namespace {

void append_part(std::string& out, const Part& part) {
  ObjectWriter object(out);
  object.text("name", part.name).flag("ok", part.ok).text("reason", part.reason).close();
}

void append_daemon(std::string& out, const DaemonInfo& daemon) {
  ObjectWriter object(out);
  object.text("id", daemon.id)
      .text("host", daemon.host)
      .number("pid", daemon.pid)
      .text("version", daemon.version)
      .text("started_at", format_timestamp(daemon.started_at))
      .text("beat_at", format_timestamp(daemon.beat_at))
      .text("state", daemon.silent ? "silent" : "alive")
      .flag("self", daemon.self)
      .close();
}

Result<DaemonInfo> read_daemon(std::string_view json) {
  FieldReader fields(json, "daemon", Reading::tolerant);
  DaemonInfo daemon;
  daemon.id = fields.text("id");
  daemon.host = fields.text("host");
  daemon.pid = fields.number("pid");
  daemon.version = fields.text("version");
  daemon.started_at = fields.time("started_at");
  daemon.beat_at = fields.time("beat_at");
  daemon.silent = fields.text("state") != "alive";
  daemon.self = fields.optional_flag("self").value_or(false);
  if (auto done = fields.finish(); !done) return done.error();
  return daemon;
}

void append_link(std::string& out, const Link& link) {
  ObjectWriter object(out);
  object.text("name", link.name)
      .flag("connected", link.connected)
      .flag("blocked", link.blocked)
      .text("last_error", link.last_error)
      .text("since", format_timestamp(link.since))
      .close();
}

Result<Part> read_part(std::string_view json) {
  FieldReader fields(json, "part", Reading::tolerant);
  Part part{fields.text("name"), fields.flag("ok"), fields.optional_text("reason").value_or("")};
  if (auto done = fields.finish(); !done) return done.error();
  return part;
}

Result<Link> read_link(std::string_view json) {
  FieldReader fields(json, "link", Reading::tolerant);
  Link link{fields.text("name"), fields.flag("connected"), fields.optional_flag("blocked").value_or(false),
            fields.optional_text("last_error").value_or(""), fields.time("since")};
  if (auto done = fields.finish(); !done) return done.error();
  return link;
}

Result<Writers> read_writers(std::string_view json) {
  FieldReader fields(json, "writers", Reading::tolerant);
  Writers writers{fields.count("total"), fields.count("busy"), fields.flag("database_away"),
                  fields.optional_text("database_error").value_or("")};
  if (auto done = fields.finish(); !done) return done.error();
  return writers;
}

Result<Pipeline> read_pipeline(std::string_view json) {
  FieldReader fields(json, "pipeline", Reading::tolerant);
  Pipeline pipeline;
  pipeline.unacked = fields.count("unacked");
  pipeline.in_flight_bytes = fields.count("in_flight_bytes");
  pipeline.stored = fields.count("stored");
  pipeline.duplicates = fields.count("duplicates");
  pipeline.dead_letters = fields.count("dead_letters");
  pipeline.without_id = fields.count("without_id");
  pipeline.acked = fields.count("acked");
  if (auto done = fields.finish(); !done) return done.error();
  return pipeline;
}

void write_readiness(ObjectWriter& object, const Readiness& readiness) {
  object.flag("ready", readiness.ready);
  append_array(object.value("parts"), readiness.parts, append_part);
}

}  // namespace

void append_readiness(std::string& out, const Readiness& readiness) {
  ObjectWriter object(out);
  write_readiness(object, readiness);
  object.close();
}

Result<Readiness> read_readiness(std::string_view json) {
  FieldReader fields(json, "readiness", Reading::tolerant);
  Readiness readiness;
  readiness.ready = fields.flag("ready");
  const auto parts = fields.raw("parts");
  if (auto done = fields.finish(); !done) return done.error();
  auto read = read_array(parts, "parts", read_part);
  if (!read) return read.error();
  readiness.parts = std::move(*read);
  return readiness;
}

void append_status(std::string& out, const Status& status) {
  ObjectWriter object(out);
  object.text("version", status.version).number("uptime_seconds", status.uptime.count());
  write_readiness(object, status.readiness);
  append_array(object.value("links"), status.links, append_link);
  ObjectWriter writers(object.value("writers"));
  writers.number("total", status.writers.total)
      .number("busy", status.writers.busy)
      .flag("database_away", status.writers.database_away)
      .text("database_error", status.writers.database_error)
      .close();
  ObjectWriter pipeline(object.value("pipeline"));
  pipeline.number("unacked", status.pipeline.unacked)
      .number("in_flight_bytes", status.pipeline.in_flight_bytes)
      .number("stored", status.pipeline.stored)
      .number("duplicates", status.pipeline.duplicates)
      .number("dead_letters", status.pipeline.dead_letters)
      .number("without_id", status.pipeline.without_id)
      .number("acked", status.pipeline.acked)
      .close();
  object.number("tenants", status.tenants);
  if (status.daemons)
    append_array(object.value("daemons"), *status.daemons, append_daemon);
  else
    object.null("daemons");
  object.close();
}

Result<Status> read_status(std::string_view json) {
  auto readiness = read_readiness(json);
  if (!readiness) return readiness.error();
  FieldReader fields(json, "status", Reading::tolerant);
  Status status;
  status.readiness = std::move(*readiness);
  status.version = fields.text("version");
  status.uptime = std::chrono::seconds(fields.number("uptime_seconds"));
  status.tenants = fields.count("tenants");
  const auto links = fields.raw("links");
  const auto writers = fields.raw("writers");
  const auto pipeline = fields.raw("pipeline");
  const auto daemons = fields.optional_raw("daemons").value_or("null");
  if (auto done = fields.finish(); !done) return done.error();
  auto read_links = read_array(links, "links", read_link);
  if (!read_links) return read_links.error();
  auto read_w = read_writers(writers);
  if (!read_w) return read_w.error();
  auto read_p = read_pipeline(pipeline);
  if (!read_p) return read_p.error();
  if (daemons != "null") {
    auto read_d = read_array(daemons, "daemons", read_daemon);
    if (!read_d) return read_d.error();
    status.daemons = std::move(*read_d);
  }
  status.links = std::move(*read_links);
  status.writers = std::move(*read_w);
  status.pipeline = *read_p;
  return status;
}

}  // namespace mtmsg::wire
