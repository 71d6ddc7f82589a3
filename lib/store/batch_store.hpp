#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.hpp"
#include "core/result.hpp"
#include "domain/dead_letter.hpp"
#include "domain/tenant.hpp"

namespace mtmsg::store {

/// Where a message comes from. The last two stand in dead_letters already and are tried again: once stored, the letter
/// is marked as replayed, or is gone (what the broker gave up for nothing never was one); refused again, the letter
/// says the new reason.
enum class Source { delivery, replay, last_try };

/// One delivery, decided: who it is, and whether it is a message or (with a refusal) a dead letter. The views must
/// stay valid during store().
struct IncomingMessage {
  MessageId id;
  Source source = Source::delivery;
  bool redelivered = false;
  std::optional<Timestamp> published_at;
  std::string_view payload;      ///< the body as sent
  std::string_view headers;      ///< JSON (broker/headers.hpp), always taken by jsonb
  std::string_view exchange;     ///< where it was published; kept of dead letters only
  std::string_view routing_key;  ///< likewise
  std::optional<Refusal> refusal;
  std::uint32_t deliveries = 1;
  /// With Source::last_try: the id of the letter that its tries are counted in, if not its own. Whether the message is
  /// stored or is a letter under its own id now, that one goes.
  std::optional<MessageId> record;
};

/// A letter as a message to be stored, not yet validated. The views point into the letter.
inline IncomingMessage message_of(const DeadLetter& letter, Source source) {
  IncomingMessage message;
  message.id = letter.id;
  message.source = source;
  message.redelivered = true;  // it may have been stored meanwhile: looked for first
  message.published_at = letter.published_at;
  message.payload = letter.body;
  message.headers = letter.headers;
  message.exchange = letter.exchange;
  message.routing_key = letter.routing_key;
  message.deliveries = static_cast<std::uint32_t>(letter.deliveries);
  return message;
}

/// Deliveries of one tenant, in the order of their numbers to be.
struct TenantBatch {
  TenantId tenant;
  std::vector<IncomingMessage> messages;
};

/// What a writer's transaction takes: each tenant at most once.
using Batch = std::vector<TenantBatch>;

/// What became of one TenantBatch, in the order of the batch. Unless it is gone or locked, stored + duplicates +
/// dead_letters is the number of its messages.
struct TenantOutcome {
  TenantId tenant;
  bool gone = false;    ///< it is being deleted: nothing was stored, nothing may be acked
  bool locked = false;  ///< somebody else holds its counter, partition or letters: nothing was stored; try again later
  std::uint32_t stored = 0;
  std::uint32_t duplicates = 0;    ///< stored before, or twice in the batch: may be acked
  std::uint32_t dead_letters = 0;  ///< refused: new dead letters, and known ones that arrived again
  Sequence last_seq;               ///< after the batch
  std::int64_t stored_bytes = 0;   ///< of the tenant, after the batch (store::TenantCounts)
};

/// The writer's side. One per writer thread, used by that thread only; holds one connection.
class BatchStore {
 public:
  virtual ~BatchStore() = default;

  /// All of the batch in one transaction, committed with synchronous_commit = on (or off the caller's hands: nothing
  /// of it, with an error). Per tenant: numbers without holes in the order of the batch, `created_at` never going
  /// down, every id once, every refused row in dead_letters with its reason, its neighbours stored.
  ///
  /// Ids of messages and of dead letters are two sets. A refused message becomes a dead letter whatever is stored under
  /// its id. If its id is that of a dead letter already, that one counts another arrival (`deliveries`), and becomes
  /// the new one if it was replayed, or if reason or body are others; but a body that was refused displaces none that
  /// wasn't. A good message is stored though its id was refused before: the sender mended it, or it is replayed.
  ///
  /// A tenant whose counter (or whose partition, by a lock that stops inserts) somebody else holds for longer than a
  /// healthy transaction takes is `locked`, and the others of the batch are stored without it. So is everybody who has
  /// dead letters in the batch while somebody holds one of these, or their table. If it is a daemon that
  /// gave no sign of life for a while (store/presence.hpp) its sessions in open transactions are ended first.
  ///
  /// Errors: database_unavailable (SQLSTATE class 08, 40, 53, 55, 57, 58, or the connection broke: the outcome may be
  /// unknown; call again with the same batch until it succeeds, the ids keep it from being stored twice); internal
  /// for a lifecycle error such as a missing partition (23514; the message names the tenant), which is never held
  /// against the message; schema_outdated when the tables are not there.
  /// The connection is opened by the first call and again after an outage.
  virtual Result<std::vector<TenantOutcome>> store(const Batch& batch) = 0;

  /// Any thread: makes a store() that waits on the database give up with database_unavailable soon (at once, unless it
  /// is just connecting: connect_timeout), and every later one too. For stopping: there is no way back.
  virtual void cancel() noexcept = 0;
};

}  // namespace mtmsg::store
