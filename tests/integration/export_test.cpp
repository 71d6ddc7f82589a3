// `mtmsgctl message dump` against a real daemon: formats, files, and cursor files that a kill -9 can't confuse.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pqxx/pqxx>
#include <sys/file.h>
#include <sys/stat.h>

#include "support/world.hpp"

namespace mtmsg::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// "number|id|payload" of an exported line.
std::string digest_of(const std::string& line) {
  const auto value = [&](const std::string& begin, const std::string& end) {
    const auto at = line.find(begin) + begin.size();
    return line.substr(at, line.find(end, at) - at);
  };
  return value("{\"seq\":", ",") + "|" + value("\"id\":\"", "\"") + "|" + value("\"payload\":", ",\"headers\":");
}

class Export : public testing::Test {
 protected:
  Export() : folder(world.folder() + "/export") {
    fs::create_directory(folder);
    world.start_daemon();
    tenant = world.create_tenant("acme");
  }

  /// As a writer does: under the counter's lock, in one transaction.
  void store(std::size_t count) const { store(tenant, count); }
  void store(const Tenant& to, std::size_t count) const {
    const auto n = std::to_string(count);
    world.sql("with moved as (update tenant_counters set last_seq = last_seq + " + n +
              ", last_created_at = clock_timestamp() where tenant_id = '" + to.id.to_string() +
              "' returning tenant_id, last_seq - " + n +
              " as before), added as (insert into messages (tenant_id, seq, id, payload, headers, created_at) "
              "select tenant_id, before + n, gen_random_uuid(), jsonb_build_object('n', before + n, 'text', "
              "repeat('x', 150)), '{}', clock_timestamp() from moved, generate_series(1, " +
              n + ") n returning 1) select count(*) from added");
  }

  std::vector<std::string> line(std::vector<std::string> more) const {
    more.insert(more.begin(), {mtmsgctl_path(), "--endpoint", world.endpoint(), "message", "dump"});
    return more;
  }
  Finished dump(std::vector<std::string> more) const { return run(line(std::move(more))); }
  /// With a shell's words around the command.
  Finished shell(const std::string& before, const std::string& arguments, const std::string& after = "") const {
    return run({"bash", "-c",
                "set -o pipefail; " + before + " " + mtmsgctl_path() + " --endpoint " + world.endpoint() +
                    " message dump " + arguments + " " + after});
  }

  std::string path(const std::string& name) const { return folder + "/" + name; }
  std::vector<std::string> incremental() const {
    return line({"acme", "--cursor-file", path("cursor"), "--output", path("{first}-{last}")});
  }
  /// Names of the outputs and whatever else is there, but for the cursor file and its lock.
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder))
      if (const auto name = entry.path().filename().string(); !name.starts_with("cursor")) found.push_back(name);
    std::ranges::sort(found);
    return found;
  }
  std::string exported() const {
    std::string all;
    for (const auto& name : names()) {
      std::istringstream lines(content(path(name)));
      for (std::string text; std::getline(lines, text);) all += digest_of(text) + "\n";
    }
    return all;
  }
  std::string stored() const {
    return world.sql(
        "select coalesce(string_agg(seq || '|' || id || '|' || payload::text || E'\\n', '' order by seq), '') "
        "from messages");
  }

  World world;
  std::string folder;
  Tenant tenant;
};

TEST_F(Export, FormatsAndCompressionsHoldTheSameMessages) {
  store(3000);
  const auto plain = dump({"acme", "--output", path("plain"), "--summary", path("cursor.summary")});
  ASSERT_EQ(plain.exit_code, 0) << plain.err;
  EXPECT_TRUE(exported() == stored());
  EXPECT_EQ(shell("", "acme --compress zstd", "| zstd -dc").out, content(path("plain")));
  EXPECT_EQ(shell("", "acme --compress gzip", "| gunzip -c").out, content(path("plain")));
  const auto sum = run({"sha256sum", path("plain")}).out.substr(0, 64);
  EXPECT_THAT(plain.err, HasSubstr(sum));
  EXPECT_THAT(content(path("cursor.summary")), HasSubstr("\"messages\":3000,"));
  EXPECT_THAT(content(path("cursor.summary")), HasSubstr(sum));
  EXPECT_EQ(shell("", "acme -o json", "| python3 -c 'import json,sys; print(len(json.load(sys.stdin)))'").out,
            "3000\n");
  EXPECT_EQ(shell("", "acme -o csv",
                  "| python3 -c 'import csv,json,sys; rows = list(csv.DictReader(sys.stdin)); "
                  "print(len(rows), sum(json.loads(r[\"payload\"])[\"n\"] == int(r[\"seq\"]) for r in rows))'")
                .out,
            "3000 3000\n");
}

