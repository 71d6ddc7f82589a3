#include "cmd/export/walk.hpp"

#include <charconv>

namespace mtmsg::ctl {
namespace {

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  return ec == std::errc{} && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

client::CallError broken(std::string reason) {
  return {client::CallError::Cause::unreachable, fail(ErrorCode::timeout, std::move(reason))};
}

}  // namespace

Walk::Walk(Source& source, Plan plan, Listener listener)
    : source_(source), tenant_(std::move(plan.tenant)), query_(std::move(plan.query)), listener_(std::move(listener)) {
  if (plan.follows_on) begin_ = query_.cursor.empty() ? 0 : number_of(query_.cursor);
}

client::Call<Walk::End> Walk::run() {
  const auto asked = tenant_ ? std::optional<std::string_view>(*tenant_) : std::nullopt;
  while (true) {
    const auto rows_before = rows_;
    auto end = source_.stream(asked, query_, [this](std::string_view row) { return take(row); });
    if (stopped_ || (!(end && end->tail) && listener_.interrupted())) return End{true, {}};
    if (!end) return end.error();
    if (end->tail) return finished(*end->tail);
    if (!disorder_.empty()) return broken(disorder_);
    if (rows_ == rows_before) return broken("the server broke the stream off");
  }
}

bool Walk::take(std::string_view text) {
  const auto head = read_row_head(text);
  if (!head) {
    disorder_ = "the server sent a line that is no message";
    return false;
  }
  check_follows(*head);
  if (!disorder_.empty()) return false;
  if (!listener_.row(text, *head)) {
    stopped_ = true;
    return false;
  }
  if (!first_) first_ = head;
  last_ = head;
  ++rows_;
  query_.cursor = tenant_ ? std::to_string(head->seq) : head->tenant.to_string() + ":" + std::to_string(head->seq);
  return true;
}

void Walk::check_follows(const RowHead& head) {
  auto before = begin_;
  if (last_) before = last_->tenant == head.tenant ? std::optional(last_->seq) : std::nullopt;
  if (!before) return;
  if (head.seq <= *before) disorder_ = "the server sent number " + std::to_string(head.seq) + " out of order";
  // With --since, what lies between the cursor and that time is left out on purpose.
  const bool left_out = !last_ && query_.since;
  if (head.seq > *before + 1 && !left_out) listener_.gap({head.tenant, *before, head.seq});
}

/// Removed up to the very end: there is no row after the hole to tell of it.
void Walk::check_end(std::int64_t next, bool truncated) {
  const auto tenant = last_ ? last_->tenant : TenantId{};
  if (query_.since && begin_ && truncated)
    listener_.gap({tenant, *begin_, first_ ? first_->seq : next + 1});
  else if (const auto reached = last_ ? std::optional(last_->seq) : begin_; reached && next > *reached)
    listener_.gap({tenant, *reached, next + 1});
}

client::Call<Walk::End> Walk::finished(const wire::PageTail& tail) {
  if (tenant_) {
    const auto next = number_of(tail.next_cursor);
    if (!next) return broken("the server's last line has no cursor that is a number");
    check_end(*next, tail.truncated);
  }
  query_.cursor = tail.next_cursor;
  return End{false, tail};
}

}  // namespace mtmsg::ctl
