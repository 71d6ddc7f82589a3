#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/endpoint.hpp"
#include "core/result.hpp"
#include "wire/activity.hpp"
#include "wire/audit.hpp"
#include "wire/dead_letter.hpp"
#include "wire/explanation.hpp"
#include "wire/message.hpp"
#include "wire/migration.hpp"
#include "wire/orphan.hpp"
#include "wire/publish.hpp"
#include "wire/replay.hpp"
#include "wire/status.hpp"
#include "wire/tenant.hpp"

namespace mtmsg::client {

/// Why a call failed.
struct CallError {
  enum class Cause {
    unreachable,  ///< no connection, or it broke, or no answer in time: whether the daemon did anything is unknown
    refused,      ///< the daemon answered with a problem: `error` is what it said
    answer,       ///< the answer is not what this client understands
  };
  Cause cause = Cause::refused;
  Error error;
  std::string request_id = {};  ///< what the daemon's log calls the request, where the problem tells it
  bool perhaps_done = false;    ///< of what is unreachable: the request, or a part of it, was sent
};
[[noreturn]] void throw_exception_from_error(const CallError& failed, const boost::source_location& where);

template <class T>
using Call = boost::system::result<T, CallError>;

/// A request that was answered, whatever the status. The views last for the call that gets it.
struct Exchange {
  std::string_view method;
  std::string_view target;
  std::string_view request_type;  ///< empty: no body
  std::string_view request_body;
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers{};  ///< of the answer
  std::string_view body;
  bool whole = true;  ///< `body` is all of it; of a stream only the beginning is kept
};

struct Options {
  std::chrono::seconds timeout{30};  ///< for connecting, and for each wait for bytes
  std::string token{};               ///< bearer token; empty: none
  std::string server = "mtmsgd";     ///< as errors call it
  /// Sees every exchange, on the caller's thread.
  std::function<void(const Exchange&)> observer{};
  // For https. PEM files
  std::string ca_file{};  ///< whom to trust; empty: the CAs the system trusts
  std::string client_cert{};
  std::string client_key{};
};
/// Whether the files of TLS can be used. Error: invalid_argument, naming the file.
Result<void> check_tls_files(const Options& options);

/// Which messages. The cursor is text, as the daemon gave it; empty: from the first.
struct MessageQuery {
  std::string cursor;
  std::optional<unsigned> limit;
  std::optional<std::string> since;  ///< RFC 3339
  std::optional<std::string> until;
  std::optional<unsigned> wait{};  ///< seconds, 1..60: for a message when there is none yet
};

/// A page with the text its rows point into; they stay valid when it is moved.
struct FetchedPage {
  std::string text;
  wire::RawPage page;
};

/// How GET of a stream of lines ended.
struct StreamEnd {
  std::optional<wire::PageTail> tail;  ///< absent: the stream was cut, or the receiver wanted no more
};

enum class Deletion { done, in_progress };

struct DeletionOptions {
  bool if_empty = false;       ///< refused if a message is stored or waits
  bool keep_messages = false;  ///< the table stays
};

/// Which tenants' activity, and in which order.
struct ActivityQuery {
  wire::ActivitySort sort = wire::ActivitySort::depth;
  wire::Direction direction = wire::Direction::natural;
  std::string name{};  ///< only names that contain this
  unsigned limit = 100;
};

/// How a deletion went.
struct Deleted {
  Deletion outcome = Deletion::done;
  std::optional<std::string> kept_table;
  friend bool operator==(const Deleted& deleted, Deletion expected) { return deleted.outcome == expected; }
};

/// The API of one daemon, typed. One thread at a time; calls block. Keeps its connection. Tenants are named by id or
/// name. The process has to ignore SIGPIPE.
class Client {
 public:
  Client(Endpoint endpoint, Options options);
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  const Endpoint& endpoint() const noexcept;
  /// Breaks the connection, so that a call that is under way ends as unreachable. Any thread.
  void interrupt() noexcept;

  /// Of an idempotency key only the key is sent.
  Call<Tenant> create_tenant(const NewTenant& request);
  /// All that the query's filters let through: its pages one after the other, whatever its cursor and limit.
  Call<std::vector<Tenant>> tenants(TenantQuery query = {});
  Call<wire::TenantDetail> tenant(std::string_view tenant);
  /// Why its messages don't arrive.
  Call<wire::Explanation> explain(std::string_view tenant);
  /// With expected versions, `precondition_failed` unless the tenant has one of them.
  Call<Tenant> update_tenant(std::string_view tenant, const TenantUpdate& change);
  Call<Tenant> pause_tenant(std::string_view tenant);
  Call<Tenant> resume_tenant(std::string_view tenant);
  Call<Deleted> delete_tenant(std::string_view tenant, const DeletionOptions& options = {});
  Call<unsigned> concurrency(std::string_view tenant);
  Call<unsigned> set_concurrency(std::string_view tenant, unsigned workers);

  /// What stands for tenants that do not exist; of queues, those of the candidates. Any number of candidates.
  Call<std::vector<wire::Orphan>> orphans(const std::vector<TenantId>& candidates);
  Call<void> remove_orphan(TenantId tenant);

  /// With an idempotency key (1..255 printable ASCII characters) a message without an id is stored once, however often
  /// the same call is made.
  Call<MessageId> publish(std::string_view tenant, const wire::PublishRequest& request,
                          std::string_view idempotency_key = {});
  /// `ndjson`: one publish request a line. One result a line, numbered from 1.
  Call<std::vector<wire::PublishLine>> publish_lines(std::string_view tenant, std::string ndjson,
                                                     std::string_view idempotency_key = {});

  /// One page; without a tenant of all tenants the caller may see.
  Call<FetchedPage> messages(std::optional<std::string_view> tenant, const MessageQuery& query);
  /// JSON text of one message.
  Call<std::string> message(std::string_view tenant, std::string_view id);
  /// Its payload and headers, for good; its number stays.
  Call<void> erase_message(std::string_view tenant, std::string_view id);
  /// Every message after the cursor, as lines without their ends, in order. Memory does not grow with their number.
  /// `line` returns false to stop. The views last for the call. Without a tenant as messages(): one after the other.
  Call<StreamEnd> stream_messages(std::optional<std::string_view> tenant, const MessageQuery& query,
                                  const std::function<bool(std::string_view)>& line);

  /// One page, without bodies: its rows are for wire::read_dead_letter.
  Call<FetchedPage> dead_letters(std::string_view tenant, const wire::DeadLetterSelection& selection);
  /// JSON text of one dead letter, with its body.
  Call<std::string> dead_letter(std::string_view tenant, Sequence seq);
  /// One step: a selection goes on at the report's cursor while it has more.
  Call<wire::ReplayReport> replay(std::string_view tenant, const wire::ReplayRequest& request);
  Call<void> delete_dead_letter(std::string_view tenant, Sequence seq);
  /// One step of at most 10,000 letters; the selection's cursor is not used. With `only_count` nothing is deleted.
  Call<wire::Purged> purge_dead_letters(std::string_view tenant, const wire::DeadLetterSelection& selection,
                                        bool only_count);

  /// One page of the audit log: its rows are for wire::read_audit_entry.
  Call<FetchedPage> audit(const AuditQuery& query);
  Call<std::vector<wire::Migration>> migrations();
  Call<std::vector<wire::Migration>> migrate(std::optional<std::int64_t> target);
  Call<wire::Status> status();
  /// What moves, tenant by tenant.
  Call<wire::ActivityPage> activity(const ActivityQuery& query);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mtmsg::client
