// Tokens on a real daemon's TCP port: who may do what, and keys that change while it works.

#include <atomic>
#include <filesystem>
#include <iostream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <signal.h>

#include "auth/key.hpp"
#include "support/keys.hpp"
#include "support/permission_matrix.hpp"
#include "support/world.hpp"
#include "wire/problem.hpp"

namespace mtmsg::test {
namespace {

using testing::HasSubstr;

auth::Seconds now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

/// A daemon with a directory of keys.
class Tokens : public testing::Test {
 protected:
  Tokens() {
    std::filesystem::create_directory(keys_);
    add_secret("k1", 'a');
    world_.set("MTMSG_AUTH_KEYS_DIR", keys_);
    world_.start_daemon();
    mine_ = world_.create_tenant("acme").id;
    other_ = world_.create_tenant("other").id;
  }

  std::string path(const std::string& name) const { return keys_ + '/' + name; }
  auth::Key add_secret(const std::string& id, char c) const {
    write_key_file(path(id + ".HS256.key"), std::string(64, c));
    return auth::load_key(path(id + ".HS256.key")).value();
  }
  auth::Key add_pair(const std::string& id) const {
    const auto pair = make_ec_key("prime256v1");
    write_key_file(path(id + ".ES256.pem"), pair.public_pem);
    auto key = auth::load_key(path(id + ".ES256.pem")).value();
    key.sign_with = pair.private_pem;
    return key;
  }
  std::string token(Caller caller, const auth::Key& key) const {
    return token_for(caller, key, mine_, other_, now()).value_or("");
  }
  bool reload_logs(const std::string& event, const std::string& text) {
    const auto before = world_.logged(event, text);
    world_.daemon().signal(SIGHUP);
    return eventually([&] { return world_.logged(event, text) > before; });
  }
  std::unique_ptr<httplib::Client> client(const std::string& token) const {
    auto made = std::make_unique<httplib::Client>("127.0.0.1", world_.port());
    if (!token.empty()) made->set_default_headers({{"Authorization", "Bearer " + token}});
    made->set_keep_alive(true);
    made->set_read_timeout(30);
    return made;
  }
  std::unique_ptr<httplib::Client> client(Caller caller, const auth::Key& key) const {
    if (caller != Caller::unix_peer) return client(token(caller, key));
    auto made = std::make_unique<httplib::Client>((world_.folder() + "/mtmsgd.sock").c_str());
    made->set_address_family(AF_UNIX);
    return made;
  }
  int status(const std::string& token, const std::string& target = "/tenants/acme/messages") const {
    const auto answer = client(token)->Get(target.c_str());
    return answer ? answer->status : 0;
  }

  World world_;
  const std::string keys_ = world_.folder() + "/keys";
  TenantId mine_;
  TenantId other_;
};

httplib::Result ask(httplib::Client& client, const http::Route& route, const std::string& target) {
  const auto* path = target.c_str();
  if (route.method == "GET") return client.Get(path);
  if (route.method == "DELETE") return client.Delete(path);
  if (route.method == "PUT") return client.Put(path, "", "application/json");
  if (route.method == "PATCH") return client.Patch(path, "", "application/json");
  return client.Post(path, "", "application/json");
}

TEST_F(Tokens, LetInOverTcpWhomTheWrittenMatrixLetsIn) {
  const auto matrix = written_matrix();
  const auto key = auth::load_key(path("k1.HS256.key")).value();
  const std::map<std::string, std::string> parts{
      {"{t}", "acme"}, {"{seq}", "1"}, {"{id}", "0190d3c4-5a6b-7c8d-9e0f-112233445566"}};
  std::size_t asked = 0;
  for (std::size_t i = 0; i < std::size(kCallers); ++i) {
    const auto connection = client(kCallers[i].caller, key);
    for (const auto& route : http::routes()) {
      const auto where = route_name(route) + " as " + std::string(kCallers[i].name);
      const auto cells = written_cells(matrix, route);
      ASSERT_EQ(cells.size(), std::size(kCallers)) << where;
      const auto answer = ask(*connection, route, target_of(route, parts));
      ASSERT_TRUE(answer) << where;
      ++asked;
      if (cells[i] != "yes") {
        EXPECT_EQ(std::to_string(answer->status), cells[i]) << where << ": " << answer->body;
        continue;
      }
      EXPECT_TRUE(answer->status != 401 && answer->status != 403) << where << ": " << answer->body;
      EXPECT_TRUE(answer->status != 404 || answer->body.find("tenant \\\"") == std::string::npos) << where;
    }
  }
  std::cout << asked << " requests compared with the matrix\n";
}

TEST_F(Tokens, WithoutKeysOnlyHealthIsAnswered) {
  std::filesystem::remove(path("k1.HS256.key"));
  EXPECT_TRUE(reload_logs("keys", "there are no keys")) << world_.log();
  const auto answer = client("x.y.z")->Get("/tenants");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 401);
  EXPECT_THAT(wire::read_problem(answer->body).value().detail, HasSubstr("auth.keys_dir"));
  EXPECT_EQ(status("", "/healthz"), 200);
}

TEST_F(Tokens, AKeyFileThatIsWrongKeepsTheKeysThatWereThere) {
  const auto good = token(Caller::tenant, auth::load_key(path("k1.HS256.key")).value());
  EXPECT_EQ(status(good), 200);
  write_key_file(path("k2.HS256.key"), "short");
  EXPECT_TRUE(reload_logs("not_reloaded", "k2.HS256.key")) << world_.log();
  EXPECT_EQ(status(good), 200);
  EXPECT_EQ(world_.log().find("short\""), std::string::npos);
}

TEST_F(Tokens, OfMtmsgctlAreAcceptedByTheDaemon) {
  const auto made = run({mtmsgctl_path(), "token", "issue", "--key", path("k1.HS256.key"), "--subject", "app", "--role",
                         "viewer", "--tenant", mine_.to_string()});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  write_key_file(world_.folder() + "/app.token", made.out);
  const auto listed = run({mtmsgctl_path(), "--endpoint", "http://127.0.0.1:" + std::to_string(world_.port()),
                           "--token-file", world_.folder() + "/app.token", "message", "list", "--tenant", "acme"});
  EXPECT_EQ(listed.exit_code, 0) << listed.err;
}

/// Clients that ask as fast as they are answered, each with the token there is.
class Load {
 public:
  Load(std::size_t clients, int port, std::string token) : token_(std::move(token)), seen_(clients) {
    for (std::size_t i = 0; i < clients; ++i) threads_.emplace_back([this, i, port] { run(i, port); });
  }
  ~Load() { stop(); }
  void use(const std::string& token) {
    const std::lock_guard lock(mutex_);
    token_ = token;
    ++generation_;
  }
  /// Until every client has been answered `more` times with the newest token.
  bool went_on(std::uint64_t more) {
    std::vector<std::uint64_t> before;
    for (auto& each : seen_) before.push_back(each.answered);
    return eventually([&] {
      for (std::size_t i = 0; i < seen_.size(); ++i)
        if (seen_[i].generation != generation_ || seen_[i].answered < before[i] + more) return false;
      return true;
    });
  }
  void stop() {
    stopping_ = true;
    for (auto& thread : threads_)
      if (thread.joinable()) thread.join();
  }
  std::uint64_t answered() const {
    std::uint64_t sum = 0;
    for (const auto& each : seen_) sum += each.answered;
    return sum;
  }
  std::string failures() {
    const std::lock_guard lock(mutex_);
    return failures_;
  }

