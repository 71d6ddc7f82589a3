#include "client/client.hpp"

#include <algorithm>
#include <iterator>
#include <map>

#include "client/line_splitter.hpp"
#include "client/transport.hpp"
#include "wire/fields.hpp"
#include "wire/json_text.hpp"

namespace mtmsg::client {
namespace {

// A message is at most limits.max_rendered_bytes (8 MiB unless configured) and its headers.
constexpr std::size_t kMaxLineBytes = std::size_t{1} << 30U;

constexpr auto kJson = "application/json";
constexpr auto kNdjson = "application/x-ndjson";

std::string tenant_path(std::string_view tenant, std::string_view below = {}) {
  return "/tenants/" + percent_encode(tenant) + std::string(below);
}

std::string messages_path(std::optional<std::string_view> tenant) {
  return tenant ? tenant_path(*tenant, "/messages") : std::string("/messages");
}

/// "?key=value&key=value", or nothing.
class QueryString {
 public:
  QueryString& add(std::string_view key, std::string_view value) {
    text_ += text_.empty() ? '?' : '&';
    text_.append(key).append("=").append(percent_encode(value));
    return *this;
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string query_string(const MessageQuery& query) {
  QueryString out;
  if (!query.cursor.empty()) out.add("cursor", query.cursor);
  if (query.limit) out.add("limit", std::to_string(*query.limit));
  if (query.since) out.add("since", *query.since);
  if (query.until) out.add("until", *query.until);
  if (query.wait) out.add("wait", std::to_string(*query.wait));
  return out.take();
}

std::string query_string(const TenantQuery& query) {
  QueryString out;
  if (!query.cursor.empty()) out.add("cursor", query.cursor);
  out.add("limit", std::to_string(query.limit));
  if (query.state) out.add("state", to_string(*query.state));
  if (query.paused) out.add("paused", *query.paused ? "true" : "false");
  if (!query.name_prefix.empty()) out.add("name_prefix", query.name_prefix);
  if (query.since) out.add("since", format_timestamp(*query.since));
  if (query.until) out.add("until", format_timestamp(*query.until));
  return out.take();
}

std::string query_string(const ActivityQuery& query) {
  QueryString out;
  out.add("sort", to_string(query.sort));
  if (query.direction == wire::Direction::reverse) out.add("reverse", "true");
  if (!query.name.empty()) out.add("name", query.name);
  out.add("limit", std::to_string(query.limit));
  return out.take();
}

QueryString query_of(const DeadLetterFilter& filter) {
  QueryString out;
  if (filter.reason) out.add("reason", to_string(*filter.reason));
  if (filter.since) out.add("since", format_timestamp(*filter.since));
  if (filter.until) out.add("until", format_timestamp(*filter.until));
  if (filter.replayed) out.add("replayed", *filter.replayed ? "true" : "false");
  return out;
}

std::string letter_path(std::string_view tenant, Sequence seq) {
  return tenant_path(tenant, "/dead-letters/" + std::to_string(seq.value));
}

/// Versions as the API's entity tags. Without any, one that fits nothing.
std::string tags_of(const std::vector<Timestamp>& versions) {
  std::string all;
  for (const auto version : versions)
    all += (all.empty() ? "\"" : ", \"") + std::to_string(version.time_since_epoch().count()) + '"';
  return all.empty() ? "\"none\"" : all;
}

void add_key(HttpRequest& post, std::string_view idempotency_key) {
  if (!idempotency_key.empty()) post.headers.emplace_back("Idempotency-Key", idempotency_key);
}

CallError not_understood(const Error& error) {
  return {CallError::Cause::answer,
          Error(error).with_context("the server's answer was not understood; is it another version?")};
}

/// Reads a successful answer's body.
template <class T>
Call<T> read(const Call<HttpAnswer>& answer, Result<T> (*reader)(std::string_view)) {
  if (!answer) return answer.error();
  auto value = reader(answer->body);
  if (!value) return not_understood(value.error());
  return std::move(*value);
}

Call<FetchedPage> fetch_page(Call<HttpAnswer> answer) {
  if (!answer) return answer.error();
  FetchedPage fetched{std::move(answer->body), {}};
  auto page = wire::read_page(fetched.text);
  if (!page) return not_understood(page.error());
  fetched.page = std::move(*page);
  return fetched;
}

Call<std::string> fetch_json(Call<HttpAnswer> answer) {
  if (!answer) return answer.error();
  if (auto checked = wire::check_json(answer->body); !checked) return not_understood(checked.error());
  return std::move(answer->body);
}

/// As wire::read_concurrency, but a newer daemon may say more.
Result<unsigned> read_workers(std::string_view json) {
  wire::FieldReader fields(json, "concurrency", wire::Reading::tolerant);
  const auto workers = fields.optional_unsigned("workers");
  if (!workers) fields.refuse("field \"workers\" is missing");
  if (auto done = fields.finish(); !done) return done.error();
  return *workers;
}

}  // namespace

void throw_exception_from_error(const CallError& failed, const boost::source_location&) {
  throw Failure(failed.error);
}

struct Client::Impl {
  Transport transport;

