// The worker's half of the gate.

#include "http/gate.hpp"

namespace mtmsg::http {
namespace {

constexpr unsigned kPipelinedAtOnce = 16;  // requests of one connection served in a row, before others get their turn

/// One of the streams there may be at a time, for as long as the answer lives.
class StreamPlace {
 public:
  StreamPlace(std::atomic<std::size_t>& count, std::size_t limit) : count_(count), taken_(++count <= limit) {}
  ~StreamPlace() { --count_; }
  StreamPlace(const StreamPlace&) = delete;
  StreamPlace& operator=(const StreamPlace&) = delete;
  explicit operator bool() const noexcept { return taken_; }

 private:
  std::atomic<std::size_t>& count_;
  const bool taken_;
};

}  // namespace

Workers::Work Gate::make_work() {
  auto responder = std::make_shared<Responder>(std::chrono::floor<std::chrono::seconds>(limits_.idle_timeout));
  return [this, responder](Slot* slot) { serve(*slot, *responder); };
}

void Gate::serve(Slot& slot, Responder& responder) {
  auto& connection = slot.connection;
  for (unsigned count = 1;; ++count) {
    slot.keep = answer_one(slot, responder) && !stopping_;
    if (slot.later || !slot.keep || !connection.unsent.empty() || count == kPipelinedAtOnce) break;
    connection.start_next();
    if (!connection.has_more() || connection.advance() != Connection::Progress::ready) break;
  }
  give_back(slot);  // from here on it is the loop's
}

/// True when the connection may go on.
bool Gate::answer_one(Slot& slot, Responder& responder) {
  auto& connection = slot.connection;
  ClientIo io(connection, limits_, workers_);
  auto response = respond(slot, io);
  if (response.later) {
    slot.later = std::move(response.later);
    return true;
  }
  std::optional<StreamPlace> place;
  if (response.stream && !place.emplace(streams_, limits_.streams))
    response = Response::of(Problem(Rejection{503, "too many streams at a time"}));

  const auto& head = connection.head();
  Responder::Framing framing;
  framing.head_only = head.method == "HEAD";
  framing.http_1_0 = head.http_1_0;
  // What is left of the body would have to be read before the next request: a client that sends what nobody wants
  // is better told at once.
  framing.keep_alive = head.keep_alive && connection.complete() && !connection.rejection() && !stopping_ &&
                       !(response.stream && head.http_1_0);
  const bool sent = responder.send(std::move(response), framing, io);
  return io.finish() && sent && framing.keep_alive;  // what a broken stream gave is the client's all the same
}

Response Gate::respond(Slot& slot, ClientIo& io) {
  if (slot.came_late) return Response::of(fail(ErrorCode::stopping, "the daemon is stopping"));
  try {
    return ask_handler(slot, io);
  } catch (const std::exception& error) {
    if (on_error_) on_error_(error.what());
  }
  return Response::of(fail(ErrorCode::internal, "an internal error; the daemon's log has it"));
}

Response Gate::ask_handler(Slot& slot, ClientIo& io) {
  if (const auto later = std::exchange(slot.later, nullptr)) {
    auto answer = later->resume(slot.why);
    return answer ? std::move(*answer) : Response::of(answer.error());
  }
  const auto& head = slot.connection.head();
  Request request{head.method == "HEAD" ? "GET" : head.method, head.target, head.headers, slot.connection.peer(), io};
  return handler_(request);
}

}  // namespace mtmsg::http
