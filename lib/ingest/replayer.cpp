#include "ingest/replayer.hpp"

#include <algorithm>

namespace mtmsg::ingest {
namespace {

/// Of one transaction.
constexpr std::size_t kMaxClaimedBytes = 8 << 20;
constexpr unsigned kPageRows = 500;
constexpr std::chrono::milliseconds kPatience{500};

}  // namespace

Replayer::Turn::Turn(Replayer& replayer, std::chrono::milliseconds patience) : replayer_(replayer) {
  std::unique_lock lock(replayer_.mutex_);
  came_ = replayer_.turn_ended_.wait_for(lock, patience, [this] { return !replayer_.taken_; });
  if (came_) replayer_.taken_ = true;
}

Replayer::Turn::~Turn() {
  if (!came_) return;
  {
    const std::lock_guard lock(replayer_.mutex_);
    replayer_.taken_ = false;
  }
  replayer_.turn_ended_.notify_one();
}

Result<std::vector<Replayed>> Replayer::replay(TenantId id, std::span<const Sequence> letters) {
  const auto tenant = tenants_.find(id);
  if (!tenant) return tenant.error();
  const Turn turn(*this, kPatience);
  if (!turn) return fail(ErrorCode::rate_limited, "another replay is under way; try again in a moment");
  std::vector<Sequence> left(letters.begin(), letters.end());
  std::sort(left.begin(), left.end());
  left.erase(std::unique(left.begin(), left.end()), left.end());

  std::vector<Replayed> results;
  results.reserve(left.size());
  for (std::span<const Sequence> rest = left; !rest.empty();) {
    const auto claimed = letters_.claim(id, rest, kMaxClaimedBytes);
    if (!claimed) return claimed.error();
    // What lies behind the last claimed one was left for its bytes, unless none was claimed: then there is none.
    const auto last = claimed->empty() ? left.back() : claimed->back().seq;
    auto done = claimed->empty() ? Result<std::vector<Replayed>>(std::vector<Replayed>()) : store(*tenant, *claimed);
    if (!done) return done.error();
    auto next = done->begin();
    while (!rest.empty() && rest.front() <= last) {
      const bool tried = next != done->end() && next->seq == rest.front();
      results.push_back(tried ? std::move(*next++) : Replayed{rest.front(), Replayed::Outcome::skipped, {}, {}});
      rest = rest.subspan(1);
    }
  }
  return results;
}

Result<std::vector<Replayed>> Replayer::store(const Tenant& tenant, std::span<const DeadLetter> claimed) {
  store::TenantBatch batch{tenant.id, {}};
  for (const auto& letter : claimed) {
    batch.messages.push_back(store::message_of(letter, store::Source::replay));
    batch.messages.back().refusal = validator_.check(letter.body, tenant.limits.value(Limit::max_message_bytes));
  }
  const auto outcomes = store_->store({batch});
  if (!outcomes) return outcomes.error();
  const auto& outcome = outcomes->front();
  if (outcome.gone) return fail(ErrorCode::not_found, "the tenant is being deleted");
  if (outcome.locked) {
    return fail(ErrorCode::timeout, "somebody else holds the tenant's counter in a long transaction; try again");
  }
  std::vector<Replayed> results;
  for (const auto& letter : claimed) results.push_back({letter.seq, Replayed::Outcome::stored, letter.id, {}});
  if (outcome.dead_letters == 0) return results;
  if (auto told = tell_refused(tenant.id, results); !told) return told.error();
  return results;
}

Result<void> Replayer::tell_refused(TenantId tenant, std::vector<Replayed>& results) {
  DeadLetterFilter filter;
  filter.replayed = false;
  auto result = results.begin();
  for (Sequence cursor{results.front().seq.value - 1}; result != results.end();) {
    const auto page = letters_.page(store::Reader::everybody(), tenant, filter, cursor, kPageRows);
    if (!page) return page.error();
    for (const auto& letter : page->data) {
      result = std::lower_bound(result, results.end(), letter.seq,
                                [](const Replayed& one, Sequence seq) { return one.seq < seq; });
      if (result == results.end()) return {};
      if (result->seq != letter.seq) continue;
      result->outcome = Replayed::Outcome::refused;
      result->refusal = letter.refusal;
    }
    if (!page->has_more) return {};
    cursor = page->next_cursor;
  }
  return {};
}

}  // namespace mtmsg::ingest
