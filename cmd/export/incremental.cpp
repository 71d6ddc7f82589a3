#include "cmd/export/incremental.hpp"

#include <algorithm>

#include "cmd/export/walk.hpp"

namespace mtmsg::ctl {
namespace {

using Why = Incremental::Refused::Why;

}  // namespace

Incremental::Incremental(Source& source, Files& files, Plan plan, Listener listener)
    : source_(source), files_(files), plan_(std::move(plan)), listener_(std::move(listener)) {}

void Incremental::refuse(Refused::Why why, std::string text) {
  throw Ended{Refused{why, std::move(text)}};
}

template <class T>
T Incremental::need(client::Call<T> call) {
  if (!call) throw Ended{call.error()};
  return std::move(*call);
}

Incremental::Outcome Incremental::run() {
  try {
    load();
    recover();
    check_plan();
    choose_tenants();
    check_epoch();
    check_begin();
    for (auto& position : positions_) walk(position);
    return finish();
  } catch (Ended& ended) {
    drop_output();
    return std::move(ended.outcome);
  } catch (...) {
    drop_output();
    throw;
  }
}

void Incremental::load() {
  lock_ = files_.try_lock(plan_.cursor_file + ".lock");
  if (!lock_) refuse(Why::busy, "another run has the cursor file " + plan_.cursor_file);
  const auto text = files_.read(plan_.cursor_file);
  if (!text) return;
  auto journal = read_journal(*text);
  if (!journal)
    refuse(Why::unreadable, plan_.cursor_file + " is no cursor file of mtmsgctl: " + journal.error().message);
  journal_ = std::move(*journal);
}

void Incremental::recover() {
  const auto there = [&](const std::string& path) { return files_.look(path) != Files::Kind::none; };
  const auto& left = journal_.sealed;
  switch (recovery_of(journal_, left && there(left->temporary), left && there(left->final_name))) {
    case Recovery::nothing:
      return;
    case Recovery::discard:
      files_.remove(journal_.writing);
      return store(abandoned(journal_));
    case Recovery::publish:
      return finish_sealed(true);
    case Recovery::settle:
      return finish_sealed(false);
    case Recovery::conflict:
      refuse(Why::taken, "an earlier run ended before its output had its name, and now there is another file " +
                             left->final_name + "; move that away");
  }
}

void Incremental::finish_sealed(bool publish) {
  const auto output = *journal_.sealed;
  if (publish && !files_.publish(output.temporary, output.final_name))
    refuse(Why::taken, "there is a file " + output.final_name + " already; move it away");
  // Told before it is forgotten: a crash in between tells it twice, and never not at all.
  for (const auto& gap : output.gaps) listener_.gap(gap);
  earlier_gaps_ = !output.gaps.empty();
  listener_.completed(output);
  store(settled(journal_));
}

void Incremental::check_plan() {
  // Also when the first run was killed, or found no tenant.
  first_run_ = journal_.epoch == 0;
  if (first_run_) {
    journal_.all_tenants = plan_.tenant.empty();
    journal_.since = plan_.since.value_or("");
    return;
  }
  const auto name = "the cursor file " + plan_.cursor_file;
  if (journal_.all_tenants != plan_.tenant.empty())
    refuse(Why::usage, name + (journal_.all_tenants ? " is of all tenants" : " is of one tenant"));
  if (journal_.since != plan_.since.value_or(""))
    refuse(Why::usage, name + " was begun " +
                           (journal_.since.empty() ? "without --since" : "with --since " + journal_.since) +
                           "; with another one messages would be left out");
}

void Incremental::choose_tenants() {
  auto tenants = plan_.tenant.empty() ? need(source_.tenants()) : std::vector{need(source_.tenant(plan_.tenant))};
  for (auto& tenant : tenants) {
    const auto* known = journal_.find(tenant.id);
    positions_.push_back({tenant.id, std::move(tenant.name), known != nullptr ? known->after : 0});
  }
  for (const auto& old : journal_.positions) {
    if (std::ranges::find(positions_, old.tenant, &Position::tenant) != positions_.end()) continue;
    if (!journal_.all_tenants)
      refuse(Why::history, "tenant " + plan_.tenant + " is not the one that was exported before, which had the id " +
                               old.tenant.to_string() + "; begin a new cursor file");
    listener_.gone(old);
  }
}

void Incremental::check_epoch() {
  if (positions_.empty()) return;
  epoch_ = need(source_.epoch(positions_.front().tenant));
  if (first_run_ || journal_.epoch == epoch_ || plan_.accepted_epoch == epoch_) return;
  refuse(Why::history, "the database was restored, or lost commits in a failover, since the last run (epoch " +
                           std::to_string(journal_.epoch) + ", now " + std::to_string(epoch_) +
                           "): numbers that were exported may be other messages now");
}

void Incremental::check_begin() {
  if (plan_.cursor) {
    if (!first_run_ && journal_.epoch == epoch_)
      refuse(Why::usage,
             "the cursor file " + plan_.cursor_file + " says where to go on; --cursor is for the first run");
    for (auto& position : positions_) position.after = *plan_.cursor;
  }
  if (!plan_.output.is_fixed() || positions_.empty()) return;
  const auto name = output_name();
  if (files_.look(name) != Files::Kind::none)
    refuse(Why::taken, "there is a file " + name + " already; move it away, or give each run a name of its own: " +
                           "{first}-{last} or {time} in --output");
}

std::string Incremental::output_name() const {
  const auto& tenant = plan_.tenant.empty() ? plan_.tenant : positions_.front().name;
  return plan_.output.with({tenant, first_, last_, plan_.time});
}

/// It only ever rises: the same before and after means the same all the time.
void Incremental::see_epoch(std::int64_t epoch) const {
  if (epoch != epoch_)
    refuse(Why::history, "the database was restored, or lost commits in a failover, during this run (epoch " +
                             std::to_string(epoch_) + ", now " + std::to_string(epoch) + ")");
}

void Incremental::walk(Position& position) {
  Walk::Plan plan{position.tenant.to_string(), {}, !first_run_ || plan_.cursor};
  plan.query.cursor = std::to_string(position.after);
  plan.query.until = plan_.until;
  // It says where to begin. Times never go down as numbers go up, so from then on the cursor says more.
  if (position.after == 0) plan.query.since = plan_.since;
  Walk walk(source_, std::move(plan),
            {[&](std::string_view row, const RowHead& head) {
               if (listener_.interrupted()) return false;
               if (!output_) {
                 begin_output();
                 first_ = head.seq;
               }
               take(row);
               last_ = head.seq;
               return true;
             },
             [&](const Gap& gap) {
               gaps_.push_back({position.tenant, gap.after, gap.before});
               listener_.gap(gaps_.back());
             },
             listener_.interrupted});
  auto end = walk.run();
  const bool deleted = !end && end.error().error.code == ErrorCode::not_found && plan_.tenant.empty();
  if (!deleted) {
    const auto ended = need(std::move(end));
    if (ended.stopped || listener_.interrupted()) refuse(Why::interrupted, "interrupted; nothing was exported");
    see_epoch(ended.tail.epoch);
  }
  position.after = std::max<std::int64_t>(position.after, std::stoll(walk.cursor()));
}

void Incremental::take(std::string_view row) {
  if (auto added = output_->add(row); !added)
    throw Ended{client::CallError{client::CallError::Cause::answer, added.error()}};
  listener_.row();
}

void Incremental::begin_output() {
  store(begun(journal_, temporary_name(plan_.output.folder())));
  file_ = files_.create(journal_.writing);
  output_ = std::make_unique<Output>(plan_.encoding, *file_);
}

void Incremental::drop_output() noexcept {
  if (journal_.writing.empty()) return;
  try {
    output_.reset();
    file_.reset();
    files_.remove(journal_.writing);
    store(abandoned(journal_));
  } catch (...) {  // why the run ends is known already, and the next run does this
    return;
  }
}

Incremental::Done Incremental::finish() {
  Done done{std::nullopt, positions_, epoch_, earlier_gaps_ || !gaps_.empty()};
  if (!output_) {
    auto next = journal_;
    next.positions = positions_;
    if (epoch_ != 0) next.epoch = epoch_;
    if (first_run_ || !(next == journal_)) store(std::move(next));
    return done;
  }
  const auto total = output_->finish();
  file_->sync();
  output_.reset();
  file_.reset();
  const auto name = output_name();
  if (files_.look(name) != Files::Kind::none) refuse(Why::taken, "there is a file " + name + " already; move it away");
  const Sealed output{journal_.writing, name, total.messages, total.bytes, total.sha256, epoch_, positions_, gaps_};
  store(sealed(journal_, output));
  if (!files_.publish(output.temporary, output.final_name))
    refuse(Why::taken, "there is a file " + name + " now; move it away, the next run gives the output its name");
  store(settled(journal_));
  done.output = output;
  return done;
}

void Incremental::store(Journal journal) {
  files_.replace(plan_.cursor_file, journal_text(journal));
  journal_ = std::move(journal);
}

}  // namespace mtmsg::ctl
