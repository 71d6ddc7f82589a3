#pragma once

#include <chrono>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/client.hpp"
#include "cmd/exit_code.hpp"
#include "cmd/output/sink.hpp"
#include "cmd/output/table.hpp"

namespace mtmsg::ctl {

enum class Format { table, json, ndjson, csv };

/// What stands around the process: given by main, or by a test.
struct Surroundings {
  Sink& out;
  Sink& err;
  std::istream& in;
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  bool colour = false;  ///< on stderr
  unsigned columns = 80;
};

/// The options every command takes.
struct Globals {
  std::string endpoint = "unix:/run/mtmsg/mtmsgd.sock";
  std::string token_file;
  std::string ca_file;
  std::string client_cert;
  std::string client_key;
  std::optional<Format> format;  ///< absent: table
  unsigned timeout_seconds = 30;
};

/// Rows to print. `json` has one text for each row; `document` is the whole as one JSON text.
struct Listing {
  Table table;
  std::vector<std::string> json;
  std::string document;
};

/// All that a command needs to work: the daemon, and where to print. One thread.
class Context {
 public:
  Context(Surroundings around, Format format, bool format_given, std::chrono::seconds timeout, client::Client client)
      : around_(around), format_(format), format_given_(format_given), timeout_(timeout), client_(std::move(client)) {}

  client::Client& client() noexcept { return client_; }
  Surroundings& around() noexcept { return around_; }
  Format format() const noexcept { return format_; }
  bool format_given() const noexcept { return format_given_; }
  /// For a connection, and for each answer.
  std::chrono::seconds timeout() const noexcept { return timeout_; }

  /// Data, in the format the user asked for.
  void print(const Listing& listing);
  void print(const Fields& fields, std::string_view json);
  /// Data, as it is.
  void print_line(std::string_view text);

  /// A sentence for people, on stderr.
  void note(std::string_view text);
  /// "mtmsgctl: text", on stderr.
  void complain(std::string_view text);
  ExitCode usage_error(std::string_view text);
  /// Says what went wrong and the next step; the exit code that belongs to it.
  ExitCode failed(const client::CallError& error);

 private:
  Surroundings around_;
  Format format_;
  bool format_given_;
  std::chrono::seconds timeout_;
  client::Client client_;
};

/// What to try next after this failure; empty when the message says it all.
std::string next_step(const client::CallError& error);

/// "mtmsgctl: error: text", red where there is colour.
void complain(const Surroundings& around, std::string_view text);

}  // namespace mtmsg::ctl
