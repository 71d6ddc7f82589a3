#include "ingest/writer.hpp"

#include <utility>

#include "ingest/given_up.hpp"

namespace mtmsg::ingest {
namespace {

/// Until a counter that somebody else holds is asked for again.
constexpr std::chrono::milliseconds kHeldRetry{500};

PartReport report_on(const store::TenantOutcome& outcome, const Work::Part& part, const store::TenantBatch& batch) {
  PartReport report{outcome};
  for (const auto& parcel : part.parcels) report.without_id += parcel.has_own_id ? 0 : 1;
  for (const auto& message : batch.messages) {
    if (!message.refusal) continue;
    report.invalid_json += message.refusal->reason == DeadReason::invalid_json ? 1 : 0;
    report.too_large += message.refusal->reason == DeadReason::too_large ? 1 : 0;
  }
  return report;
}

void fill(store::IncomingMessage& row, const Parcel& parcel) {
  row.id = parcel.id;
  row.redelivered = parcel.redelivered;
  row.published_at = parcel.published_at;
  row.payload = parcel.body;
  row.headers = parcel.headers;
  row.exchange = parcel.exchange;
  row.routing_key = parcel.routing_key;
  row.deliveries = parcel.delivery_count + 1;
}

bool is_for_the_record(const Work& work) {
  const auto& part = work.parts.front();
  return part.options.ordered && work.rows() == 1 && part.parcels.front().delivery_count >= Parcel::kOnRecord;
}

Work work_of(Work::Part part) {
  Work work;
  work.parts.push_back(std::move(part));
  return work;
}

std::size_t rows_of(const store::Batch& batch) {
  std::size_t rows = 0;
  for (const auto& part : batch) rows += part.messages.size();
  return rows;
}

}  // namespace

Writer::Writer(Dispatcher& dispatcher, std::unique_ptr<store::BatchStore> store, store::DeadLetterStore& letters,
               PayloadLimits limits, WriterEvents& events)
    : dispatcher_(dispatcher),
      store_(std::move(store)),
      letters_(letters),
      validator_(limits),
      events_(events),
      random_(std::random_device{}()),
      thread_([this] { run(); }) {}

Writer::~Writer() {
  thread_.join();
}

void Writer::abandon() noexcept {
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
  }
  wake_.notify_all();
  store_->cancel();
}

void Writer::run() {
  while (auto work = dispatcher_.take()) {
    busy_ = true;
    carry(std::move(*work));
    busy_ = false;
  }
}

void Writer::carry(Work work) {
  if (is_for_the_record(work)) return carry_on_record(std::move(work));
  const auto batch = validate(work);
  const auto outcomes = store_through_outages(batch);
  if (outcomes.has_value()) return settle(std::move(work), batch, *outcomes);
  if (outcomes.error().code == ErrorCode::stopping || work.parts.size() == 1) {
    return not_stored(std::move(work), outcomes.error());
  }
  // One tenant's trouble must not hold the others of its transaction: each goes alone.
  for (std::size_t i = 0; i < work.parts.size(); ++i) carry_alone(std::move(work.parts[i]), batch[i]);
}

void Writer::carry_alone(Work::Part part, const store::TenantBatch& batch) {
  const auto outcomes = store_through_outages({batch});
  auto alone = work_of(std::move(part));
  if (outcomes.has_value()) return settle(std::move(alone), {batch}, *outcomes);
  not_stored(std::move(alone), outcomes.error());
}

void Writer::carry_on_record(Work work) {
  auto& part = work.parts.front();
  const auto& parcel = part.parcels.front();
  if (!parcel.on_record) {
    const auto verdict = put_on_record(part);
    if (verdict.has_error()) return not_stored(std::move(work), verdict.error());
    if (verdict->has_value()) {
      release(work, Ended::done);
      return events_.on_committed(work, {**verdict});
    }
  }
  auto batch = validate(work);
  auto& row = batch.front().messages.front();
  row.redelivered = true;  // looked for first: it may have been stored by a try that was not acked
  row.source = store::Source::last_try;
  if (!parcel.has_own_id) row.record = parcel.record;
  const auto outcomes = store_through_outages(batch);
  if (outcomes.has_error() && outcomes.error().code == ErrorCode::stopping)
    return not_stored(std::move(work), outcomes.error());
  if (outcomes.has_error() || outcomes->front().locked) take_back_try(part);
  if (outcomes.has_error()) return not_stored(std::move(work), outcomes.error());
  settle(std::move(work), batch, *outcomes);
}

void Writer::take_back_try(Work::Part& part) {
  auto& parcel = part.parcels.front();
  // Where not even this can be written now, the next try is this one.
  parcel.on_record = insist([&] { return letters_.take_back_last_try(part.tenant, parcel.record); }).has_error();
}