TEST_F(Export, AllTenantsAreExportedOneAfterTheOther) {
  const auto other = world.create_tenant("other");
  store(700);
  store(other, 600);
  EXPECT_EQ(shell("", "--all-tenants", "| sort -u | wc -l").out, "1300\n");
  const auto first = dump({"--all-tenants", "--cursor-file", path("cursor"), "--output", path("1-{time}")});
  EXPECT_EQ(first.exit_code, 0) << first.err;
  store(5);
  store(other, 6);
  const auto second = dump({"--all-tenants", "--cursor-file", path("cursor"), "--output", path("2-{time}")});
  EXPECT_THAT(second.err, HasSubstr("dumped 11 messages"));
  const auto third = dump({"--all-tenants", "--cursor-file", path("cursor"), "--output", path("3-{time}")});
  EXPECT_THAT(third.err, HasSubstr("no new messages"));
  EXPECT_EQ(names().size(), 2U);
}

TEST_F(Export, KilledAtAnyMomentItRepeatsAndLosesNothing) {
  const char* asked = std::getenv("MTMSG_EXPORT_KILLS");
  const int wanted = asked != nullptr ? std::stoi(asked) : 8;
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  store(5000);
  std::atomic<bool> over = false;
  std::thread arriving([&] {
    while (!over) {
      store(100);
      short_pause();
    }
  });
  int killed = 0;
  // A little longer than a whole run takes, so that kills fall on all of it and some runs end well.
  auto longest = std::chrono::microseconds(100'000);
  for (int runs = 0; killed < wanted && runs < wanted * 20; ++runs) {
    const auto begin = std::chrono::steady_clock::now();
    Process process(incremental(), {}, world.folder() + "/export.log");
    const auto moment = std::chrono::microseconds(random() % static_cast<unsigned>(longest.count()));
    const bool let_go = runs % 4 == 0;
    if (!let_go) std::this_thread::sleep_for(moment);
    if (!let_go && process.running()) {
      process.signal(SIGKILL);
      ++killed;
    }
    if (!process.wait(std::chrono::seconds(60))) ADD_FAILURE() << "it does not end";
    if (let_go)
      longest = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin) * 5 / 4;
  }
  over = true;
  arriving.join();
  EXPECT_EQ(killed, wanted);
  const auto last = run(incremental());
  EXPECT_EQ(last.exit_code, 0) << last.err;
  for (const auto& name : names()) EXPECT_FALSE(name.starts_with('.')) << name << " was left";
  EXPECT_TRUE(exported() == stored());
  std::printf("%d kills, %zu outputs, %lld messages\n", killed, names().size(), static_cast<long long>(world.stored()));
}

TEST_F(Export, ASecondRunWithTheSameCursorFileIsToldSo) {
  store(10);
  const int held = ::open(path("cursor.lock").c_str(), O_RDWR | O_CREAT, 0600);
  ASSERT_EQ(::flock(held, LOCK_EX), 0);
  const auto refused = run(incremental());
  EXPECT_EQ(refused.exit_code, 5);
  EXPECT_THAT(refused.err, HasSubstr("another run has the cursor file"));
  EXPECT_TRUE(names().empty());
  ::close(held);
  EXPECT_EQ(run(incremental()).exit_code, 0);
}

TEST_F(Export, PipesAreNoPlaceForAnIncrementalExport) {
  store(10);
  const auto cursor = "--cursor-file " + path("cursor");
  EXPECT_EQ(shell("", "acme " + cursor, "| cat").exit_code, 2);
  EXPECT_EQ(shell("", "acme " + cursor + " --output /dev/stdout", "| cat").exit_code, 2);
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(shell("", "acme " + cursor + " --output " + path("fifo")).exit_code, 2);
  EXPECT_FALSE(fs::exists(path("cursor")));
}

TEST_F(Export, AFullDiskLeavesNothingAndTheNextRunHasItAll) {
  store(3000);
  const auto cursor = " --cursor-file " + path("cursor") + " --output " + path("'{first}-{last}'");
  for (const auto& arguments : {std::string("acme --output ") + path("whole"), "acme" + cursor}) {
    const auto full = shell("ulimit -f 100; ", arguments);
    EXPECT_EQ(full.exit_code, 1);
    EXPECT_THAT(full.err, HasSubstr("cannot write "));
    EXPECT_TRUE(names().empty()) << names().front();
  }
  EXPECT_EQ(run(incremental()).exit_code, 0);
  EXPECT_TRUE(exported() == stored());
}