  Call<HttpAnswer> get(std::string path) { return transport.send({"GET", std::move(path), {}, {}}); }
  Call<HttpAnswer> send_json(std::string method, std::string path, std::string body) {
    return transport.send({std::move(method), std::move(path), std::move(body), kJson});
  }
};

Client::Client(Endpoint endpoint, Options options)
    : impl_(new Impl{Transport(std::move(endpoint), std::move(options))}) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

const Endpoint& Client::endpoint() const noexcept {
  return impl_->transport.endpoint();
}

Call<Tenant> Client::create_tenant(const NewTenant& request) {
  std::string body;
  wire::append_new_tenant(body, request);
  HttpRequest post{"POST", "/tenants", std::move(body), kJson};
  if (request.idempotency) add_key(post, request.idempotency->key);
  return read(impl_->transport.send(post), wire::read_tenant);
}

void Client::interrupt() noexcept {
  impl_->transport.interrupt();
}

Call<std::vector<Tenant>> Client::tenants(TenantQuery query) {
  query.limit = kMaxPageRows;
  query.cursor.clear();
  std::vector<Tenant> all;
  while (true) {
    auto page = read(impl_->get("/tenants" + query_string(query)), wire::read_tenants);
    if (!page) return page.error();
    all.insert(all.end(), std::make_move_iterator(page->data.begin()), std::make_move_iterator(page->data.end()));
    if (!page->has_more) return all;
    if (page->next_cursor <= query.cursor)
      return not_understood(fail(ErrorCode::invalid_argument, "its pages don't go on"));
    query.cursor = page->next_cursor;
  }
}

Call<wire::TenantDetail> Client::tenant(std::string_view tenant) {
  return read(impl_->get(tenant_path(tenant)), wire::read_tenant_detail);
}

Call<wire::Explanation> Client::explain(std::string_view tenant) {
  return read(impl_->get(tenant_path(tenant, "/explain")), wire::read_explanation);
}

Call<Tenant> Client::update_tenant(std::string_view tenant, const TenantUpdate& change) {
  std::string body;
  wire::append_tenant_update(body, change);
  HttpRequest patch{"PATCH", tenant_path(tenant), std::move(body), kJson};
  if (change.expected) patch.headers.emplace_back("If-Match", tags_of(*change.expected));
  return read(impl_->transport.send(patch), wire::read_tenant);
}

Call<Tenant> Client::pause_tenant(std::string_view tenant) {
  return read(impl_->transport.send({"POST", tenant_path(tenant, "/pause"), {}, {}}), wire::read_tenant);
}

Call<Tenant> Client::resume_tenant(std::string_view tenant) {
  return read(impl_->transport.send({"POST", tenant_path(tenant, "/resume"), {}, {}}), wire::read_tenant);
}

Call<Deleted> Client::delete_tenant(std::string_view tenant, const DeletionOptions& options) {
  QueryString query;
  if (options.if_empty) query.add("if_empty", "true");
  if (options.keep_messages) query.add("keep_messages", "true");
  const auto answer = impl_->transport.send({"DELETE", tenant_path(tenant) + query.take(), {}, {}});
  if (!answer) return answer.error();
  Deleted deleted;
  if (answer->status == 202) deleted.outcome = Deletion::in_progress;
  if (answer->status == 200) {
    auto table = wire::read_kept_table(answer->body);
    if (!table) return not_understood(table.error());
    deleted.kept_table = std::move(*table);
  }
  return deleted;
}

Call<unsigned> Client::concurrency(std::string_view tenant) {
  return read(impl_->get(tenant_path(tenant, "/config/concurrency")), read_workers);
}

Call<unsigned> Client::set_concurrency(std::string_view tenant, unsigned workers) {
  std::string body;
  wire::append_concurrency(body, workers);
  return read(impl_->send_json("PUT", tenant_path(tenant, "/config/concurrency"), std::move(body)), read_workers);
}

Call<std::vector<wire::Orphan>> Client::orphans(const std::vector<TenantId>& candidates) {
  // Every answer has all that PostgreSQL knows, and queues for the request's candidates.
  std::map<TenantId, wire::Orphan> found;
  std::size_t asked = 0;
  do {
    const auto step = std::min(candidates.size() - asked, wire::kMaxOrphanCandidates);
    const auto begin = candidates.begin() + static_cast<std::ptrdiff_t>(asked);
    QueryString query;
    if (step > 0) query.add("candidate", wire::join_candidates({begin, begin + static_cast<std::ptrdiff_t>(step)}));
    const auto answer = read(impl_->get("/orphans" + query.take()), wire::read_orphans);
    if (!answer) return answer.error();
    for (const auto& orphan : *answer) found[orphan.tenant] = orphan;
    asked += step;
  } while (asked < candidates.size());
  std::vector<wire::Orphan> all;
  all.reserve(found.size());
  for (const auto& [id, orphan] : found) all.push_back(orphan);
  return all;
}

Call<void> Client::remove_orphan(TenantId tenant) {
  const auto answer = impl_->transport.send({"DELETE", "/orphans/" + tenant.to_string(), {}, {}});
  if (!answer) return answer.error();
  return {};
}

Call<MessageId> Client::publish(std::string_view tenant, const wire::PublishRequest& request,
                                std::string_view idempotency_key) {
  std::string body;
  wire::append_publish_request(body, request);
  HttpRequest post{"POST", tenant_path(tenant, "/messages"), std::move(body), kJson};
  add_key(post, idempotency_key);
  return read(impl_->transport.send(post), wire::read_published);
}

Call<std::vector<wire::PublishLine>> Client::publish_lines(std::string_view tenant, std::string ndjson,
                                                           std::string_view idempotency_key) {
  HttpRequest post{"POST", tenant_path(tenant, "/messages"), std::move(ndjson), kNdjson, kNdjson};
  add_key(post, idempotency_key);
  const auto answer = impl_->transport.send(post);
  if (!answer) return answer.error();
  std::vector<wire::PublishLine> lines;
  std::optional<Error> wrong;
  LineSplitter splitter(kMaxLineBytes);
  // The line end added here closes the last line if the server did not; an empty one says nothing.
  splitter.feed(answer->body + "\n", [&](std::string_view text) {
    if (text.empty()) return true;
    auto line = wire::read_publish_line(text);
    if (!line) {
      wrong = line.error();
      return false;
    }
    lines.push_back(std::move(*line));
    return true;
  });
  if (wrong) return not_understood(*wrong);
  return lines;
}

Call<FetchedPage> Client::messages(std::optional<std::string_view> tenant, const MessageQuery& query) {
  HttpRequest get{"GET", messages_path(tenant) + query_string(query), {}, {}};
  get.wait = std::chrono::seconds(query.wait.value_or(0));
  return fetch_page(impl_->transport.send(get));
}

Call<std::string> Client::message(std::string_view tenant, std::string_view id) {
  return fetch_json(impl_->get(tenant_path(tenant, "/messages/" + percent_encode(id))));
}

Call<void> Client::erase_message(std::string_view tenant, std::string_view id) {
  const auto answer = impl_->transport.send({"DELETE", tenant_path(tenant, "/messages/" + percent_encode(id)), {}, {}});
  if (!answer) return answer.error();
  return {};
}

Call<StreamEnd> Client::stream_messages(std::optional<std::string_view> tenant, const MessageQuery& query,
                                        const std::function<bool(std::string_view)>& line) {
  StreamEnd end;
  std::optional<Error> wrong;
  LineSplitter splitter(kMaxLineBytes);
  const auto take = [&](std::string_view text) {
    if (!wire::is_page_tail(text)) return line(text);
    auto tail = wire::read_page_tail(text);
    if (tail)
      end.tail = std::move(*tail);
    else
      wrong = tail.error();
    return static_cast<bool>(tail);
  };
  HttpRequest request{"GET", messages_path(tenant) + query_string(query), {}, {}, kNdjson};
  request.wait = std::chrono::seconds(query.wait.value_or(0));
  const auto received =
      impl_->transport.receive(request, [&](std::string_view bytes) { return splitter.feed(bytes, take); });
  if (!received) return received.error();
  if (wrong) return not_understood(*wrong);
  return end;
}

Call<FetchedPage> Client::dead_letters(std::string_view tenant, const wire::DeadLetterSelection& selection) {
  auto query = query_of(selection.filter);
  if (selection.cursor.value > 0) query.add("cursor", std::to_string(selection.cursor.value));
  if (selection.limit) query.add("limit", std::to_string(*selection.limit));
  return fetch_page(impl_->get(tenant_path(tenant, "/dead-letters") + query.take()));
}

Call<std::string> Client::dead_letter(std::string_view tenant, Sequence seq) {
  return fetch_json(impl_->get(letter_path(tenant, seq)));
}

Call<wire::ReplayReport> Client::replay(std::string_view tenant, const wire::ReplayRequest& request) {
  std::string body;
  wire::append_replay_request(body, request);
  return read(impl_->send_json("POST", tenant_path(tenant, "/dead-letters/replay"), std::move(body)),
              wire::read_replay_report);
}

Call<void> Client::delete_dead_letter(std::string_view tenant, Sequence seq) {
  const auto answer = impl_->transport.send({"DELETE", letter_path(tenant, seq), {}, {}});
  if (!answer) return answer.error();
  return {};
}

Call<wire::Purged> Client::purge_dead_letters(std::string_view tenant, const wire::DeadLetterSelection& selection,
                                              bool only_count) {
  auto query = query_of(selection.filter);
  if (selection.all) query.add("all", "true");
  if (selection.limit) query.add("limit", std::to_string(*selection.limit));
  if (only_count) query.add("dry_run", "true");
  return read(impl_->transport.send({"DELETE", tenant_path(tenant, "/dead-letters") + query.take(), {}, {}}),
              wire::read_purged);
}

Call<FetchedPage> Client::audit(const AuditQuery& query) {
  QueryString out;
  if (query.order == AuditOrder::newest_first) out.add("order", "desc");
  if (query.cursor) out.add("cursor", std::to_string(query.cursor->value));
  out.add("limit", std::to_string(query.limit));
  if (query.since) out.add("since", format_timestamp(*query.since));
  if (query.until) out.add("until", format_timestamp(*query.until));
  if (!query.subject.empty()) out.add("subject", query.subject);
  if (!query.tenant.empty()) out.add("tenant", query.tenant);
  if (!query.action.empty()) out.add("action", query.action);
  return fetch_page(impl_->get("/audit" + out.take()));
}

Call<std::vector<wire::Migration>> Client::migrations() {
  return read(impl_->get("/migrations"), wire::read_migrations);
}

Call<std::vector<wire::Migration>> Client::migrate(std::optional<std::int64_t> target) {
  std::string body;
  wire::append_migrate_request(body, target);
  return read(impl_->send_json("POST", "/migrations", std::move(body)), wire::read_migrations);
}

Call<wire::Status> Client::status() {
  return read(impl_->get("/status"), wire::read_status);
}

Call<wire::ActivityPage> Client::activity(const ActivityQuery& query) {
  return read(impl_->get("/activity" + query_string(query)), wire::read_activity_page);
}

}  // namespace mtmsg::client
