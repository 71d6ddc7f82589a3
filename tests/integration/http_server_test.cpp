#include <atomic>
#include <filesystem>
#include <future>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "http/server.hpp"
#include "tests/integration/http_client.hpp"

namespace mtmsg::http {
namespace {

using namespace std::chrono_literals;
using test::RawClient;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kGetOnce = "GET /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
constexpr std::string_view kLater = "GET /later HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view kGet = "GET /echo HTTP/1.1\r\nHost: h\r\n\r\n";

/// Requests whose answers come later, and the calls that make them come.
class LaterCalls {
 public:
  void add(std::function<void()> call) {
    const std::lock_guard lock(mutex_);
    calls_.push_back(std::move(call));
  }
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return calls_.size();
  }
  void call_all() {
    const std::lock_guard lock(mutex_);
    for (const auto& call : std::exchange(calls_, {})) call();
  }
  std::atomic<int> parked = 0;  ///< Laters that live
  std::atomic<bool> too_early = false;
  std::chrono::milliseconds patience = 20s;

 private:
  std::mutex mutex_;
  std::vector<std::function<void()>> calls_;
};

Response later(LaterCalls& calls) {
  Response response;
  response.later = std::shared_ptr<Later>(new Later(), [&calls](Later* ended) {
    --calls.parked;
    delete ended;
  });
  ++calls.parked;
  response.later->deadline = std::chrono::steady_clock::now() + calls.patience;
  response.later->begin = [&calls](std::function<void()> call) { calls.add(std::move(call)); };
  response.later->resume = [&calls](Later::Why why, Request&) -> boost::system::result<Response, Problem> {
    if (why == Later::Why::over) return Response::json(200, "\"over\"");
    if (calls.too_early) return later(calls);
    return Response::json(200, "\"called\"");
  };
  return response;
}

/// Reads the body and tells its size; other addresses misbehave in ways their names tell.
Response handle(Request& request, const std::shared_future<void>& release, LaterCalls& calls) {
  if (request.target == "/throw") throw std::runtime_error("secret of the house");
  if (request.target == "/wait") release.wait();
  if (request.target == "/later") return later(calls);
  if (request.target == "/peer") return Response::json(200, "\"" + request.peer.address + "\"");
  if (request.target == "/held") {
    Response response{200, "text/plain", {}, {}, {}};
    response.stream = [release](std::string& out) {
      release.wait();
      out = "at last";
      return StreamStep::done;
    };
    return response;
  }
  if (request.target == "/large") return {200, "text/plain", std::string(16 << 20, 'x'), {}, {}};
  if (request.target == "/early") return Response::json(401, "{}");
  if (request.target == "/stream" || request.target == "/endless" || request.target == "/broken") {
    Response response;
    response.content_type = "text/plain";
    response.stream = [n = 0, target = std::string(request.target)](std::string& out) mutable {
      out += "piece " + std::to_string(++n) + "\n";
      if (target == "/endless") {
        out += std::string(64 << 10, 'x');
        return StreamStep::more;
      }
      if (n < 3) return StreamStep::more;
      return target == "/broken" ? StreamStep::broken : StreamStep::done;
    };
    return response;
  }
  std::string body;
  while (true) {
    const auto more = request.body.read(body);
    if (!more) return Response::of(more.error());
    if (!*more) break;
  }
  return Response::json(
      200, "{\"method\":\"" + std::string(request.method) + "\",\"bytes\":" + std::to_string(body.size()) + "}");
}

class HttpServerTest : public testing::Test {
 protected:
  void TearDown() override {
    release();
    if (server_) server_->stop();
    std::filesystem::remove(path_);
  }

