#include "cmd/export/encoder.hpp"

#include "wire/message.hpp"

namespace mtmsg::ctl {
namespace {

class NdjsonEncoder final : public Encoder {
 public:
  void begin(std::string&) override {}
  Result<void> add(std::string& out, std::string_view row) override {
    out += row;
    out += '\n';
    return {};
  }
  void end(std::string&) override {}
};

class JsonEncoder final : public Encoder {
 public:
  void begin(std::string& out) override { out += '['; }
  Result<void> add(std::string& out, std::string_view row) override {
    out += first_ ? "\n" : ",\n";
    first_ = false;
    out += row;
    return {};
  }
  void end(std::string& out) override { out += "\n]\n"; }

 private:
  bool first_ = true;
};

/// RFC 4180, with "\n" as every other CSV of mtmsgctl.
class CsvEncoder final : public Encoder {
 public:
  void begin(std::string& out) override {
    out += "seq,id,created_at,payload,headers,published_at,tenant_id,erased_at\n";
  }
  Result<void> add(std::string& out, std::string_view row) override {
    const auto message = wire::read_message(row);
    if (!message) return message.error();
    out += std::to_string(message->seq.value);
    out += ',' + message->id.to_string() + ',' + format_timestamp(message->created_at) + ',';
    append_csv_value(out, message->payload);
    out += ',';
    append_csv_value(out, message->headers);
    out += ',' + (message->published_at ? format_timestamp(*message->published_at) : std::string());
    out += ',' + message->tenant.to_string() + ',';
    out += (message->erased_at ? format_timestamp(*message->erased_at) : std::string()) + '\n';
    return {};
  }
  void end(std::string&) override {}
};

}  // namespace

std::unique_ptr<Encoder> make_encoder(Format format) {
  if (format == Format::csv) return std::make_unique<CsvEncoder>();
  if (format == Format::json) return std::make_unique<JsonEncoder>();
  return std::make_unique<NdjsonEncoder>();
}

}  // namespace mtmsg::ctl
