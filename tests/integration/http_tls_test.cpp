#include <atomic>
#include <deque>
#include <filesystem>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/server.hpp"
#include "support/certificates.hpp"
#include "support/process.hpp"
#include "tests/integration/tls_client.hpp"

namespace mtmsg::http {
namespace {

using namespace std::chrono_literals;
using test::TlsClient;
using testing::AllOf;
using testing::AnyOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kEcho = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view kLastGet = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

Response handle(Request& request) {
  if (request.target == "/large") return {200, "text/plain", std::string(16 << 20, 'x'), {}, {}};
  std::string body;
  while (true) {
    const auto more = request.body.read(body);
    if (!more) return Response::of(more.error());
    if (!*more) break;
  }
  return Response::json(200, "{\"bytes\":" + std::to_string(body.size()) + "}");
}

class HttpTls : public testing::Test {
 protected:
  HttpTls() : folder_(make_folder()), authority_(folder_, "ca"), own_(authority_.issue("server")) {
    options_.tcp = parse_listen_address("127.0.0.1:0").value();
    options_.unix_socket = UnixListen{folder_ + "/socket", 0600, {}};
    options_.tls = tls::ServerFiles{own_.certificate, own_.key, {}};
    options_.on_stranger = [this](const auth::Peer&, std::string_view why) {
      const std::lock_guard lock(mutex_);
      strangers_.emplace_back(why);
    };
    trusting_ = tls::Context::client({authority_.file(), {}, {}}).value();
  }
  ~HttpTls() override {
    if (server_) server_->stop();
    std::filesystem::remove_all(folder_);
  }

  static std::string make_folder() {
    auto folder = testing::TempDir() + "mtmsg-http-tls-" + std::to_string(::getpid());
    std::filesystem::create_directories(folder);
    return folder;
  }
  void start() {
    server_ = std::make_unique<Server>(options_, handle, nullptr);
    const auto started = server_->start();
    ASSERT_TRUE(started) << started.error().message;
  }
  TlsClient client() const { return TlsClient(server_->port(), *trusting_); }
  std::vector<std::string> strangers() {
    const std::lock_guard lock(mutex_);
    return strangers_;
  }

