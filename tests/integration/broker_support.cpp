#include "integration/broker_support.hpp"

#include <array>
#include <atomic>
#include <set>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "broker/amqp/endpoint.hpp"
#include "core/uuid.hpp"

namespace mtmsg::broker::testing {

namespace ip = asio::ip;

std::string broker_url() {
  const char* url = std::getenv("MTMSG_BROKER_URL");
  if (url == nullptr) throw std::runtime_error("MTMSG_BROKER_URL is not set: see tools/sandbox");
  return url;
}

std::string unique_name(std::string_view prefix) {
  return std::string(prefix) + "-" + Uuid::v4().to_string();
}

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

void Recorder::on_delivery(const Delivery& delivery) noexcept {
  received.push_back({delivery.channel.value, delivery.tag.value, delivery.redelivered, delivery.delivery_count,
                      std::string(delivery.body), std::nullopt, delivery.timestamp,
                      std::string(delivery.headers_json)});
  if (delivery.message_id) received.back().message_id.emplace(*delivery.message_id);
}

void SessionTest::connect(std::string url) {
  options.url = std::move(url);
  options.connection_name = "mtmsg integration test";
  auto connected = broker::connect(io, options, seen);
  ASSERT_TRUE(connected.has_value()) << connected.error().message;
  session = std::move(*connected);
}

void SessionTest::TearDown() {
  // The test may have ended its own session.
  connect(broker_url());
  ASSERT_TRUE(run(session->open_channel(kOne)).has_value());
  for (const auto& queue : queues_) EXPECT_TRUE(run(session->delete_queue(kOne, queue)).has_value());
  run(session->close());
}

void SessionTest::run(asio::awaitable<void> work) {
  bool done = false;
  asio::co_spawn(io, std::move(work), [&](const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
    done = true;
  });
  EXPECT_TRUE(run_until([&] { return done; }));
}

bool SessionTest::run_until(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    io.restart();
    io.run_one_for(std::chrono::milliseconds(100));
  }
  return true;
}

std::string SessionTest::make_queue() {
  (void)run(session->open_channel(kOne));
  QueueSpec spec;
  spec.name = unique_name("mtmsg-test");
  spec.quorum = false;
  const auto made = run(session->declare_queue(kOne, spec));
  EXPECT_TRUE(made.has_value());
  clean_up(spec.name);
  return spec.name;
}

void SessionTest::clean_up(std::string queue) {
  queues_.push_back(std::move(queue));
}

Result<void> SessionTest::publish(Publication publication) {
  if (!std::exchange(publishing_, true)) {
    (void)run(session->open_channel(kPublish));
    (void)run(session->confirm_select(kPublish));
  }
  const auto before = seen.confirms.size();
  const auto closed_before = seen.closed_channels.size();
  const auto number = session->publish(kPublish, publication);
  if (!number) return number.error();
  run_until([&] { return seen.confirms.size() > before || seen.closed_channels.size() > closed_before; });
  if (seen.confirms.size() == before)
    return Error{ErrorCode::broker_rejected, seen.closed_channels.back().second.message};
  EXPECT_EQ(seen.confirms.back().first, number->value);
  return seen.confirms.back().second;
}

struct Relay::Impl {
  struct Pipe {
    explicit Pipe(ip::tcp::socket socket) : client(std::move(socket)), server(client.get_executor()) {}
    ip::tcp::socket client;
    ip::tcp::socket server;
    void close() {
      boost::system::error_code ignored;
      client.close(ignored);
      server.close(ignored);
    }
  };

  Impl() : acceptor(io, ip::tcp::endpoint(ip::address_v4::loopback(), 0)) {
    accept();
    thread = std::thread([this] { io.run(); });
  }
  ~Impl() {
    io.stop();
    thread.join();
  }

  void accept() {
    acceptor.async_accept([this](const boost::system::error_code& error, ip::tcp::socket client) {
      if (error) return;
      const auto pipe = std::make_shared<Pipe>(std::move(client));
      const auto target = amqp::parse_url(broker_url()).value();
      pipe->server.connect({ip::make_address(target.host == "localhost" ? "127.0.0.1" : target.host), target.port});
      pipes.insert(pipe);
      read(std::make_shared<Flow>(pipe, pipe->client, pipe->server, asio::steady_timer(io)));
      read(std::make_shared<Flow>(pipe, pipe->server, pipe->client, asio::steady_timer(io)));
      accept();
    });
  }

  /// One direction of a pipe: read, hold back while frozen, write, again.
  struct Flow {
    Flow(std::shared_ptr<Pipe> of, ip::tcp::socket& source, ip::tcp::socket& target, asio::steady_timer timer)
        : pipe(std::move(of)), from(source), to(target), wait(std::move(timer)) {}

    std::shared_ptr<Pipe> pipe;
    ip::tcp::socket& from;
    ip::tcp::socket& to;
    asio::steady_timer wait;
    std::array<char, 65536> buffer{};
    std::size_t size = 0;
  };
  using Handle = std::shared_ptr<Flow>;

  void read(const Handle& flow) {
    flow->from.async_read_some(asio::buffer(flow->buffer),
                               [this, flow](const boost::system::error_code& error, std::size_t size) {
                                 if (error) return drop(*flow);
                                 flow->size = size;
                                 pass(flow);
                               });
  }
  void pass(const Handle& flow) {
    if (frozen) {
      flow->wait.expires_after(std::chrono::milliseconds(10));
      flow->wait.async_wait([this, flow](const boost::system::error_code&) { pass(flow); });
      return;
    }
    asio::async_write(flow->to, asio::buffer(flow->buffer, flow->size),
                      [this, flow](const boost::system::error_code& error, std::size_t) {
                        if (error) return drop(*flow);
                        read(flow);
                      });
  }
  void drop(Flow& flow) {
    flow.pipe->close();
    pipes.erase(flow.pipe);
  }

  asio::io_context io;
  ip::tcp::acceptor acceptor;
  std::set<std::shared_ptr<Pipe>> pipes;
  std::atomic<bool> frozen = false;
  std::thread thread;
};

Relay::Relay() : impl_(std::make_unique<Impl>()) {}
Relay::~Relay() = default;

std::string Relay::url() const {
  const auto target = amqp::parse_url(broker_url()).value();
  return "amqp://" + target.user + ":" + target.password +
         "@127.0.0.1:" + std::to_string(impl_->acceptor.local_endpoint().port());
}

void Relay::cut() {
  asio::post(impl_->io, [impl = impl_.get()] {
    for (const auto& pipe : impl->pipes) pipe->close();
  });
}

void Relay::freeze() {
  impl_->frozen = true;
}

void Relay::thaw() {
  impl_->frozen = false;
}

}  // namespace mtmsg::broker::testing