  void start() {
    options_.tcp = parse_listen_address("127.0.0.1:0").value();
    options_.unix_socket = UnixListen{path_, 0600, {}};
    auto handler = [this, gate = gate_.get_future().share()](Request& request) {
      ++handled_;
      return handle(request, gate, calls_);
    };
    server_ = std::make_unique<Server>(options_, handler, [this](std::string_view, std::string_view) { ++errors_; });
    const auto started = server_->start();
    ASSERT_TRUE(started) << started.error().message;
  }
  void release() {
    if (!released_.exchange(true)) gate_.set_value();
  }
  RawClient client() const { return RawClient::tcp(server_->port()); }
  /// From another address of this machine: 127.0.0.NUMBER.
  RawClient other(unsigned number) const { return RawClient::tcp(server_->port(), (127U << 24U) + number); }
  std::string ask(std::string_view request) const {
    auto raw = client();
    raw.send(request);
    return raw.read_all();
  }
  static bool wait_for(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(2ms);
    }
    return true;
  }

  const std::string path_ = "/tmp/mtmsg-http-test-" + std::to_string(::getpid()) + ".sock";
  ServerOptions options_;
  LaterCalls calls_;
  std::unique_ptr<Server> server_;
  std::promise<void> gate_;
  std::atomic<bool> released_ = false;
  std::atomic<int> handled_ = 0;
  std::atomic<int> errors_ = 0;
};

TEST_F(HttpServerTest, AnswersOnTcpAndOnTheUnixSocket) {
  start();
  EXPECT_THAT(ask("GET /peer HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), HasSubstr("\"127.0.0.1\""));
  auto local = RawClient::unix_socket(path_);
  local.send("GET /peer HTTP/1.1\r\nHost: h\r\nREMOTE_ADDR: 1.2.3.4\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(local.read_all(), HasSubstr("\"unix:uid=" + std::to_string(::getuid()) + "\""));
}

TEST_F(HttpServerTest, GivesTheSocketItsModeAndTakesItAway) {
  start();
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  server_->stop();
  EXPECT_NE(::stat(path_.c_str(), &status), 0);
}

