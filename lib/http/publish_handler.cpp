#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>
#include <variant>

#include "domain/message.hpp"
#include "domain/payload.hpp"
#include "http/body.hpp"
#include "http/handlers.hpp"
#include "http/idempotency.hpp"
#include "http/line_reader.hpp"
#include "http/parameters.hpp"
#include "http/publish_rates.hpp"
#include "wire/publish.hpp"

namespace mtmsg::http {
namespace {

/// What a message's id and braces may add to its payload.
constexpr std::size_t kEnvelopeBytes = 8 << 10;

/// A full queue empties as fast as its messages are stored: that takes longer than a token.
constexpr std::chrono::seconds kFullQueuePause{5};

TenantLimits limits_of(const Context& context) {
  return context.tenant->limits.over(context.services.tenants.defaults().limits);
}

struct Queued {
  MessageId id;
  std::future<Result<void>> confirmed;
};

/// Reads messages and hands them to the broker.
class Publishing {
 public:
  explicit Publishing(const Context& context)
      : services_(context.services),
        trace_(context.request.trace.headers()),
        key_(idempotency_key(context.request).value()),
        tenant_(*context.tenant),
        limits_(limits_of(context)),
        validator_({limits_.value(Limit::max_message_bytes), services_.limits.max_rendered_bytes}) {}

  /// Of a request or a line with one message.
  std::size_t most_bytes() const { return limits_.value(Limit::max_message_bytes) + kEnvelopeBytes; }

  /// Nothing is published unless all of the text is right.
  Result<Queued> begin(std::size_t line, std::string_view text) {
    const auto request = wire::read_publish_request(text);
    if (!request) return request.error();
    if (const auto refusal = validator_.check(request->payload))
      return fail(refusal->reason == DeadReason::too_large ? ErrorCode::too_large : ErrorCode::invalid_argument,
                  "payload: " + refusal->detail);
    if (auto slow = take_token(); !slow) return slow.error();
    const auto identity = identify(line, *request);
    // Sent as it was given: whoever stores it derives the same id from it, and keeps the original.
    auto message_id = identity.origin == MessageIdentity::Origin::derived ? *request->id : identity.id.to_string();
    return Queued{identity.id,
                  services_.publish(tenant_.id, std::move(message_id), std::string(request->payload), trace_)};
  }

  /// The broker's answer; of a full queue in a sentence that says so.
  Result<void> await(Queued& queued) const {
    auto confirmed = queued.confirmed.get();
    if (confirmed || confirmed.error().code != ErrorCode::broker_rejected) return confirmed;
    return fail(ErrorCode::broker_rejected, full_queue());
  }

  /// What ends the whole request.
  Problem problem_of(const Error& error) const {
    // The tenant's own limit, not an outage: everybody may know it, and nobody needs to be woken.
    if (error.code == ErrorCode::broker_rejected) {
      Problem problem(429, error_code_name(error.code), error.message);
      problem.retry_after = kFullQueuePause;
      return problem;
    }
    Problem problem(error);
    if (error.code == ErrorCode::rate_limited)
      problem.retry_after = std::max(std::chrono::seconds(1), std::chrono::ceil<std::chrono::seconds>(wait_));
    return problem;
  }

 private:
  MessageIdentity identify(std::size_t line, const wire::PublishRequest& request) const {
    if (request.id || !key_) return identify_message(tenant_.id, request.id);
    return {message_id_under(*key_, tenant_.id, line, request.payload), MessageIdentity::Origin::generated};
  }

  Result<void> take_token() {
    const auto rate = limits_.value(Limit::publish_rate);
    const auto wait = services_.rates.take(tenant_.id, rate);
    if (!wait) return {};
    wait_ = *wait;
    return fail(ErrorCode::rate_limited, "tenant \"" + tenant_.name + "\" may publish " + std::to_string(rate) +
                                             " messages a second through this API (publish_rate); send it again later");
  }

  std::string full_queue() const {
    const auto length = limits_.value(Limit::max_queue_length);
    auto text = "RabbitMQ refused the message, and it was not stored: the queue of tenant \"" + tenant_.name +
                "\" is probably full";
    if (length > 0) text += " (max_queue_length is " + std::to_string(length) + ")";
    return text +
           "; send it again when messages were taken from it. They wait while the tenant is paused or keeps as many "
           "bytes as it may, or the database is away";
  }

