#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "store/dead_letter_store.hpp"

namespace mtmsg::http::fakes {

/// Dead letters in memory, and a replay of them.
class DeadLetters final : public store::DeadLetterStore {
 public:
  ~DeadLetters() override;
  DeadLetter& add(TenantId tenant, DeadReason reason = DeadReason::invalid_json, std::string body = "{") {
    auto& rows = rows_[tenant];
    DeadLetter letter;
    letter.seq = Sequence{rows.empty() ? 1 : rows.back().seq.value + 1};
    letter.id = MessageId{Uuid::v7()};
    letter.tenant = tenant;
    letter.refusal = {reason, "it is bad", {}};
    letter.body_bytes = static_cast<std::int64_t>(body.size());
    letter.body = std::move(body);
    letter.headers = "{}";
    rows.push_back(std::move(letter));
    return rows.back();
  }
  std::vector<std::int64_t> numbers(TenantId tenant) {
    std::vector<std::int64_t> out;
    for (const auto& letter : rows_[tenant]) out.push_back(letter.seq.value);
    return out;
  }

  Result<store::DeadLetterPage> page(const store::Reader& reader, TenantId tenant, const DeadLetterFilter& filter,
                                     Sequence cursor, unsigned limit) override {
    last_reader = reader;
    if (outage) return *outage;
    store::DeadLetterPage page;
    page.next_cursor = cursor;
    for (const auto& letter : rows_[tenant]) {
      if (letter.seq <= cursor || !fits(letter, filter)) continue;
      page.has_more = page.data.size() == limit;
      if (page.has_more) break;
      page.data.push_back(letter);
      page.data.back().body.clear();
      page.next_cursor = letter.seq;
    }
    return page;
  }
  Result<DeadLetter> get(const store::Reader& reader, TenantId tenant, Sequence seq) override {
    last_reader = reader;
    for (const auto& letter : rows_[tenant])
      if (letter.seq == seq) return letter;
    return fail(ErrorCode::not_found, "no such letter");
  }
  Result<std::int64_t> count(const store::Reader& reader, TenantId tenant, const DeadLetterFilter& filter) override {
    last_reader = reader;
    return std::ranges::count_if(rows_[tenant], [&](auto& letter) { return fits(letter, filter); });
  }
  Result<std::vector<DeadLetter>> claim(TenantId, std::span<const Sequence>, std::size_t) override {
    return fail(ErrorCode::internal, "the API claims nothing");
  }
  Result<store::LastTry> begin_last_try(TenantId, MessageId, unsigned, MessageId, Timestamp) override {
    return fail(ErrorCode::internal, "the API tries nothing");
  }
  Result<void> take_back_last_try(TenantId, MessageId) override {
    return fail(ErrorCode::internal, "the API tries nothing");
  }
  Result<std::int64_t> purge(TenantId tenant, const DeadLetterFilter& filter, Sequence cursor,
                             unsigned limit) override {
    if (outage) return *outage;
    if (purges_until_outage && (*purges_until_outage)-- == 0)
      return fail(ErrorCode::database_unavailable, "db.internal is away");
    unsigned left = limit;
    return static_cast<std::int64_t>(std::erase_if(rows_[tenant], [&](auto& letter) {
      return letter.seq > cursor && fits(letter, filter) && left > 0 && left-- > 0;
    }));
  }
  Result<std::int64_t> purge(TenantId tenant, std::span<const Sequence> letters) override {
    return static_cast<std::int64_t>(std::erase_if(
        rows_[tenant], [&](auto& letter) { return std::ranges::find(letters, letter.seq) != letters.end(); }));
  }

  /// As a replay that stores everything but what is invalid JSON.
  Result<std::vector<Replayed>> replay(TenantId tenant, const std::vector<Sequence>& letters) {
    if (outage) return *outage;
    replays.push_back(letters);
    std::vector<Replayed> done;
    for (const auto seq : letters) {
      auto& rows = rows_[tenant];
      const auto letter = std::ranges::find(rows, seq, &DeadLetter::seq);
      auto& result = done.emplace_back(Replayed{seq, Replayed::Outcome::skipped, {}, {}});
      if (letter == rows.end() || letter->replayed_at) continue;
      result.id = letter->id;
      if (letter->refusal.reason == DeadReason::invalid_json) {
        result.outcome = Replayed::Outcome::refused;
        result.refusal = letter->refusal;
      } else {
        result.outcome = Replayed::Outcome::stored;
        letter->replayed_at = Timestamp{};
      }
    }
    return done;
  }

  std::optional<store::Reader> last_reader;
  std::optional<Error> outage;
  std::optional<int> purges_until_outage;
  std::vector<std::vector<Sequence>> replays;

 private:
  static bool fits(const DeadLetter& letter, const DeadLetterFilter& filter) {
    return (!filter.reason || *filter.reason == letter.refusal.reason) &&
           (!filter.since || letter.failed_at >= *filter.since) &&
           (!filter.until || letter.failed_at < *filter.until) &&
           (!filter.replayed || *filter.replayed == letter.replayed_at.has_value());
  }
  std::map<TenantId, std::vector<DeadLetter>> rows_;
};

}  // namespace mtmsg::http::fakes
