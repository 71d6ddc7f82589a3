#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "http/client_io.hpp"
#include "http/clients.hpp"
#include "http/connection.hpp"
#include "http/cors.hpp"
#include "http/exchange.hpp"
#include "http/limits.hpp"
#include "http/listener.hpp"
#include "http/worker_pool.hpp"
#include "tls/context.hpp"

namespace mtmsg::http {

using SteadyTime = std::chrono::steady_clock::time_point;

/// One connection as the gate keeps it.
struct Slot {
  enum class Phase {
    greeting,   ///< a TLS handshake
    reading,    ///< between requests, or collecting one
    busy,       ///< a worker owns the connection
    parked,     ///< its answer comes later (Later)
    writing,    ///< the rest of an answer
    lingering,  ///< answered for the last time: the client may still read it
  };

  Slot(std::uint64_t id_, boost::asio::io_context& loop, FileDescriptor socket_, auth::Peer peer,
       const ServerLimits& limits)
      : id(id_), connection(socket_.get(), std::move(peer), limits), socket(loop, socket_.release()) {}

  const std::uint64_t id;
  Connection connection;

  // Loop thread only.
  boost::asio::posix::stream_descriptor socket;
  Phase phase = Phase::reading;
  SteadyTime deadline;
  std::size_t counted_bytes = 0;  ///< what of `connection` is in the gate's sum
  Client* client = nullptr;       ///< nullptr: turned away, it only reads why
  SteadyTime quiet_since;         ///< of an idle connection

  // Passed between loop and worker with the slot.
  bool came_late = false;               ///< the request was whole only after stopping began
  bool keep = true;                     ///< after this answer
  std::chrono::nanoseconds patience{};  ///< left for waiting for the rest of the request
  std::shared_ptr<Later> later;         ///< of a request that is not answered yet
  Later::Why why = Later::Why::over;    ///< it is to be resumed
};

/// Accepts and waits (DESIGN §8): one loop thread owns every connection until a whole request is there, a worker
/// serves it, and gives the connection back. Nothing a client does or leaves undone holds a thread, but for what
/// ServerLimits bounds.
class Gate {
 public:
  using OnError = std::function<void(std::string_view what, std::string_view request_id)>;
  using Tls = std::shared_ptr<const tls::Context>;

  /// What is done with every answer, beside sending it, and with whom there is none for.
  struct Hooks {
    OnError on_error;
    OnAnswered on_answered;
    OnStranger on_stranger;
    Cors cors;
  };

  /// `tls`: what TCP is spoken with, null for plain text.
  Gate(const ServerLimits& limits, Handler handler, Hooks hooks, std::vector<Listener> listeners, Tls tls);
  ~Gate();

  void start();
  /// No new connections or requests; running ones may finish within the grace; then their connections are cut. Returns
  /// when everything has ended, handlers included.
  void stop();
  /// For connections that come from now on. Any thread, while it runs.
  void use_tls(Tls tls);

 private:
  struct Door {
    Listener listener;
    boost::asio::posix::stream_descriptor socket;
    boost::asio::steady_timer retry;
    bool encrypted = false;
  };
  using Wait = boost::asio::posix::stream_descriptor::wait_type;

  // Loop thread: who gets in, and who goes for others (admission.cpp).
  void wait_for_clients(Door& door);
  void accept_clients(Door& door);
  void admit(FileDescriptor socket, const Door& door);
  Slot& add_slot(FileDescriptor socket, auth::Peer peer);
  void turn_away(FileDescriptor socket, auth::Peer peer, const Problem& problem);
  bool make_room(const Client& newcomer);
  bool make_memory(const Slot& cause);
  void evict(Slot& slot);

  // Loop thread: TLS handshakes (greeting.cpp).
  void greet(Slot& slot);
  void wait_greeting(Slot& slot);
  void on_greeting(Slot& slot);

  // Loop thread (gate.cpp).
  void wait(Slot& slot, Wait event, void (Gate::*then)(Slot&));
  void wait_readable(Slot& slot);
  void wait_writable(Slot& slot);
  void on_readable(Slot& slot);
  void proceed(Slot& slot);
  void refuse(Slot& slot, const Problem& problem);
  void write_rest(Slot& slot);
  void answered(Slot& slot);
  void park(Slot& slot);
  void watch_parked(Slot& slot);
  void resume(Slot& slot, Later::Why why);
  void linger(Slot& slot);
  void discard_input(Slot& slot);
  void close(Slot& slot);
  void count_bytes(Slot& slot);
  void set_bytes(Slot& slot, std::size_t bytes);
  void sweep();
  void expire(Slot& slot);
  void begin_stop();

  // Worker threads (serve.cpp).
  Workers::Work make_work();
  void serve(Slot& slot, Responder& responder);
  bool answer_one(Slot& slot, Responder& responder);
  Response respond(Slot& slot, Request& request);
  Response ask_handler(Slot& slot, Request& request);
  void finish(const Request& request, Response& response) const;
  void give_back(Slot& slot);

  const ServerLimits limits_;
  const Handler handler_;
  const Hooks hooks_;

  boost::asio::io_context loop_{1};
  std::thread loop_thread_;
  Workers workers_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> streams_{0};

  // Loop thread only.
  Tls tls_;
  std::vector<std::unique_ptr<Door>> doors_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Slot>> slots_;
  Clients clients_;
  std::uint64_t next_id_ = 1;
  std::size_t turned_away_ = 0;  // slots without a client
  std::size_t buffered_bytes_ = 0;
  SteadyTime cut_at_ = SteadyTime::max();
  boost::asio::steady_timer sweep_timer_{loop_};
  std::vector<char> scratch_;
};

}  // namespace mtmsg::http