  const std::string folder_;
  const test::CertificateAuthority authority_;
  const test::CertificateFiles own_;
  std::shared_ptr<const tls::Context> trusting_;
  ServerOptions options_;
  std::mutex mutex_;  // guards strangers_
  std::vector<std::string> strangers_;
  std::unique_ptr<Server> server_;
};

TEST_F(HttpTls, AnswersOverTlsOnTcpAndPlainOnTheUnixSocket) {
  start();
  auto one = client();
  EXPECT_THAT(one.ask(kLastGet), AllOf(StartsWith("HTTP/1.1 200"), EndsWith("{\"bytes\":0}\n")));
  EXPECT_EQ(one.last(), tls::Io::closed) << "without the server's goodbye the client can't tell the end from a cut";
  auto local = test::RawClient::unix_socket(folder_ + "/socket");
  local.send(kLastGet);
  EXPECT_THAT(local.read_all(), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpTls, SeveralRequestsAndPipelinedOnesShareAConnection) {
  start();
  auto one = client();
  ASSERT_EQ(one.handshake(), "");
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(one.send(kEcho));
    EXPECT_THAT(one.read_until("}\n"), StartsWith("HTTP/1.1 200"));
  }
  ASSERT_TRUE(one.send(std::string(kEcho) + std::string(kEcho) + std::string(kLastGet)));
  const auto all = one.read_until("");
  EXPECT_EQ(std::count(all.begin(), all.end(), '{'), 3);
}

TEST_F(HttpTls, LargeBodiesGoBothWays) {
  options_.limits.request.body_bytes = 32 << 20;
  start();
  auto up = client();
  ASSERT_EQ(up.handshake(), "");
  ASSERT_TRUE(up.send("POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 20000000\r\n\r\n"));
  ASSERT_TRUE(up.send(std::string(20'000'000, 'x')));
  EXPECT_THAT(up.read_until(""), EndsWith("{\"bytes\":20000000}\n"));
  auto down = client();
  const auto answer = down.ask("GET /large HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, EndsWith("xxx"));
  EXPECT_EQ(answer.size() - answer.find("\r\n\r\n") - 4, std::size_t{16} << 20U);
}

TEST_F(HttpTls, ARequestThatArrivesByteByByteIsServed) {
  start();
  auto one = client();
  ASSERT_EQ(one.handshake(), "");
  for (const char c : kLastGet) ASSERT_TRUE(one.send({&c, 1}));
  EXPECT_THAT(one.read_until(""), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpTls, PlainTextIsToldThatThePortSpeaksTls) {
  start();
  for (const std::string_view request : {kEcho, std::string_view("DELETE /tenants/a HTTP/1.1\r\nHost: h\r\n\r\n")}) {
    auto plain = test::RawClient::tcp(server_->port());
    plain.send(request);
    EXPECT_THAT(plain.read_all(), AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("application/problem+json"),
                                        HasSubstr("invalid_argument"), HasSubstr("https://")));
  }
}

TEST_F(HttpTls, GarbageAndOldVersionsEndTheConnection) {
  start();
  auto garbage = test::RawClient::tcp(server_->port());
  garbage.send("\x16\x03\x01\xff\xff garbage garbage garbage");
  garbage.read_all();
  EXPECT_TRUE(garbage.ended());
  EXPECT_TRUE(test::eventually([this] { return !strangers().empty(); }));
  auto after = client();
  EXPECT_THAT(after.ask(kLastGet), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpTls, HundredsOfHalfHandshakesHoldNobodyUpAndEndInTime) {
  options_.limits.request_timeout = 1500ms;
  options_.limits.connections_per_client = 1000;  // they all come from one address
  start();
  std::deque<TlsClient> silent;
  std::deque<TlsClient> halfway;
  for (int i = 0; i < 300; ++i) {
    silent.push_back(client());
    halfway.push_back(client());
    halfway.back().step();  // its ClientHello, and not a byte more
  }
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) EXPECT_THAT(client().ask(kLastGet), StartsWith("HTTP/1.1 200"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  for (auto* clients : {&silent, &halfway}) {
    for (auto& each : *clients) {
      each.raw().read_all();
      ASSERT_TRUE(each.raw().ended());
    }
  }
}

TEST_F(HttpTls, AClientNeedsACertificateOfTheRightCaWhenOneIsAskedFor) {
  options_.tls->client_ca = authority_.file();
  start();
  const auto outcome = [&](const test::CertificateFiles& files) {
    const auto context = tls::Context::client({authority_.file(), files.certificate, files.key}).value();
    TlsClient one(server_->port(), *context);
    const auto answer = one.ask(kLastGet);
    return answer.empty() ? one.error() : answer;
  };
  EXPECT_THAT(outcome(authority_.issue("app", {.name = "app", .alternatives = ""})), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(outcome({}), HasSubstr("wants a certificate"));
  const test::CertificateAuthority stranger(folder_, "stranger");
  EXPECT_THAT(outcome(stranger.issue("foreign")), HasSubstr("does not trust"));
  EXPECT_THAT(outcome(authority_.issue("old", {.name = "old", .ends_in = -10s})), HasSubstr("expired"));
  EXPECT_EQ(strangers().size(), 3U);
}

TEST_F(HttpTls, AClientSaysWhatIsWrongWithTheServersCertificate) {
  start();
  const auto complaint = [&](const tls::Context& context, const std::string& host) {
    return TlsClient(server_->port(), context, host).handshake();
  };
  EXPECT_EQ(complaint(*trusting_, "127.0.0.1"), "");
  EXPECT_EQ(complaint(*trusting_, "elsewhere.example"), "its certificate is not for the name elsewhere.example");
  EXPECT_EQ(complaint(*trusting_, "127.0.0.2"), "its certificate is not for the name 127.0.0.2");
  const test::CertificateAuthority stranger(folder_, "stranger");
  const auto other = tls::Context::client({stranger.file(), {}, {}}).value();
  EXPECT_THAT(complaint(*other, "localhost"), AllOf(HasSubstr("not trusted"), HasSubstr(stranger.file())));
  authority_.issue("server", {.ends_in = -10s});
  ASSERT_TRUE(server_->reload_tls());
  EXPECT_EQ(complaint(*trusting_, "localhost"), "its certificate has expired");
}

TEST_F(HttpTls, AReloadedCertificateIsForNewConnectionsAndABrokenOneIsLeftAlone) {
  start();
  auto before = client();
  ASSERT_EQ(before.handshake(), "");
  const auto first_end = server_->certificate_end().value();
  authority_.issue("server", {.ends_in = 1h});
  ASSERT_TRUE(server_->reload_tls());
  EXPECT_LT(server_->certificate_end().value(), first_end);
  ASSERT_TRUE(before.send(kLastGet));
  EXPECT_THAT(before.read_until(""), StartsWith("HTTP/1.1 200"));
  const auto second_end = server_->certificate_end().value();
  std::filesystem::copy_file(authority_.file(), own_.certificate, std::filesystem::copy_options::overwrite_existing);
  const auto reloaded = server_->reload_tls();
  ASSERT_TRUE(reloaded.has_error());
  EXPECT_THAT(reloaded.error().message, AllOf(HasSubstr(own_.certificate), HasSubstr(own_.key)));
  EXPECT_EQ(server_->certificate_end().value(), second_end);
  EXPECT_THAT(client().ask(kLastGet), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpTls, CertificatesChangeUnderLoadWithoutAFailedRequest) {
  start();
  std::atomic<bool> done{false};
  std::atomic<int> asked{0};
  std::atomic<int> failed{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      while (!done) {
        if (!client().ask(kLastGet).starts_with("HTTP/1.1 200")) ++failed;
        ++asked;
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    const auto before = asked.load();
    ASSERT_TRUE(test::eventually([&] { return asked > before + 4; }));
    authority_.issue("server");
    ASSERT_TRUE(server_->reload_tls());
  }
  done = true;
  for (auto& each : clients) each.join();
  EXPECT_EQ(failed, 0);
}

TEST_F(HttpTls, StopsWithHandshakesAndRequestsUnderWay) {
  start();
  auto half = client();
  half.step();
  auto idle = client();
  ASSERT_EQ(idle.handshake(), "");
  const auto begin = std::chrono::steady_clock::now();
  server_->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
  EXPECT_EQ(idle.read_until(""), "");
  EXPECT_EQ(idle.last(), tls::Io::closed);
}

}  // namespace
}  // namespace mtmsg::http
