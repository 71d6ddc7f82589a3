#include "http/message_walk.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace mtmsg::http {
namespace {

constexpr std::size_t kPieceBytes = 64 << 10;
constexpr unsigned kRowsPerTransaction = 500;
constexpr std::size_t kMaxPageBytes = 32 << 20;  // of a page over several tenants

class TenantWalk {
 public:
  TenantWalk(store::MessageStore& messages, const store::Reader& reader, TenantId tenant, PageQuery query)
      : messages_(messages), reader_(reader), tenant_(tenant), query_(query) {}

  Result<RowPage> operator()(unsigned limit) {
    query_.limit = limit;
    auto page = messages_.page(reader_, tenant_, query_);
    if (!page) return page.error();
    query_.cursor = page->next_cursor;
    auto tail = wire::tail_of(*page);
    return RowPage{std::move(page->data), std::move(tail)};
  }

 private:
  store::MessageStore& messages_;
  const store::Reader reader_;
  const TenantId tenant_;
  PageQuery query_;
};

class GlobalWalk {
 public:
  GlobalWalk(const Services& services, std::vector<TenantId> tenants, std::optional<GlobalCursor> cursor,
             PageQuery query)
      : services_(services), tenants_(std::move(tenants)), cursor_(cursor), query_(query) {
    if (!cursor_) return;
    next_ = static_cast<std::size_t>(std::lower_bound(tenants_.begin(), tenants_.end(), cursor_->tenant) -
                                     tenants_.begin());
  }

  Result<RowPage> operator()(unsigned limit) {
    RowPage result;
    std::size_t bytes = 0;
    for (std::size_t visited = 0; next_ < tenants_.size() && visited < services_.limits.max_tenants_per_page;
         ++visited) {
      auto page = visit(limit - static_cast<unsigned>(result.rows.size()));
      if (!page && page.error().code == ErrorCode::not_found) {  // deleted since the walk began
        ++next_;
        continue;
      }
      if (!page) return page.error();
      cursor_ = GlobalCursor{tenants_[next_], page->next_cursor};
      result.tail.epoch = page->epoch;
      result.tail.truncated |= page->truncated;
      for (auto& row : page->data) {
        bytes += row.payload.size() + row.headers.size();
        result.rows.push_back(std::move(row));
      }
      if (page->has_more) break;
      ++next_;
      if (result.rows.size() >= limit || bytes >= kMaxPageBytes) break;
    }
    result.tail.next_cursor = cursor_ ? cursor_->to_string() : "0";
    result.tail.has_more = next_ < tenants_.size();
    return result;
  }

 private:
  Result<Page> visit(unsigned limit) {
    const auto tenant = tenants_[next_];
    query_.cursor = cursor_ && cursor_->tenant == tenant ? cursor_->seq : Sequence{0};
    query_.limit = limit;
    return services_.messages.page(store::Reader::everybody(), tenant, query_);
  }

  const Services& services_;
  const std::vector<TenantId> tenants_;
  std::optional<GlobalCursor> cursor_;
  PageQuery query_;
  std::size_t next_ = 0;  // of tenants_
};

class RowStream {
 public:
  RowStream(const Services& services, MessageWalk walk, RowPage first, std::optional<std::size_t> left,
            const Request& request)
      : services_(services),
        walk_(std::move(walk)),
        page_(std::move(first)),
        left_(left),
        request_id_(request.id),
        traceparent_(request.trace.parent) {
    take_from_left();
    truncated_ = page_.tail.truncated;
  }

  StreamStep next(std::string& buffer) {
    while (buffer.size() < kPieceBytes) {
      if (at_ < page_.rows.size()) {
        // Moved out, so that a row's memory goes with it.
        const auto row = std::move(page_.rows[at_++]);
        wire::append_message(buffer, row);
        buffer += '\n';
      } else if (page_.tail.has_more && left_ != 0U) {
        auto more = walk_(left_ ? static_cast<unsigned>(std::min<std::size_t>(*left_, kRowsPerTransaction))
                                : kRowsPerTransaction);
        if (!more) return cut(more.error());
        page_ = std::move(*more);
        at_ = 0;
        take_from_left();
        truncated_ |= page_.tail.truncated;
      } else {
        page_.tail.truncated = truncated_;
        wire::append_page_tail(buffer, page_.tail);
        buffer += '\n';
        return StreamStep::done;
      }
    }
    return StreamStep::more;
  }

 private:
  void take_from_left() {
    if (left_) *left_ -= std::min(*left_, page_.rows.size());
  }
  StreamStep cut(const Error& error) {
    if (services_.on_failure)
      services_.on_failure(
          {"a stream of messages", error_code_name(error.code), error.message, request_id_, traceparent_});
    return StreamStep::broken;
  }

  const Services& services_;
  MessageWalk walk_;
  RowPage page_;
  std::size_t at_ = 0;
  std::optional<std::size_t> left_;
  const std::string request_id_;
  const std::string traceparent_;
  bool truncated_ = false;  // any page of the stream; the tail says it for all
};

}  // namespace

MessageWalk walk_tenant(store::MessageStore& messages, const store::Reader& reader, TenantId tenant, PageQuery query) {
  return TenantWalk(messages, reader, tenant, query);
}

Result<MessageWalk> walk_all_tenants(const Services& services, std::optional<GlobalCursor> cursor, PageQuery query) {
  auto tenants = services.tenants.list();
  if (!tenants) return tenants.error();
  std::vector<TenantId> ids;
  for (const auto& tenant : *tenants)
    if (tenant.state != TenantState::deleting) ids.push_back(tenant.id);
  std::sort(ids.begin(), ids.end());
  return MessageWalk(GlobalWalk(services, std::move(ids), cursor, query));
}

BodyStream stream_rows(const Services& services, MessageWalk walk, RowPage first, std::optional<std::size_t> left,
                       const Request& request) {
  auto stream = std::make_shared<RowStream>(services, std::move(walk), std::move(first), left, request);
  return [stream](std::string& buffer) { return stream->next(buffer); };
}

}  // namespace mtmsg::http
