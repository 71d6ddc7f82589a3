#include "ingest/writer.hpp"

#include <utility>

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

std::size_t rows_of(const store::Batch& batch) {
  std::size_t rows = 0;
  for (const auto& part : batch) rows += part.messages.size();
  return rows;
}

}  // namespace

Writer::Writer(Dispatcher& dispatcher, std::unique_ptr<store::BatchStore> store, PayloadLimits limits,
               WriterEvents& events)
    : dispatcher_(dispatcher),
      store_(std::move(store)),
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
  const auto batch = validate(work);
  const auto outcomes = store_through_outages(batch);
  if (outcomes.has_value()) return settle(std::move(work), batch, *outcomes);
  const bool stopping = outcomes.error().code == ErrorCode::stopping;
  if (stopping || work.parts.size() == 1) {
    release(work, stopping ? Ended::done : Ended::failed);
    if (!stopping) events_.on_tenant_failed(work.parts.front().tenant, outcomes.error());
    return;
  }
  // One tenant's trouble must not hold the others of its transaction: each goes alone.
  for (std::size_t i = 0; i < work.parts.size(); ++i) carry_alone(std::move(work.parts[i]), batch[i]);
}

void Writer::carry_alone(Work::Part part, const store::TenantBatch& batch) {
  const auto outcomes = store_through_outages({batch});
  Work alone;
  alone.parts.push_back(std::move(part));
  if (outcomes.has_value()) return settle(std::move(alone), {batch}, *outcomes);
  const bool stopping = outcomes.error().code == ErrorCode::stopping;
  release(alone, stopping ? Ended::done : Ended::failed);
  if (!stopping) events_.on_tenant_failed(alone.parts.front().tenant, outcomes.error());
}

void Writer::settle(Work work, const store::Batch& batch, const std::vector<store::TenantOutcome>& outcomes) {
  Work done;
  std::vector<PartReport> reports;
  for (std::size_t i = 0; i < work.parts.size(); ++i) {
    auto& part = work.parts[i];
    if (outcomes[i].locked) {
      const auto tenant = part.tenant;
      dispatcher_.postpone(std::move(part), kHeldRetry);
      events_.on_tenant_held(tenant);
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
      row.id = parcel.id;
      row.redelivered = parcel.redelivered;
      row.published_at = parcel.published_at;
      row.payload = parcel.body;
      row.headers = parcel.headers;
      row.exchange = parcel.exchange;
      row.routing_key = parcel.routing_key;
      row.refusal = validator_.check(parcel.body, part.options.max_message_bytes);
      row.deliveries = parcel.delivery_count + 1;
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

bool Writer::wait(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, time, [this] { return abandoned_; });
}

}  // namespace mtmsg::ingest