TEST_F(Export, AReaderThatHasSeenEnoughEndsItQuietly) {
  store(20'000);
  const auto ended = shell("", "acme", "| head -n 1");
  EXPECT_EQ(ended.exit_code, 141);
  EXPECT_EQ(ended.err, "");
}

TEST_F(Export, ToAFileItIsEndedBySignalsWithoutATrace) {
  store(50'000);
  Process process(line({"acme", "--compress", "gzip", "--output", path("out")}), {}, world.folder() + "/export.log");
  ASSERT_TRUE(eventually([&] { return !names().empty(); }));
  process.signal(SIGINT);
  EXPECT_EQ(process.wait(std::chrono::seconds(20)), 130) << process.output();
  EXPECT_TRUE(names().empty());
}

TEST_F(Export, FollowingGoesOnAcrossARestartAndEndsCleanly) {
  store(10);
  Process process(line({"acme", "--follow"}), {}, world.folder() + "/follow.log");
  const auto lines = [&] {
    const auto text = process.output();
    return static_cast<int>(std::count(text.begin(), text.end(), '{')) / 3;
  };
  const auto shows = [&](int n) {
    return eventually(
        [&] { return process.output().find("{\"seq\":" + std::to_string(n) + ",") != std::string::npos; });
  };
  EXPECT_TRUE(shows(10)) << process.output();
  store(10);
  EXPECT_TRUE(shows(20)) << process.output();
  world.stop_daemon();
  EXPECT_TRUE(eventually([&] { return process.output().find("waiting until it is back") != std::string::npos; }));
  world.start_daemon();
  store(10);
  EXPECT_TRUE(shows(30)) << process.output();
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(std::chrono::seconds(20)), 0) << process.output();
  EXPECT_THAT(process.output(), HasSubstr("dumped 30 messages; next cursor: 30"));
  EXPECT_EQ(lines(), 30);
}

TEST_F(Export, FollowingWaitsAtTheDaemonInsteadOfAskingAgainAndAgain) {
  world.stop_daemon();
  world.set("MTMSG_LOG_LEVEL", "debug");
  world.start_daemon();
  Process process(line({"acme", "--follow"}), {}, world.folder() + "/follow.log");
  const auto requests = [&] { return world.logged("request", "method=GET route=/tenants/{t}/messages "); };
  ASSERT_TRUE(eventually([&] { return requests() == 1; })) << world.log();
  std::this_thread::sleep_for(std::chrono::seconds(3));  // several looks, if it looked
  EXPECT_EQ(requests(), 1U) << world.log();
  wire::PublishRequest message;
  message.payload = "{}";
  ASSERT_TRUE(world.client().publish("acme", message).has_value());
  ASSERT_TRUE(eventually([&] { return process.output().find("{\"seq\":1,") != std::string::npos; }));
  EXPECT_EQ(requests(), 2U) << world.log();
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(std::chrono::seconds(20)), 0) << process.output();
}

TEST_F(Export, TailShowsTheLastOnesAndGoesOnAsTheyCome) {
  store(30);
  const auto tail = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {mtmsgctl_path(), "--endpoint", world.endpoint(), "message", "tail", "acme"});
    return more;
  };
  const auto last = run(tail({"-n", "3"}));
  EXPECT_EQ(last.exit_code, 0) << last.err;
  EXPECT_EQ(std::count(last.out.begin(), last.out.end(), '\n'), 4);
  EXPECT_THAT(last.out, HasSubstr("    28  "));
  Process process(tail({"-n", "2", "-f", "-o", "ndjson"}), {}, world.folder() + "/tail.log");
  const auto shows = [&](int n) {
    return eventually(
        [&] { return process.output().find("{\"seq\":" + std::to_string(n) + ",") != std::string::npos; });
  };
  EXPECT_TRUE(shows(30)) << process.output();
  EXPECT_EQ(process.output().find("{\"seq\":28,"), std::string::npos);
  wire::PublishRequest message;
  message.payload = "{}";
  ASSERT_TRUE(world.client().publish("acme", message).has_value());
  EXPECT_TRUE(shows(31)) << process.output();
  process.signal(SIGINT);
  EXPECT_EQ(process.wait(std::chrono::seconds(20)), 0) << process.output();
}

TEST_F(Export, WhatIsMissingAndWhatWasRestoredIsExitSix) {
  store(3000);
  EXPECT_EQ(run(incremental()).exit_code, 0);
  store(2000);
  world.sql(
      "with gone as (delete from messages where seq <= 3100 returning 1), moved as (update tenant_counters set "
      "oldest_seq = 3101 returning 1) select count(*) from gone, (select 1 from moved) m");
  const auto missing = run(incremental());
  EXPECT_EQ(missing.exit_code, 6);
  EXPECT_THAT(missing.err, HasSubstr("100 messages of tenant " + tenant.id.to_string() + " after number 3000"));
  EXPECT_THAT(missing.err, HasSubstr("dumped 1,900 messages"));
  // The stream's last line says it too, though only its first page was cut short.
  client::MessageQuery query;
  query.cursor = "3000";
  const auto end = world.client().stream_messages("acme", query, [](std::string_view) { return true; });
  EXPECT_TRUE(end->tail->truncated);

  world.sql("update store_epoch set epoch = epoch + 1 returning epoch");
  store(7);
  const auto restored = run(incremental());
  EXPECT_EQ(restored.exit_code, 6);
  EXPECT_THAT(restored.err, HasSubstr("--accept-epoch"));
  auto accepting = incremental();
  accepting.insert(accepting.end(), {"--accept-epoch", "2"});
  const auto accepted = run(accepting);
  EXPECT_EQ(accepted.exit_code, 0) << accepted.err;
  EXPECT_THAT(accepted.err, HasSubstr("dumped 7 messages"));
}

}  // namespace
}  // namespace mtmsg::test
