// Exactly once, whatever ends a run: the promise of --cursor-file, with a disk that fails at any step.

#include "cmd/export/incremental.hpp"

#include <algorithm>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cmd/export/row_head.hpp"
#include "fake_store.hpp"

namespace mtmsg::ctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Why = Incremental::Refused::Why;

constexpr auto kCursorFile = "/spool/acme.cursor";

class IncrementalTest : public testing::Test {
 protected:
  IncrementalTest() { source.kept[tenant_number(1)] = {"acme"}; }

  Incremental::Plan plan(const std::string& output = "/out/{first}-{last}") {
    Incremental::Plan made{kCursorFile, *OutputName::parse(output), {}, "acme"};
    made.time = Timestamp{} + std::chrono::hours(24 * 365) * 50;
    return made;
  }

  Incremental::Outcome run(Incremental::Plan planned) {
    gaps.clear();
    completed.clear();
    gone.clear();
    Incremental::Listener listener{[this](const Sealed& output) { completed.push_back(output.final_name); },
                                   [this](const Gap& gap) { gaps.push_back(gap); },
                                   [this](const Position& position) { gone.push_back(position.name); }, [] {},
                                   [this] { return interrupted; }};
    return Incremental(source, files, std::move(planned), std::move(listener)).run();
  }
  Incremental::Outcome run() { return run(plan()); }

  static const Incremental::Done& done(const Incremental::Outcome& outcome) {
    if (const auto* refused = std::get_if<Incremental::Refused>(&outcome)) throw std::runtime_error(refused->text);
    if (const auto* error = std::get_if<client::CallError>(&outcome)) throw std::runtime_error(error->error.message);
    return std::get<Incremental::Done>(outcome);
  }
  static Incremental::Refused refused(const Incremental::Outcome& outcome) {
    const auto* found = std::get_if<Incremental::Refused>(&outcome);
    return found != nullptr ? *found : Incremental::Refused{Why::unreadable, "NOT REFUSED"};
  }

  /// The outputs in order of their names, cursor file and its lock left out.
  std::vector<std::string> outputs() const {
    std::vector<std::string> names;
    for (const auto& [path, text] : files.files)
      if (path.starts_with("/out/")) names.push_back(path.substr(5));
    return names;
  }

  /// What a consumer that takes the outputs away has got so far.
  void pick_up() {
    for (const auto& name : outputs()) {
      if (name.starts_with('.')) continue;
      std::istringstream lines(files.files["/out/" + name]);
      for (std::string line; std::getline(lines, line);) {
        const auto head = read_row_head(line);
        delivered[head->tenant].push_back(head->seq);
      }
      files.files.erase("/out/" + name);
    }
  }

  std::string cursor_file() { return files.read(kCursorFile).value_or(""); }

  FakeFiles files;
  FakeSource source;
  std::vector<Gap> gaps;
  std::vector<std::string> completed, gone;
  std::map<TenantId, std::vector<std::int64_t>> delivered;
  bool interrupted = false;
};

std::vector<std::int64_t> one_to(std::int64_t last) {
  std::vector<std::int64_t> numbers;
  for (std::int64_t n = 1; n <= last; ++n) numbers.push_back(n);
  return numbers;
}

TEST_F(IncrementalTest, EachRunWritesWhatCameSinceTheLastOne) {
  source.kept[tenant_number(1)].last = 2;
  EXPECT_EQ(done(run()).output->messages, 2U);
  EXPECT_FALSE(done(run()).output);
  source.kept[tenant_number(1)].last = 5;
  EXPECT_EQ(done(run()).output->messages, 3U);
  EXPECT_THAT(outputs(), ElementsAre("000000000001-000000000002", "000000000003-000000000005"));
  EXPECT_EQ(files.files["/out/000000000003-000000000005"], row_text(tenant_number(1), 3) + "\n" +
                                                               row_text(tenant_number(1), 4) + "\n" +
                                                               row_text(tenant_number(1), 5) + "\n");
}