Result<std::optional<PartReport>> Writer::put_on_record(Work::Part& part) {
  auto& parcel = part.parcels.front();
  store::IncomingMessage row;
  fill(row, parcel);
  row.refusal = Refusal{
      DeadReason::delivery_limit, "delivered " + std::to_string(row.deliveries) + " times without an answer", {}};
  // The same at each delivery, and for all that are alike (GivenUpConsumer): tries are counted under it.
  if (!parcel.has_own_id) {
    row.id = MessageId{Uuid::v5(part.tenant.value, std::string(parcel.headers) + std::string(parcel.body))};
  }
  const auto outcomes = store_through_outages({store::TenantBatch{part.tenant, {row}}});
  if (outcomes.has_error()) return outcomes.error();
  PartReport report{outcomes->front()};
  if (report.outcome.gone) return report;
  if (report.outcome.locked) return fail(ErrorCode::timeout, "somebody else holds the tenant's counter");
  const auto at = now();
  const auto asked =
      insist([&] { return letters_.begin_last_try(part.tenant, row.id, GivenUpConsumer::kMaxTries, parcel.id, at); });
  if (asked.has_error() && asked.error().code == ErrorCode::not_found) {
    report.outcome = {};
    report.outcome.tenant = part.tenant;
    report.outcome.gone = true;
    return report;
  }
  if (asked.has_error()) return asked.error();
  if (asked->verdict == store::LastTry::Verdict::used_up) {
    report.used_up = report.outcome.dead_letters;
    return report;
  }
  if (asked->verdict == store::LastTry::Verdict::no_letter) {
    return fail(ErrorCode::timeout, "somebody took its letter away before its try");
  }
  parcel.on_record = true;
  parcel.record = row.id;
  return std::optional<PartReport>{};
}

void Writer::not_stored(Work work, const Error& why) {
  if (why.code == ErrorCode::timeout) return postpone(std::move(work.parts.front()));
  const bool stopping = why.code == ErrorCode::stopping;
  release(work, stopping ? Ended::done : Ended::failed);
  if (!stopping) events_.on_tenant_failed(work.parts.front().tenant, why);
}

void Writer::postpone(Work::Part part) {
  const auto tenant = part.tenant;
  dispatcher_.postpone(std::move(part), kHeldRetry);
  events_.on_tenant_held(tenant);
}

void Writer::settle(Work work, const store::Batch& batch, const std::vector<store::TenantOutcome>& outcomes) {
  Work done;
  std::vector<PartReport> reports;
  for (std::size_t i = 0; i < work.parts.size(); ++i) {
    auto& part = work.parts[i];
    if (outcomes[i].locked) {
      postpone(std::move(part));
      continue;
    }
    reports.push_back(report_on(outcomes[i], part, batch[i]));
    done.parts.push_back(std::move(part));
  }
  if (done.parts.empty()) return;
  release(done, Ended::done);
  events_.on_committed(done, reports);
}

void Writer::release(Work& work, Ended ended) {
  if (ended == Ended::failed) {
    dispatcher_.failed(work);
  } else {
    dispatcher_.finished(work);
  }
  // Before anybody is told that there is room again.
  for (auto& part : work.parts) {
    for (auto& parcel : part.parcels) parcel.release();
  }
}

store::Batch Writer::validate(const Work& work) {
  store::Batch batch;
  batch.reserve(work.parts.size());
  for (const auto& part : work.parts) {
    auto& rows = batch.emplace_back(store::TenantBatch{part.tenant, {}}).messages;
    rows.reserve(part.parcels.size());
    for (const auto& parcel : part.parcels) {
      auto& row = rows.emplace_back();
      fill(row, parcel);
      row.refusal = validator_.check(parcel.body, part.options.max_message_bytes);
    }
  }
  return batch;
}

Result<std::vector<store::TenantOutcome>> Writer::store_through_outages(const store::Batch& batch) {
  Backoff backoff;
  for (;;) {
    const auto begin = std::chrono::steady_clock::now();
    auto outcomes = store_->store(batch);
    const Result<void> result = outcomes.has_value() ? Result<void>{} : Result<void>{outcomes.error()};
    events_.on_attempt(result, rows_of(batch), std::chrono::steady_clock::now() - begin);
    if (outcomes.has_value() || outcomes.error().code != ErrorCode::database_unavailable) return outcomes;
    if (!wait(backoff.next(static_cast<std::uint32_t>(random_())))) {
      return fail(ErrorCode::stopping, "the daemon stops; the broker keeps what was not committed");
    }
  }
}

template <class Ask>
auto Writer::insist(Ask ask) -> decltype(ask()) {
  Backoff backoff;
  for (;;) {
    auto answer = ask();
    if (answer.has_value() || answer.error().code != ErrorCode::database_unavailable) return answer;
    if (!wait(backoff.next(static_cast<std::uint32_t>(random_())))) {
      return fail(ErrorCode::stopping, "the daemon stops; the broker keeps what was not committed");
    }
  }
}

bool Writer::wait(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, time, [this] { return abandoned_; });
}

}  // namespace mtmsg::ingest