 private:
  struct Seen {
    std::atomic<std::uint64_t> answered{0};
    std::atomic<int> generation{-1};
  };
  void run(std::size_t i, int port) {
    httplib::Client client("127.0.0.1", port);
    client.set_keep_alive(true);
    client.set_tcp_nodelay(true);
    client.set_read_timeout(30);
    for (std::uint64_t n = 0; !stopping_; ++n) {
      std::string token;
      int generation = 0;
      {
        const std::lock_guard lock(mutex_);
        token = token_;
        generation = generation_;
      }
      const httplib::Headers headers{{"Authorization", "Bearer " + token}};
      const bool publishes = n % 10 == 0;
      const auto answer =
          publishes ? client.Post("/tenants/acme/messages", headers, R"({"payload":{"n":1}})", "application/json")
                    : client.Get("/tenants/acme/messages?limit=1", headers);
      if (!answer || answer->status != (publishes ? 202 : 200)) {
        const std::lock_guard lock(mutex_);
        failures_ += (answer ? std::to_string(answer->status) + " " + answer->body : "no answer\n");
      }
      ++seen_[i].answered;
      seen_[i].generation = generation;
    }
  }

  std::mutex mutex_;
  std::string token_;     // guarded by mutex_
  std::string failures_;  // guarded by mutex_
  std::atomic<int> generation_{0};
  std::atomic<bool> stopping_{false};
  std::vector<Seen> seen_;
  std::vector<std::thread> threads_;
};

TEST_F(Tokens, AreNotRefusedOnceWhileKeysRotateUnderLoad) {
  auto old = auth::load_key(path("k1.HS256.key")).value();
  Load load(8, world_.port(), token(Caller::tenant, old));
  ASSERT_TRUE(load.went_on(20)) << load.failures();
  for (int round = 2; round <= 6; ++round) {
    const auto id = "k" + std::to_string(round);
    const auto fresh = round % 2 == 0 ? add_pair(id) : add_secret(id, static_cast<char>('a' + round));
    ASSERT_TRUE(reload_logs("keys", old.id)) << world_.log();
    EXPECT_EQ(world_.logged("keys", id), 1U) << "side by side\n" << world_.log();
    load.use(token(Caller::tenant, fresh));
    ASSERT_TRUE(load.went_on(20)) << load.failures();
    std::filesystem::remove(old.file);
    ASSERT_TRUE(reload_logs("keys", id)) << world_.log();
    ASSERT_TRUE(load.went_on(20)) << load.failures();
    EXPECT_EQ(status(token(Caller::tenant, old)), 401) << "the old key is gone";
    old = fresh;
  }
  load.stop();
  EXPECT_EQ(load.failures(), "");
  EXPECT_GE(load.answered(), 8U * 20U * 11U);
  std::cout << load.answered() << " requests of 8 clients through 5 rotations, none failed\n";
}

}  // namespace
}  // namespace mtmsg::test
