#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/clients.hpp"
#include "http/connection.hpp"
#include "http/exchange.hpp"
#include "http/responder.hpp"
#include "http/worker_pool.hpp"

namespace mtmsg::http {

struct Slot;
using Workers = WorkerPool<Slot*>;

/// A worker's way to the client of the request it serves: waits where the loop would not, within limits. Worker
/// thread only, while it owns the connection.
class ClientIo final : public BodyReader, public ByteSink {
 public:
  /// `patience` is left for waiting for the rest of the request.
  ClientIo(Connection& connection, Client& client, std::chrono::nanoseconds patience, const ServerLimits& limits,
           Workers& workers)
      : connection_(connection), client_(client), limits_(limits), workers_(workers), patience_(patience) {}

  boost::system::result<bool, Problem> read(std::string& out) override;

  bool write(std::string_view bytes) override;
  bool alive() override;
  /// The end of the answer: what the client does not take at once is left to the loop, if it is little.
  bool finish();
  /// From here on the thread is the client's: another takes its place among the workers. False when there are too many
  /// such threads.
  bool stand_aside() { return static_cast<bool>(aside_.emplace(workers_)); }
  /// Bytes of the answer so far, sent or about to be.
  std::uint64_t written() const noexcept { return written_; }

 private:
  using Clock = std::chrono::steady_clock;
  enum class Wait { ready, late, crowded, greedy };

  Wait wait(short events, Clock::time_point until);
  Wait poll(short events, Clock::time_point until) const;
  bool send_all(std::string_view bytes, std::size_t may_leave);

  Connection& connection_;
  Client& client_;
  const ServerLimits& limits_;
  Workers& workers_;
  std::chrono::nanoseconds patience_;  // time the handler takes does not count
  std::optional<Workers::Blocked> aside_;
  std::string out_;  // small writes, collected
  std::uint64_t written_ = 0;
  bool broken_ = false;
  Clock::time_point flushed_{};
};

}  // namespace mtmsg::http