  const Services& services_;
  const Headers trace_;                        ///< of the request, for each of its messages
  const std::optional<std::string_view> key_;  ///< Idempotency-Key; the API has checked it
  const Tenant tenant_;
  const TenantLimits limits_;
  PayloadValidator validator_;
  TokenBucket::Wait wait_{0};  ///< that the last refused message was told
};

Answer publish_one(Context& context) {
  Publishing publishing(context);
  const auto body = read_json_body(context.request, publishing.most_bytes());
  if (!body) return body.error();
  auto queued = publishing.begin(1, *body);
  if (!queued) return publishing.problem_of(queued.error());
  const auto confirmed = publishing.await(*queued);
  if (!confirmed) return publishing.problem_of(confirmed.error());
  std::string out;
  wire::append_published(out, queued->id);
  return Response::json(202, std::move(out));
}

enum class Results { all, errors };

Result<Results> parse_results(std::string_view text) {
  if (text == "all" || text == "errors") return text == "all" ? Results::all : Results::errors;
  return fail(ErrorCode::invalid_argument, "it is all or errors");
}

/// An NDJSON body: lines are published while earlier ones wait for their confirms, results stay in the lines' order.
///
/// They are kept until the body has ended, and told with a status that says how it went: a client that reads nothing
/// before it has sent everything, as most do, must not be waited for. So the number of lines is bounded, unless only
/// failures are wanted; of those the first ones are told, and all are counted.
class Lines {
 public:
  Lines(Context& context, Results wanted)
      : limits_(context.services.limits),
        wanted_(wanted),
        publishing_(context),
        reader_(context.request.body, publishing_.most_bytes()) {}

  Answer run() {
    if (auto problem = read_all()) return broken_off(std::move(*problem));
    settle_down_to(0);
    if (summary_.queued == 0 && away_) return nothing_queued();
    if (wanted_ == Results::errors) {
      wire::append_publish_summary(results_, summary_);
      results_ += '\n';
    }
    return Response{first_error_ ? 207 : 202, "application/x-ndjson", std::move(results_), {}, {}};
  }

 private:
  struct Pending {
    std::size_t line;
    std::variant<Queued, Error> outcome;
  };

  std::optional<Problem> read_all() {
    std::string_view text;
    while (true) {
      const auto found = reader_.next(text);
      if (!found) return found.error();
      if (*found == LineReader::Found::end) return std::nullopt;
      ++line_;
      if (*found == LineReader::Found::line && text.find_first_not_of(" \t") == std::string_view::npos) continue;
      if (wanted_ == Results::all && line_ > limits_.max_publish_lines) {
        pending_.push_back(
            {line_, fail(ErrorCode::too_large, "this line and all after it were not read: a request has at most " +
                                                   std::to_string(limits_.max_publish_lines) +
                                                   " lines, or any number with ?results=errors")});
        return std::nullopt;
      }
      pending_.push_back({line_, begin(*found, text)});
      settle_down_to(limits_.publish_window);
    }
  }

  std::variant<Queued, Error> begin(LineReader::Found found, std::string_view text) {
    if (found == LineReader::Found::too_long) return fail(ErrorCode::too_large, "the line is too long for a message");
    auto queued = publishing_.begin(line_, text);
    if (!queued) return queued.error();
    return std::move(*queued);
  }

  /// Waits for the broker's answer to the oldest lines.
  void settle_down_to(std::size_t most) {
    for (; pending_.size() > most; pending_.pop_front()) {
      auto& [line, outcome] = pending_.front();
      wire::PublishLine result{line, {}};
      if (auto* queued = std::get_if<Queued>(&outcome)) {
        const auto confirmed = publishing_.await(*queued);
        if (confirmed)
          result.result = queued->id;
        else
          result.result = confirmed.error();
      } else {
        result.result = std::get<Error>(outcome);
      }
      note(result);
    }
  }

  void note(const wire::PublishLine& result) {
    ++summary_.lines;
    if (const auto* error = std::get_if<Error>(&result.result)) {
      if (!first_error_) first_error_ = Error(*error).with_context("line " + std::to_string(result.line));
      away_ = away_ || (error->code != ErrorCode::invalid_argument && error->code != ErrorCode::too_large);
      if (++summary_.failed > limits_.max_told_failures && wanted_ == Results::errors) return;
    } else {
      ++summary_.queued;
      if (wanted_ == Results::errors) return;
    }
    wire::append_publish_line(results_, result);
    results_ += '\n';
  }

  /// The whole request failed, and not for its lines: told as one problem.
  Answer nothing_queued() const {
    auto problem = publishing_.problem_of(*first_error_);
    problem.detail += " (none of " + std::to_string(line_) + " lines was confirmed; send them again with the same ids)";
    return problem;
  }

  Answer broken_off(Problem problem) {
    settle_down_to(0);
    problem.detail += " (" + std::to_string(summary_.queued) + " lines before that were queued)";
    return problem;
  }

  const ApiLimits& limits_;
  const Results wanted_;
  Publishing publishing_;
  LineReader reader_;
  std::deque<Pending> pending_;
  std::size_t line_ = 0;
  wire::PublishSummary summary_;
  bool away_ = false;  ///< some line failed for a reason that is not its own
  std::optional<Error> first_error_;
  std::string results_;
};

}  // namespace

Answer publish(Context& context) {
  if (auto active = check_active(*context.tenant); !active) return Problem(active.error());
  auto results = Results::all;
  if (auto taken = take(context, "results", parse_results, results); !taken) return Problem(taken.error());
  switch (body_type(context.request)) {
    case BodyType::json:
      return publish_one(context);
    case BodyType::ndjson:
      return Lines(context, results).run();
    case BodyType::other:
      break;
  }
  return unsupported_type("application/json or application/x-ndjson");
}

}  // namespace mtmsg::http