TEST_F(HttpServerTest, ReplacesAStaleSocketButNoLiveOneAndNoFile) {
  start();
  EXPECT_EQ(Listener::unix_socket({path_, 0600, {}}).error().code, ErrorCode::conflict);
  server_->stop();
  {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    const FileDescriptor abandoned(::socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(::bind(abandoned.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  EXPECT_TRUE(server_->start());
  server_->stop();
  ASSERT_TRUE(FileDescriptor(::open(path_.c_str(), O_CREAT | O_WRONLY, 0600)));
  EXPECT_EQ(server_->start().error().code, ErrorCode::conflict);
}

TEST_F(HttpServerTest, KeepsConnectionsAndServesPipelinedRequestsInOrder) {
  start();
  auto raw = client();
  std::string many;
  for (int n = 0; n < 100; ++n)
    many += "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(n) + "\r\n\r\n" +
            std::string(static_cast<std::size_t>(n), 'x');
  raw.send(many + "GET /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  const auto answers = raw.read_all();
  std::size_t at = 0;
  for (int n = 0; n < 100; ++n) {
    at = answers.find("\"POST\",\"bytes\":" + std::to_string(n) + "}", at);
    ASSERT_NE(at, std::string::npos) << n;
  }
  EXPECT_THAT(answers.substr(at), HasSubstr("\"GET\",\"bytes\":0}"));
}

TEST_F(HttpServerTest, TakesARequestByteByByteWithoutHoldingAThread) {
  options_.limits.workers = 1;
  start();
  auto slow = client();
  const std::string request =
      "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  for (std::size_t n = 0; n < request.size(); ++n) {
    ASSERT_TRUE(slow.send(std::string_view(request).substr(n, 1)));
    if (n % 16 == 0) {
      EXPECT_THAT(ask("GET /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), StartsWith("HTTP/1.1 200"));
    }
  }
  EXPECT_THAT(slow.read_until("bytes\":3}"), HasSubstr("bytes\":3}"));
}

TEST_F(HttpServerTest, AnswersHeadWithoutABody) {
  start();
  const auto answer = ask("HEAD /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 27\r\n"));
  EXPECT_THAT(answer, testing::EndsWith("\r\n\r\n"));
}

TEST_F(HttpServerTest, SpeaksHttp10) {
  start();
  EXPECT_THAT(ask("GET /echo HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 200"));
  const auto stream = ask("GET /stream HTTP/1.0\r\n\r\n");
  EXPECT_THAT(stream, Not(HasSubstr("chunked")));
  EXPECT_THAT(stream, testing::EndsWith("\r\n\r\npiece 1\npiece 2\npiece 3\n"));
}

TEST_F(HttpServerTest, RefusesWhatIsNoRequestWithAProblem) {
  start();
  const std::pair<std::string, int> hostile[] = {
      {"nonsense\r\n\r\n", 400},
      {std::string("\0\0\0\0\r\n\r\n", 8), 400},
      {"GET / HTTP/1.1\nHost: h\n\n", 400},
      {"\x16\x03\x01\x02\x01\x01\r\n\r\n", 400},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n", 413},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", 415},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFF\r\n", 413},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(10000, 'x') + "\r\n\r\n", 431},
      {"GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(20000, 'x'), 431},
      {"GET /" + std::string(9000, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n", 414},
      {std::string(100'000, 'A'), 431},
  };
  for (const auto& [bytes, status] : hostile) {
    const auto answer = ask(bytes);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 " + std::to_string(status))) << bytes.substr(0, 60);
    EXPECT_THAT(answer, HasSubstr("Content-Type: application/problem+json\r\n")) << bytes.substr(0, 60);
    EXPECT_THAT(answer, HasSubstr("\"code\":")) << bytes.substr(0, 60);
  }
  EXPECT_EQ(handled_, 0);
}

TEST_F(HttpServerTest, NeverTakesABodyForARequest) {
  start();
  const std::string smuggled = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
  auto raw = client();
  // A body on a GET, and one nobody reads: both must be passed over before the next request.
  for (const auto* method : {"GET", "POST"})
    raw.send(std::string(method) + " /early HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(smuggled.size()) +
             "\r\n\r\n" + smuggled);
  raw.send("GET /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  raw.read_all();
  EXPECT_EQ(handled_, 3);
}

TEST_F(HttpServerTest, ContinuesWhenAsked) {
  start();
  auto raw = client();
  raw.send("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(raw.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  raw.forget();
  raw.send("abc");
  EXPECT_THAT(raw.read_until("}"), HasSubstr("bytes\":3}"));
}

TEST_F(HttpServerTest, ReadsLargeBodiesCountedAndChunked) {
  options_.limits.request.body_bytes = 8 << 20;
  options_.limits.prebuffer_bytes = 64 << 10;
  start();
  const std::string body(5'000'000, 'x');
  EXPECT_THAT(ask("POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 5000000\r\n\r\n" + body),
              HasSubstr("bytes\":5000000}"));
  std::string chunked = "POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int n = 0; n < 50; ++n) chunked += "186A0\r\n" + body.substr(0, 100'000) + "\r\n";
  EXPECT_THAT(ask(chunked + "0\r\n\r\n"), HasSubstr("bytes\":5000000}"));
  // Past the limit while a worker reads it.
  for (int n = 0; n < 50; ++n) chunked += "186A0\r\n" + body.substr(0, 100'000) + "\r\n";
  EXPECT_THAT(ask(chunked + "0\r\n\r\n"), StartsWith("HTTP/1.1 413"));
}

TEST_F(HttpServerTest, TellsAClientThatStillSendsWhyItIsRefused) {
  options_.limits.prebuffer_bytes = 64 << 10;
  start();
  auto raw = client();
  raw.send("POST /early HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\n");
  std::thread sender([&] { raw.send(std::string(10'000'000, 'x')); });
  EXPECT_THAT(raw.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 401"));
  sender.join();
}

TEST_F(HttpServerTest, StreamsInChunks) {
  start();
  auto raw = client();
  raw.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(raw.read_until("\n0\r\n\r\n"),
              HasSubstr("8\r\npiece 1\n\r\n8\r\npiece 2\n\r\n8\r\npiece 3\n\r\n0\r\n\r\n"));
  raw.forget();
  raw.send(kGet);
  EXPECT_THAT(raw.read_until("}"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, CutsABrokenStreamSoThatItsEndIsMissing) {
  start();
  const auto answer = ask("GET /broken HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("piece 3"));
  EXPECT_THAT(answer, Not(HasSubstr("\n0\r\n\r\n")));
}

TEST_F(HttpServerTest, BoundsStreamsAndLeavesThoseWhoDoNotRead) {
  options_.limits.streams = 2;
  options_.limits.workers = 2;
  options_.limits.write_timeout = 300ms;
  start();
  std::vector<RawClient> readers;
  for (int n = 0; n < 2; ++n) {
    readers.push_back(client());
    readers.back().send("GET /endless HTTP/1.1\r\nHost: h\r\n\r\n");
    readers.back().read_until("piece 1\n");
  }
  EXPECT_THAT(ask("GET /endless HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), StartsWith("HTTP/1.1 503"));
  // The workers that wait for the two are replaced.
  EXPECT_THAT(ask("GET /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), StartsWith("HTTP/1.1 200"));
  EXPECT_TRUE(wait_for(
      [&] { return ask("GET /stream HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 200"); }));
}

TEST_F(HttpServerTest, SendsALargeAnswerToASlowReader) {
  start();
  auto raw = client();
  raw.send("GET /large HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  std::this_thread::sleep_for(100ms);
  EXPECT_GT(raw.read_all().size(), 16U << 20U);
}

TEST_F(HttpServerTest, EndsIdleAndUnfinishedConnectionsInTime) {
  options_.limits.idle_timeout = 200ms;
  options_.limits.request_timeout = 200ms;
  start();
  auto idle = client();
  auto half = client();
  half.send("GET / HTTP/1.1\r\nHo");
  auto body = client();
  body.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
  auto large = client();
  large.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nabc");
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_TRUE(idle.ended());
  for (auto* raw : {&half, &body, &large}) {
    const auto answer = raw->read_all();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 408"));
    EXPECT_THAT(answer, HasSubstr("\"request_timeout\""));
  }
}

TEST_F(HttpServerTest, ServesOthersBesideHundredsOfIdleAndSlowClients) {
  options_.limits.workers = 2;
  options_.limits.connections_per_client = 400;
  start();
  std::vector<RawClient> crowd;
  for (int n = 0; n < 300; ++n) {
    crowd.push_back(client());
    if (n % 3 == 1) crowd.back().send("GET / HTTP/1.1\r\nX: ");
    if (n % 3 == 2) crowd.back().send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc");
  }
  const auto begin = std::chrono::steady_clock::now();
  auto raw = client();
  for (int n = 0; n < 100; ++n) {
    raw.forget();
    raw.send(kGet);
    ASSERT_THAT(raw.read_until("}"), StartsWith("HTTP/1.1 200"));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
}

TEST_F(HttpServerTest, RefusesConnectionsBeyondItsLimit) {
  options_.limits.connections = 2;
  start();
  auto first = client();
  auto second = client();
  for (auto* raw : {&first, &second}) {
    raw->send(kGet);
    raw->read_until("}");
  }
  auto third = client();
  EXPECT_THAT(third.read_all(), StartsWith("HTTP/1.1 503"));
  first.close();
  EXPECT_TRUE(wait_for([&] { return ask("GET /echo HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 200"); }));
}

TEST_F(HttpServerTest, BoundsTheConnectionsOfEachClientAndTellsIt) {
  options_.limits.connections_per_client = 2;
  start();
  auto first = client();
  auto second = client();
  auto local = RawClient::unix_socket(path_);
  for (auto* raw : {&first, &second, &local}) {
    raw->send(kGet);
    raw->read_until("}");
  }
  auto third = client();
  third.send(kGet);
  const auto answer = third.read_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 429"));
  EXPECT_THAT(answer, HasSubstr("\"too_many_connections\""));
  EXPECT_THAT(answer, HasSubstr("Retry-After: "));
  auto neighbour = other(2);
  neighbour.send(kGet);
  EXPECT_THAT(neighbour.read_until("}"), StartsWith("HTTP/1.1 200"));
  auto user = RawClient::unix_socket(path_);
  user.send(kGet);
  EXPECT_THAT(user.read_until("}"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(RawClient::unix_socket(path_).read_all(), StartsWith("HTTP/1.1 429"));
  first.close();
  EXPECT_TRUE(wait_for([&] { return ask("GET /echo HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 200"); }));
}

TEST_F(HttpServerTest, GivesANewcomerThePlaceOfTheOneWhoHasMost) {
  options_.limits.connections = 6;
  start();
  std::vector<RawClient> greedy;
  for (int n = 0; n < 5; ++n) {
    greedy.push_back(client());
    if (n % 2 == 0) greedy.back().send("GET / HTTP/1.1\r\nX: ");
  }
  auto frugal = other(2);
  for (unsigned number = 3; number < 6; ++number) {
    auto newcomer = other(number);
    newcomer.send(kGet);
    EXPECT_THAT(newcomer.read_until("}"), StartsWith("HTTP/1.1 200")) << number;
  }
  frugal.send(kGet);
  EXPECT_THAT(frugal.read_until("}"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, GivesANewcomerThePlaceOfOneThatIsIdleForLong) {
  options_.limits.connections = 2;
  options_.limits.settled_after = 0ms;
  start();
  auto idle = other(2);
  auto unfinished = other(3);
  unfinished.send("GET /echo HTTP/1.1\r\n");
  for (auto* raw : {&idle, &unfinished}) EXPECT_EQ(raw->read_until("x", 50ms), "");
  auto newcomer = other(4);
  newcomer.send(kGet);
  EXPECT_THAT(newcomer.read_until("}"), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_TRUE(idle.ended());
  unfinished.send("Host: h\r\n\r\n");
  EXPECT_THAT(unfinished.read_until("}"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, BoundsTheStreamsOfEachClient) {
  options_.limits.streams_per_client = 1;
  start();
  auto reader = client();
  reader.send("GET /endless HTTP/1.1\r\nHost: h\r\n\r\n");
  reader.read_until("piece 1\n");
  const auto answer = ask("GET /stream HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 429"));
  EXPECT_THAT(answer, HasSubstr("\"too_many_streams\""));
  auto neighbour = other(2);
  neighbour.send("GET /stream HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(neighbour.read_all(), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, StreamsLeaveTheWorkersToOthers) {
  options_.limits.workers = 1;
  start();
  std::vector<RawClient> readers;
  for (int n = 0; n < 3; ++n) {
    readers.push_back(client());
    readers.back().send("GET /held HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  }
  EXPECT_TRUE(wait_for([&] { return handled_ == 3; }));
  const auto begin = std::chrono::steady_clock::now();
  auto raw = client();
  for (int n = 0; n < 20; ++n) {
    raw.forget();
    raw.send(kGet);
    ASSERT_THAT(raw.read_until("}"), StartsWith("HTTP/1.1 200"));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);  // one thread after the other would come in quarters of it
  release();
  for (auto& reader : readers) EXPECT_THAT(reader.read_all(), HasSubstr("at last"));
}

TEST_F(HttpServerTest, BoundsTheThreadsThatWaitForEachClient) {
  options_.limits.blocked_per_client = 2;
  options_.limits.prebuffer_bytes = 3;
  start();
  const std::string begin = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nabc";
  std::vector<RawClient> slow;
  for (int n = 0; n < 2; ++n) {
    slow.push_back(client());
    slow.back().send(begin);
  }
  EXPECT_TRUE(wait_for([&] { return handled_ == 2; }));
  auto third = client();
  third.send(begin);
  EXPECT_THAT(third.read_all(), HasSubstr("\"too_many_slow_requests\""));
  auto neighbour = other(2);
  neighbour.send(begin);
  EXPECT_TRUE(wait_for([&] { return handled_ == 4; }));
  neighbour.send(std::string(1'000'000 - 3, 'x'));
  EXPECT_THAT(neighbour.read_until("}"), HasSubstr("1000000"));
}

TEST_F(HttpServerTest, ABodyThatOnlySaysItIsLargeHoldsNoThread) {
  start();
  auto slow = client();
  slow.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nabc");
  auto asks = client();
  asks.send("POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_EQ(asks.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(handled_, 0);
  asks.forget();
  asks.send(std::string(1'000'000, 'x'));
  EXPECT_THAT(asks.read_until("}"), HasSubstr("1000000"));
  EXPECT_EQ(handled_, 1);
}

TEST_F(HttpServerTest, GivesARequestItsTimeOnceHoweverItTrickles) {
  options_.limits.request_timeout = 600ms;
  options_.limits.prebuffer_bytes = 1000;
  start();
  auto raw = client();
  const auto begin = std::chrono::steady_clock::now();
  raw.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n");
  EXPECT_EQ(raw.read_until("x", 400ms), "");
  raw.send("\r\n" + std::string(1000, 'a'));  // from here on a worker waits for the rest
  std::string answer;
  while (answer.empty() && std::chrono::steady_clock::now() - begin < 5s) {
    raw.send("a");
    answer = raw.read_until("\"code\"", 50ms);
  }
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 408"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1000ms);
}

TEST_F(HttpServerTest, EmptyLinesKeepNoConnectionOpenAndCostNothing) {
  options_.limits.idle_timeout = 400ms;
  start();
  auto raw = client();
  const auto begin = std::chrono::steady_clock::now();
  for (int n = 0; n < 3; ++n) {
    raw.send("\r\n");
    raw.read_until("x", 150ms);
  }
  raw.read_all();
  EXPECT_TRUE(raw.ended());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 900ms);
  std::string lines;
  for (int n = 0; n < 500'000; ++n) lines += "\r\n";
  auto flood = client();
  flood.send(lines);
  EXPECT_THAT(flood.read_all(), StartsWith("HTTP/1.1 400"));
}

TEST_F(HttpServerTest, TellsAtOnceWhatIsNoHttp) {
  start();
  for (const std::string_view bytes :
       {std::string_view("\x16\x03\x01\x02\x00\x01", 6), std::string_view("GET /\r\n"), std::string_view("\r\r")}) {
    auto raw = client();
    raw.send(bytes);
    EXPECT_THAT(raw.read_until("\"code\"", 2s), StartsWith("HTTP/1.1 400"));
  }
}

TEST_F(HttpServerTest, ThoseWhoHoldMostBytesGoFirst) {
  options_.limits.buffered_bytes = 500'000;
  start();
  const std::string part =
      "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 200001\r\n\r\n" + std::string(200'000, 'x');
  auto first = client();
  auto second = client();
  first.send(part);
  second.send(part);
  auto neighbour = other(2);
  neighbour.send(part);
  EXPECT_TRUE(wait_for([&] {
    return first.read_until("\"overloaded\"", 1ms).size() + second.read_until("\"overloaded\"", 1ms).size() > 0;
  }));
  neighbour.send("x");
  EXPECT_THAT(neighbour.read_until("}"), HasSubstr("200001"));
}

TEST_F(HttpServerTest, BoundsTheBytesOfAnswersThatNobodyTakes) {
  options_.limits.buffered_bytes = 100'000;
  start();
  std::vector<RawClient> lazy;
  for (int n = 0; n < 3; ++n) {
    lazy.push_back(client());
    // So many answers that no socket buffer takes them all.
    for (int each = 0; each < 4; ++each) lazy.back().send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
  }
  EXPECT_THAT(ask("GET /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, BoundsTheBytesOfUnfinishedRequests) {
  options_.limits.buffered_bytes = 200'000;
  start();
  std::vector<RawClient> crowd;
  bool refused = false;
  for (int n = 0; n < 5; ++n) {
    crowd.push_back(client());
    crowd.back().send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100001\r\n\r\n" + std::string(100'000, 'x'));
    refused = refused || crowd.back().read_until("\r\n\r\n", 200ms).starts_with("HTTP/1.1 503");
  }
  EXPECT_TRUE(refused);
}

TEST_F(HttpServerTest, AnswersWhileAllItsWorkersHang) {
  options_.limits.workers = 2;
  start();
  std::vector<RawClient> stuck;
  for (int n = 0; n < 5; ++n) {
    stuck.push_back(client());
    stuck.back().send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  }
  EXPECT_TRUE(wait_for([&] { return handled_ >= 2; }));
  EXPECT_THAT(ask("GET /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, TurnsAThrowingHandlerIntoA500ThatTellsNothing) {
  start();
  auto raw = client();
  raw.send("GET /throw HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto answer = raw.read_until("}");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 500"));
  EXPECT_THAT(answer, HasSubstr("application/problem+json"));
  EXPECT_THAT(answer, Not(HasSubstr("secret")));
  EXPECT_EQ(errors_, 1);
}

TEST_F(HttpServerTest, LetsRunningRequestsFinishWhenItStops) {
  start();
  auto idle = client();
  idle.send(kGet);
  idle.read_until("}");
  idle.forget();
  auto running = client();
  running.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(wait_for([&] { return handled_ == 2; }));
  auto half = client();
  half.send("GET /echo HTTP/1.1\r\n");
  std::this_thread::sleep_for(50ms);
  const auto port = server_->port();
  std::thread stopper([&] { server_->stop(); });
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_TRUE(idle.ended());
  EXPECT_FALSE(RawClient::tcp(port).connected());
  half.send("Host: h\r\n\r\n");
  EXPECT_THAT(half.read_all(), HasSubstr("\"stopping\""));
  release();
  const auto answer = running.read_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  stopper.join();
}

TEST_F(HttpServerTest, AnswersThatComeLaterHoldNoThread) {
  options_.limits.workers = 2;
  options_.limits.blocked_workers = 1;
  options_.limits.connections_per_client = 600;
  start();
  std::vector<RawClient> readers;
  for (int i = 0; i < 500; ++i) {
    readers.push_back(client());
    ASSERT_TRUE(readers.back().send(kLater));
  }
  ASSERT_TRUE(wait_for([&] { return calls_.count() == 500; }));
  EXPECT_THAT(ask(kGetOnce), StartsWith("HTTP/1.1 200"));
  calls_.call_all();
  for (auto& reader : readers) EXPECT_THAT(reader.read_until("\"called\""), HasSubstr("\"called\""));
  EXPECT_TRUE(wait_for([&] { return calls_.parked == 0; }));
}

TEST_F(HttpServerTest, AnAnswerThatWasCalledTooEarlyGoesOnWaiting) {
  start();
  auto reader = client();
  reader.send(kLater);
  calls_.too_early = true;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(wait_for([&] { return calls_.count() == 1; }));
    calls_.call_all();
  }
  ASSERT_TRUE(wait_for([&] { return calls_.count() == 1; }));
  calls_.too_early = false;
  calls_.call_all();
  EXPECT_THAT(reader.read_until("\"called\""), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(handled_, 1);
}

TEST_F(HttpServerTest, AClientThatLeavesFreesItsPlace) {
  start();
  auto reader = client();
  auto other = client();
  reader.send(kLater);
  other.send(kLater);
  ASSERT_TRUE(wait_for([&] { return calls_.count() == 2; }));
  reader.close();
  EXPECT_TRUE(wait_for([&] { return calls_.parked == 1; }));
  calls_.call_all();
  EXPECT_THAT(other.read_until("\"called\""), HasSubstr("\"called\""));
}

TEST_F(HttpServerTest, TheNextRequestWaitsForTheAnswerBeforeIt) {
  start();
  auto reader = client();
  reader.send(std::string(kLater) + std::string(kGet));
  ASSERT_TRUE(wait_for([&] { return calls_.count() == 1; }));
  reader.send(kLater);
  calls_.call_all();
  const auto answers = reader.read_until("\"method\"");
  EXPECT_LT(answers.find("\"called\""), answers.find("\"method\""));
  ASSERT_TRUE(wait_for([&] { return calls_.count() == 1; }));
  reader.forget();
  calls_.call_all();
  EXPECT_THAT(reader.read_until("\"called\""), HasSubstr("\"called\""));
}

TEST_F(HttpServerTest, WhoSendsMuchWhileHeWaitsIsNotRead) {
  start();
  auto reader = client();
  reader.send(kLater);
  ASSERT_TRUE(wait_for([&] { return calls_.count() == 1; }));
  const std::string much(1 << 20, 'x');
  std::size_t taken = 0;
  for (ssize_t n = 1; n > 0; taken += static_cast<std::size_t>(std::max<ssize_t>(n, 0)))
    n = ::send(reader.fd(), much.data(), much.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  EXPECT_LT(taken, 32U << 20U) << "no more than the system's buffers";
  EXPECT_THAT(ask(kGetOnce), StartsWith("HTTP/1.1 200"));
  calls_.call_all();
  EXPECT_THAT(reader.read_until("\"called\""), HasSubstr("\"called\""));
}

TEST_F(HttpServerTest, AWaitEndsWithItsDeadline) {
  calls_.patience = 300ms;
  start();
  const auto begin = std::chrono::steady_clock::now();
  auto reader = client();
  reader.send(kLater);
  EXPECT_THAT(reader.read_until("\"over\""), HasSubstr("\"over\""));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 290ms);
  reader.forget();
  reader.send(kGet);
  EXPECT_THAT(reader.read_until("\"method\""), StartsWith("HTTP/1.1 200")) << "the connection is as good as before";
}

TEST_F(HttpServerTest, AnswersAtOnceWhatWaitsWhenItStops) {
  start();
  std::vector<RawClient> readers;
  for (int i = 0; i < 50; ++i) {
    readers.push_back(client());
    readers.back().send(kLater);
  }
  ASSERT_TRUE(wait_for([&] { return calls_.count() == 50; }));
  const auto begin = std::chrono::steady_clock::now();
  std::thread stopper([&] { server_->stop(); });
  for (auto& reader : readers) {
    const auto answer = reader.read_all();
    EXPECT_THAT(answer, HasSubstr("\"over\""));
    EXPECT_THAT(answer, HasSubstr("Connection: close"));
  }
  stopper.join();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
  EXPECT_EQ(calls_.parked, 0);
}

TEST_F(HttpServerTest, CutsWhatDoesNotFinishWithinTheGrace) {
  options_.limits.stop_grace = 200ms;
  start();
  auto reader = client();
  reader.send("GET /endless HTTP/1.1\r\nHost: h\r\n\r\n");
  reader.read_until("piece 1\n");
  const auto begin = std::chrono::steady_clock::now();
  server_->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
}

TEST_F(HttpServerTest, StartsAndStopsAgainAndAgainUnderLoad) {
  start();
  std::atomic<bool> done = false;
  std::vector<std::thread> threads;
  for (int n = 0; n < 4; ++n)
    threads.emplace_back([&] {
      while (!done) {
        auto raw = RawClient::unix_socket(path_);
        if (raw.connected() && raw.send(kGet)) raw.read_until("}", 200ms);
      }
    });
  for (int n = 0; n < 20; ++n) {
    std::this_thread::sleep_for(5ms);
    server_->stop();
    server_->stop();
    ASSERT_TRUE(server_->start());
    ASSERT_TRUE(server_->start());
  }
  done = true;
  for (auto& thread : threads) thread.join();
}

TEST(ListenAddressTest, KnowsLoopbackAndRefusesNames) {
  EXPECT_TRUE(parse_listen_address("127.0.0.1:8080")->loopback);
  EXPECT_TRUE(parse_listen_address("localhost:0")->loopback);
  EXPECT_TRUE(parse_listen_address("[::1]:8080")->loopback);
  EXPECT_FALSE(parse_listen_address("0.0.0.0:80")->loopback);
  EXPECT_FALSE(parse_listen_address("[::]:80")->loopback);
  for (const auto* text : {"", "8080", ":8080", "host:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "::1:80",
                           "[127.0.0.1]:80", "127.0.0.1:80x", "[::1]"})
    EXPECT_FALSE(parse_listen_address(text)) << text;
}

TEST(ListenAddressTest, ListensOnIpv6) {
  const auto listener = Listener::tcp(parse_listen_address("[::1]:0").value());
  ASSERT_TRUE(listener) << listener.error().message;
  EXPECT_NE(listener->port(), 0);
  EXPECT_EQ(Listener::tcp({"::1", listener->port(), true}).error().code, ErrorCode::conflict);
}

}  // namespace
}  // namespace mtmsg::http
