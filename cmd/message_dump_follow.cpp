#include <algorithm>

#include "cmd/export/interruption.hpp"
#include "cmd/message_dump.hpp"

namespace mtmsg::ctl {
namespace {

constexpr std::chrono::milliseconds kPoll{1000};

/// Each tenant with a cursor of its own: a walk over all of them does not come back to one it has left.
class Following {
 public:
  Following(Context& context, const DumpOptions& options, Encoding encoding)
      : context_(context),
        options_(options),
        source_(daemon_source(context.client())),
        output_(encoding, context.around().out),
        interruption_([this] { context_.client().interrupt(); }) {
    if (!options.all_tenants) tenants_.push_back({options.tenant, options.query.cursor, !options.query.cursor.empty()});
  }

  ExitCode run() {
    while (!interruption_.requested()) {
      if (auto went = round(); !went && !interruption_.requested()) {
        if (const auto code = failed(went.error())) return *code;
      } else if (went) {
        away_ = false;
        connected_ = true;
      }
      if (ended_) return *ended_;
      if (!interruption_.sleep(kPoll)) break;
    }
    return finished();
  }

 private:
  struct Followed {
    std::string tenant;
    std::string cursor;
    bool follows_on = false;
  };

  client::Call<void> round() {
    if (options_.all_tenants)
      if (auto looked = look_for_tenants(); !looked) return looked.error();
    for (auto& tenant : tenants_) {
      if (auto went = walk(tenant); !went) return went.error();
      if (ended_) break;
    }
    output_.flush();
    return {};
  }

  client::Call<void> look_for_tenants() {
    auto now = source_->tenants();
    if (!now) return now.error();
    std::vector<Followed> all;
    for (const auto& tenant : *now) {
      const auto id = tenant.id.to_string();
      const auto known = std::ranges::find(tenants_, id, &Followed::tenant);
      all.push_back(known != tenants_.end() ? *known : Followed{id, "", connected_});
    }
    tenants_ = std::move(all);
    return {};
  }

  client::Call<void> walk(Followed& followed) {
    Walk::Plan plan{followed.tenant, options_.query, followed.follows_on};
    plan.query.cursor = followed.cursor;
    if (!followed.cursor.empty() && followed.follows_on) plan.query.since.reset();
    Walk walk(*source_, std::move(plan), listener());
    auto end = walk.run();
    followed.cursor = walk.cursor();
    followed.follows_on |= walk.rows() > 0;
    if (disorder_) return client::CallError{client::CallError::Cause::answer, *disorder_};
    if (!end && end.error().error.code == ErrorCode::not_found && options_.all_tenants) return {};
    if (!end) return end.error();
    if (!end->stopped) see_epoch(end->tail.epoch);
    return {};
  }

  Walk::Listener listener() {
    return {[this](std::string_view row, const RowHead&) {
              if (interruption_.requested()) return false;
              if (auto added = output_.add(row); !added) disorder_ = added.error();
              output_.flush();
              return !disorder_;
            },
            [this](const Gap& gap) {
              report_gap(context_, gap);
              gaps_ = true;
            },
            [this] { return interruption_.requested(); }};
  }

  void see_epoch(std::int64_t epoch) {
    if (epoch_ == 0) epoch_ = epoch;
    if (epoch == epoch_) return;
    context_.complain("the database was restored, or lost commits in a failover (epoch " + std::to_string(epoch_) +
                      ", now " + std::to_string(epoch) + "): numbers that were shown may be other messages now");
    ended_ = ExitCode::history;
  }

  /// A daemon that goes away is waited for, once it was there.
  std::optional<ExitCode> failed(const client::CallError& error) {
    output_.flush();
    const bool passing = error.cause == client::CallError::Cause::unreachable ||
                         error.error.code == ErrorCode::database_unavailable || error.error.code == ErrorCode::stopping;
    if (!connected_ || !passing || disorder_) return context_.failed(error);
    if (!away_) context_.note(error.error.message + "; waiting until it is back");
    away_ = true;
    return std::nullopt;
  }

  ExitCode finished() {
    const auto total = output_.finish();
    auto text = "dumped " + counted(total.messages, "message");
    if (!options_.all_tenants)
      text += "; next cursor: " + (tenants_.front().cursor.empty() ? "0" : tenants_.front().cursor);
    context_.note(text);
    if (!options_.summary.empty()) {
      Summary summary;
      summary.messages = total.messages;
      summary.bytes = total.bytes;
      summary.sha256 = total.sha256;
      summary.epoch = epoch_;
      if (!options_.all_tenants) summary.next_cursor = tenants_.front().cursor;
      write_summary(*system_files(), options_, summary);
    }
    return gaps_ ? ExitCode::history : ExitCode::done;
  }

  Context& context_;
  const DumpOptions& options_;
  std::unique_ptr<Source> source_;
  Output output_;
  Interruption interruption_;
  std::vector<Followed> tenants_;
  std::int64_t epoch_ = 0;
  bool gaps_ = false;
  bool away_ = false;
  bool connected_ = false;
  std::optional<Error> disorder_;
  std::optional<ExitCode> ended_;
};

}  // namespace

ExitCode dump_following(Context& context, const DumpOptions& options, Encoding encoding) {
  return Following(context, options, encoding).run();
}

}  // namespace mtmsg::ctl