TEST_F(IncrementalTest, NoCrashRepeatsOrLosesAMessage) {
  for (unsigned seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto up_to = [&](int most) { return static_cast<int>(random() % static_cast<unsigned>(most + 1)); };
    files = {};
    source = {};
    delivered.clear();
    const bool all = seed % 2 == 1;
    for (unsigned n = 1; n <= (all ? 3U : 1U); ++n) source.kept[tenant_number(n)] = {n == 1 ? "acme" : "other"};
    for (int round = 0; round < 25; ++round) {
      for (auto& [id, kept] : source.kept) kept.last += up_to(4);
      source.cut_after = up_to(3) - 1;
      auto next = plan(all ? "/out/{time}-" + std::to_string(100 + round) : "/out/{first}-{last}");
      if (all) next.tenant.clear();
      if (up_to(3) > 0) files.crash_at(1 + up_to(12), up_to(1) == 1);
      try {
        run(std::move(next));
      } catch (const Crash&) {
      }
      files.restart();
      if (up_to(1) == 1) pick_up();
    }
    source.cut_after = -1;
    auto last = plan(all ? "/out/{time}-last" : "/out/{first}-{last}");
    if (all) last.tenant.clear();
    done(run(std::move(last)));
    EXPECT_TRUE(gaps.empty());
    pick_up();
    EXPECT_TRUE(outputs().empty()) << "left behind: " << outputs().front();
    for (const auto& [id, kept] : source.kept) EXPECT_EQ(delivered[id], one_to(kept.last));
  }
}

TEST_F(IncrementalTest, ACrashAtEachStepIsCompletedOrDiscardedByTheNextRun) {
  for (const bool after : {false, true}) {
    for (int step = 1; step <= 8; ++step) {
      files = {};
      source.kept[tenant_number(1)].last = 3;
      files.crash_at(step, after);
      bool crashed = false;
      try {
        run();
      } catch (const Crash&) {
        crashed = true;
      }
      files.restart();
      const bool was_sealed = cursor_file().find("\"sealed\"") != std::string::npos;
      done(run());
      EXPECT_THAT(outputs(), ElementsAre("000000000001-000000000003")) << step << after;
      EXPECT_EQ(completed.size(), crashed && was_sealed ? 1U : 0U) << step << after;
    }
  }
}

TEST_F(IncrementalTest, ASecondRunBesideTheFirstIsRefusedAndChangesNothing) {
  files.locked_elsewhere = true;
  source.kept[tenant_number(1)].last = 3;
  EXPECT_EQ(refused(run()).why, Why::busy);
  EXPECT_TRUE(files.files.empty());
}

TEST_F(IncrementalTest, AFileThatExistsIsNeverReplaced) {
  source.kept[tenant_number(1)].last = 3;
  files.files["/out/all"] = "mine";
  EXPECT_EQ(refused(run(plan("/out/all"))).why, Why::taken);
  files.files["/out/000000000001-000000000003"] = "mine, too";
  EXPECT_EQ(refused(run()).why, Why::taken);
  EXPECT_THAT(outputs(), ElementsAre("000000000001-000000000003", "all"));
  EXPECT_EQ(files.files["/out/000000000001-000000000003"], "mine, too");
  files.files.erase("/out/000000000001-000000000003");
  EXPECT_EQ(done(run()).output->messages, 3U);
}

TEST_F(IncrementalTest, AnOutputWhoseNameIsTakenAfterACrashWaitsUntilThatIsMovedAway) {
  source.kept[tenant_number(1)].last = 3;
  int step = 0;
  do {  // until the crash comes right after the seal
    files = {};
    files.crash_at(++step, true);
    EXPECT_THROW(run(), Crash);
    files.restart();
  } while (cursor_file().find("\"sealed\"") == std::string::npos);
  files.files["/out/000000000001-000000000003"] = "another's";
  EXPECT_EQ(refused(run()).why, Why::taken);
  EXPECT_EQ(refused(run()).why, Why::taken);
  EXPECT_EQ(files.files["/out/000000000001-000000000003"], "another's");
  files.files.erase("/out/000000000001-000000000003");
  done(run());
  EXPECT_THAT(completed, ElementsAre("/out/000000000001-000000000003"));
}

TEST_F(IncrementalTest, ARestoredDatabaseIsNotExportedFromUntilSomebodySaysSo) {
  source.kept[tenant_number(1)].last = 3;
  done(run());
  source.store_epoch = 2;
  source.kept[tenant_number(1)].last = 5;
  const auto before = files.files;
  const auto answer = refused(run());
  EXPECT_EQ(answer.why, Why::history);
  EXPECT_THAT(answer.text, HasSubstr("epoch 1, now 2"));
  EXPECT_EQ(files.files, before);
  auto accepting = plan();
  accepting.accepted_epoch = 3;
  EXPECT_EQ(refused(run(accepting)).why, Why::history);
  accepting.accepted_epoch = 2;
  accepting.cursor = 2;
  EXPECT_EQ(done(run(accepting)).output->messages, 3U);
  EXPECT_EQ(refused(run(accepting)).why, Why::usage) << "the same line again would export the same again";
  EXPECT_FALSE(done(run()).output);
}

TEST_F(IncrementalTest, ADatabaseThatIsRestoredDuringTheRunLeavesNoOutput) {
  source.kept[tenant_number(1)].last = 3;
  source.after_row = [&](std::int64_t) { source.store_epoch = 2; };
  EXPECT_EQ(refused(run()).why, Why::history);
  EXPECT_TRUE(outputs().empty());
}

