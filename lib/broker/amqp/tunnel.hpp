#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "broker/amqp/dial.hpp"
#include "core/result.hpp"
#include "tls/stream.hpp"

namespace mtmsg::broker::amqp {

/// TLS to the broker, as a plain socket: whoever holds the socket's near end sends and reads AMQP, a thread of the
/// tunnel's own carries it through TLS. So neither rabbitmq-c nor FrameReader need to know, and rabbitmq-c's calls that
/// wait for a socket to take bytes can wait. What the broker does not take, the near end is not read of: a write then
/// waits as it would without the tunnel. One thread at a time, but for what it does itself.
class Tunnel {
 public:
  struct Opened;
  /// Makes the handshake on `broker`, which does not block, until `deadline`. Error: broker_unavailable, with what is
  /// wrong with the certificate.
  static Result<Opened> open(UniqueFd broker, const tls::Context& context, const std::string& host,
                             std::chrono::steady_clock::time_point deadline);
  /// The near end must be closed by then, or shut down: what was sent before is still delivered if the broker takes it
  /// soon.
  ~Tunnel();
  Tunnel(const Tunnel&) = delete;
  Tunnel& operator=(const Tunnel&) = delete;

  /// Why TLS broke; empty while it did not.
  std::string why() const;

 private:
  enum class Step { idle, moved, ended };

  Tunnel(UniqueFd broker, UniqueFd far_end, tls::Stream stream);
  void run();
  Step carry_out();
  Step carry_in();
  /// What was sent before the near end went, as far as the broker takes it in a short time.
  void carry_out_rest();
  /// False when the near end is gone.
  bool wait();
  void broke();

  UniqueFd broker_;
  UniqueFd far_end_;
  tls::Stream stream_;

  // The thread's only.
  std::vector<char> out_buffer_;
  std::vector<char> in_buffer_;
  std::string_view out_;  // of out_buffer_: not sent to the broker yet
  std::string_view in_;   // of in_buffer_: not given to the near end yet
  short out_event_ = 0;   // what the broker's socket is waited for, to go on sending and reading
  short in_event_ = 0;

  mutable std::mutex mutex_;
  std::string why_;  // guarded by mutex_

  std::thread thread_;  // last: it uses all of the above
};

struct Tunnel::Opened {
  UniqueFd near_end;  ///< does not block
  std::unique_ptr<Tunnel> tunnel;
};

}  // namespace mtmsg::broker::amqp
