// The worker's half of the gate.

#include "http/compression.hpp"
#include "http/gate.hpp"

namespace mtmsg::http {
namespace {

constexpr unsigned kPipelinedAtOnce = 16;  // requests of one connection served in a row, before others get their turn

Problem too_many_streams(std::size_t limit) {
  return {429, "too_many_streams",
          "this client reads " + std::to_string(limit) + " streams, as many as it may (http.max_streams_per_client)"};
}

Response refusal(Problem problem, const Request& request) {
  problem.request_id = request.id;
  return Response::of(problem);
}

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
    slot.patience = limits_.request_timeout;
    if (!connection.has_more() || connection.advance() != Connection::Progress::ready) break;
  }
  give_back(slot);  // from here on it is the loop's
}

/// True when the connection may go on.
bool Gate::answer_one(Slot& slot, Responder& responder) {
  const auto begin = std::chrono::steady_clock::now();
  auto& connection = slot.connection;
  ClientIo io(connection, *slot.client, slot.patience, limits_, workers_);
  const auto& head = connection.head();
  Request request{head.method == "HEAD" ? "GET" : head.method,
                  head.target,
                  head.headers,
                  connection.peer(),
                  io,
                  connection.request_id(),
                  trace_context_of(head.headers)};
  auto response = respond(slot, request);
  if (response.later) {
    slot.later = std::move(response.later);
    return true;
  }
  std::optional<Place> of_client;
  std::optional<Place> of_all;
  if (response.stream && !of_client.emplace(slot.client->streams, limits_.streams_per_client))
    response = refusal(too_many_streams(limits_.streams_per_client), request);
  else if (response.stream && !of_all.emplace(streams_, limits_.streams))
    response = refusal(Problem(Rejection{503, "too many streams at a time"}), request);
  else if (response.stream && !io.stand_aside())  // a long export must not keep a worker from others
    response = refusal(Problem(Rejection{503, "too many slow requests at a time"}), request);
  finish(request, response);
  const int status = response.status;

  Responder::Framing framing;
  framing.head_only = head.method == "HEAD";
  framing.http_1_0 = head.http_1_0;
  // What is left of the body would have to be read before the next request: a client that sends what nobody wants
  // is better told at once.
  framing.keep_alive = head.keep_alive && connection.complete() && !connection.rejection() && !stopping_ &&
                       !(response.stream && head.http_1_0);
  const bool sent = responder.send(std::move(response), framing, io);
  const bool whole = io.finish() && sent;  // what a broken stream gave is the client's all the same
  if (hooks_.on_answered) hooks_.on_answered({request, status, io.written(), std::chrono::steady_clock::now() - begin});
  return whole && framing.keep_alive;
}

/// What every answer gets, whoever made it.
void Gate::finish(const Request& request, Response& response) const {
  response.add_standard_headers(request.id);
  hooks_.cors.dress(request.header("Origin"), response);
  compress(response, request.header("Accept-Encoding"));
}

Response Gate::respond(Slot& slot, Request& request) {
  if (slot.came_late) return refusal(fail(ErrorCode::stopping, "the daemon is stopping"), request);
  try {
    return ask_handler(slot, request);
  } catch (const std::exception& error) {
    if (hooks_.on_error) hooks_.on_error(error.what(), request.id);
  }
  return refusal(fail(ErrorCode::internal, "an internal error; the daemon's log has it"), request);
}

Response Gate::ask_handler(Slot& slot, Request& request) {
  const auto later = std::exchange(slot.later, nullptr);
  if (!later) return handler_(request);
  auto answer = later->resume(slot.why, request);
  if (answer) return std::move(*answer);
  request.facts.code = answer.error().code;
  return refusal(answer.error(), request);
}

}  // namespace mtmsg::http