TEST_F(IncrementalTest, WhatRetentionTookBeforeItWasExportedIsTold) {
  auto& kept = source.kept[tenant_number(1)];
  kept = {"acme", 6, 4};
  EXPECT_FALSE(done(run()).gaps) << "what was gone before the first run was never asked for";
  kept = {"acme", 12, 9};
  EXPECT_TRUE(done(run()).gaps);
  EXPECT_THAT(gaps, ElementsAre(Gap{tenant_number(1), 6, 9}));
  kept = {"acme", 20, 21};
  const auto empty = done(run());
  EXPECT_TRUE(empty.gaps);
  EXPECT_FALSE(empty.output);
  EXPECT_THAT(gaps, ElementsAre(Gap{tenant_number(1), 12, 21}));
  EXPECT_FALSE(done(run()).gaps) << "told once";
}

TEST_F(IncrementalTest, WhatRetentionTakesDuringTheRunIsTold) {
  auto& kept = source.kept[tenant_number(1)];
  kept.last = 9;
  source.after_row = [&](std::int64_t seq) {
    if (seq == 2) kept.oldest = 6;
  };
  EXPECT_TRUE(done(run()).gaps);
  EXPECT_THAT(gaps, ElementsAre(Gap{tenant_number(1), 2, 6}));
}

TEST_F(IncrementalTest, AGapIsToldEvenIfTheRunThatFoundItWasKilled) {
  auto& kept = source.kept[tenant_number(1)];
  kept.last = 2;
  done(run());
  kept = {"acme", 9, 6};
  const auto before = files;
  for (int step = 1; step <= 6; ++step) {
    files = before;
    files.crash_at(step, true);
    EXPECT_THROW(run(), Crash);
    files.restart();
    EXPECT_TRUE(done(run()).gaps || cursor_file().find("\"after\":9") != std::string::npos) << step;
    if (step < 6) {
      EXPECT_THAT(gaps, ElementsAre(Gap{tenant_number(1), 2, 6})) << step;
    }
  }
}

TEST_F(IncrementalTest, ATenantMadeAgainUnderTheSameNameIsNotTakenForTheOldOne) {
  source.kept[tenant_number(1)].last = 3;
  done(run());
  source.kept = {{tenant_number(2), {"acme", 8}}};
  EXPECT_EQ(refused(run()).why, Why::history);
}

TEST_F(IncrementalTest, AllTenantsHaveACursorEachAndComeAndGo) {
  auto all = plan("/out/{time}");
  all.tenant.clear();
  source.kept = {{tenant_number(1), {"acme", 2}}, {tenant_number(2), {"beta", 1}}};
  EXPECT_EQ(done(run(all)).output->messages, 3U);
  pick_up();
  source.kept.erase(tenant_number(1));
  source.kept[tenant_number(3)] = {"new", 4};
  source.kept[tenant_number(2)].last = 2;
  EXPECT_EQ(done(run(all)).output->messages, 5U);
  EXPECT_THAT(gone, ElementsAre("acme"));
  pick_up();
  EXPECT_EQ(delivered[tenant_number(2)], one_to(2));
  EXPECT_EQ(delivered[tenant_number(3)], one_to(4));
  EXPECT_EQ(refused(run()).why, Why::usage) << "a cursor file of all tenants is none of one tenant";
}

TEST_F(IncrementalTest, AnInterruptedRunLeavesEverythingAsItWas) {
  source.kept[tenant_number(1)].last = 1;
  done(run());
  const auto before = files.files;
  source.kept[tenant_number(1)].last = 9;
  source.after_row = [&](std::int64_t seq) { interrupted = seq == 5; };
  EXPECT_EQ(refused(run()).why, Why::interrupted);
  EXPECT_EQ(files.files, before);
}

TEST_F(IncrementalTest, AnotherSinceOrACursorBesideTheFileIsRefused) {
  source.kept[tenant_number(1)].last = 3;
  auto first = plan();
  first.cursor = 1;
  EXPECT_EQ(done(run(first)).output->messages, 2U);
  EXPECT_EQ(refused(run(first)).why, Why::usage);
  auto other = plan();
  other.since = "2026-01-31T00:00:00Z";
  EXPECT_EQ(refused(run(other)).why, Why::usage);
}

TEST_F(IncrementalTest, AFileThatIsNoJournalIsNotTouched) {
  files.files[kCursorFile] = "42\n";
  EXPECT_EQ(refused(run()).why, Why::unreadable);
  EXPECT_EQ(cursor_file(), "42\n");
}

}  // namespace
}  // namespace mtmsg::ctl
