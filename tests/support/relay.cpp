#include "support/relay.hpp"

#include <array>
#include <atomic>
#include <future>
#include <optional>
#include <set>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <fcntl.h>

namespace mtmsg::test {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::size_t kGreetingBytes = 4096;

/// Where in a URL HOST:PORT is.
struct Authority {
  explicit Authority(const std::string& url) {
    begin = url.find("//") + 2;
    end = std::min(url.find_first_of("/?", begin), url.size());
    const auto at = url.rfind('@', end);
    if (at != std::string::npos && at > begin) begin = at + 1;
  }
  std::size_t begin;
  std::size_t end;
};

tcp::endpoint endpoint_of(const std::string& url) {
  const Authority authority(url);
  const auto text = url.substr(authority.begin, authority.end - authority.begin);
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) throw std::runtime_error("a relay needs a URL with a port");
  const auto host = text.substr(0, colon);
  return {asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host),
          static_cast<std::uint16_t>(std::stoul(text.substr(colon + 1)))};
}

/// The daemon and its clients are started by this process and must not keep open what is closed here.
template <class Socket>
void keep_from_children(Socket& socket) {
  ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
}

}  // namespace

struct Relay::Impl {
  struct Pipe;
  /// One direction of a pipe: read, hold back while frozen, write, again.
  struct Flow {
    Flow(Pipe& of, tcp::socket& source, tcp::socket& target, asio::io_context& io)
        : pipe(of), from(source), to(target), wait(io) {}

    Pipe& pipe;
    tcp::socket& from;
    tcp::socket& to;
    asio::steady_timer wait;
    std::array<char, 65536> buffer{};
    std::size_t size = 0;
    bool doomed = false;  // what it holds is an answer nobody may see
  };
  struct Pipe {
    Pipe(tcp::socket socket, asio::io_context& io)
        : client(std::move(socket)), server(io), up(*this, client, server, io), down(*this, server, client, io) {}
    void close() {
      boost::system::error_code ignored;
      client.close(ignored);
      server.close(ignored);
    }
    tcp::socket client;
    tcp::socket server;
    std::string greeting;
    Flow up;
    Flow down;
  };
  using Handle = std::shared_ptr<Pipe>;

  explicit Impl(std::string target_url)
      : url(std::move(target_url)), target(endpoint_of(url)), work(io.get_executor()), acceptor(io) {
    listen(tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    port = acceptor.local_endpoint().port();
    thread = std::thread([this] { io.run(); });
  }
  ~Impl() {
    io.stop();
    thread.join();
  }

  /// On the relay's thread, and waits for it.
  template <class Work>
  void run(Work work_there) {
    std::packaged_task<void()> task(std::move(work_there));
    auto done = task.get_future();
    asio::post(io, [&task] { task(); });
    done.get();
  }

  boost::system::error_code listen(const tcp::endpoint& where) {
    boost::system::error_code error;
    if (acceptor.is_open()) return error;
    acceptor.open(where.protocol());
    keep_from_children(acceptor);
    acceptor.set_option(tcp::acceptor::reuse_address(true));
    if (acceptor.bind(where, error) || acceptor.listen(asio::socket_base::max_listen_connections, error)) {
      acceptor.close();
      return error;
    }
    take();
    return error;
  }
  void take() {
    acceptor.async_accept([this](const boost::system::error_code& error, tcp::socket client) {
      if (error) return;
      const auto pipe = std::make_shared<Pipe>(std::move(client), io);
      boost::system::error_code refused;
      keep_from_children(pipe->client);
      pipe->server.open(target.protocol());
      keep_from_children(pipe->server);
      pipe->server.connect(target, refused);
      if (refused) {
        pipe->close();
      } else {
        pipe->client.set_option(tcp::no_delay(true));
        pipe->server.set_option(tcp::no_delay(true));
        pipes.insert(pipe);
        read(pipe, pipe->up);
        read(pipe, pipe->down);
      }
      take();
    });
  }

  void read(const Handle& pipe, Flow& flow) {
    flow.from.async_read_some(asio::buffer(flow.buffer),
                              [this, pipe, &flow](const boost::system::error_code& error, std::size_t size) {
                                if (error) return drop(pipe);
                                flow.size = size;
                                arrived(pipe, flow);
                              });
  }
  void arrived(const Handle& pipe, Flow& flow) {
    const std::string_view bytes(flow.buffer.data(), flow.size);
    const bool from_client = &flow == &pipe->up;
    if (from_client && pipe->greeting.size() < kGreetingBytes) pipe->greeting += bytes;
    if (from_client && needle && bytes.find(*needle) != std::string_view::npos) {
      needle.reset();
      pipe->down.doomed = true;
    }
    if (flow.doomed) {
      drop(pipe);
      cuts = true;
      return;
    }
    if (pause.count() == 0) return pass(pipe, flow);
    flow.wait.expires_after(pause);
    flow.wait.async_wait([this, pipe, &flow](const boost::system::error_code&) { pass(pipe, flow); });
  }
  void pass(const Handle& pipe, Flow& flow) {
    if (frozen && pipe->client.is_open()) {
      flow.wait.expires_after(std::chrono::milliseconds(5));
      flow.wait.async_wait([this, pipe, &flow](const boost::system::error_code&) { pass(pipe, flow); });
      return;
    }
    asio::async_write(flow.to, asio::buffer(flow.buffer, flow.size),
                      [this, pipe, &flow](const boost::system::error_code& error, std::size_t) {
                        if (error) return drop(pipe);
                        read(pipe, flow);
                      });
  }
  void drop(const Handle& pipe) {
    pipe->close();
    pipes.erase(pipe);
  }
  std::vector<Handle> with_greeting(const std::string& greeting) const {
    std::vector<Handle> found;
    for (const auto& pipe : pipes) {
      if (pipe->greeting.find(greeting) != std::string::npos) found.push_back(pipe);
    }
    return found;
  }

  const std::string url;
  const tcp::endpoint target;
  std::uint16_t port = 0;

  // The relay's thread only.
  asio::io_context io;
  asio::executor_work_guard<asio::io_context::executor_type> work;
  tcp::acceptor acceptor;
  std::set<Handle> pipes;
  bool frozen = false;
  std::chrono::milliseconds pause{0};
  std::optional<std::string> needle;

  std::atomic<bool> cuts = false;
  std::thread thread;
};

Relay::Relay(const std::string& target_url) : impl_(std::make_unique<Impl>(target_url)) {}
Relay::~Relay() = default;

std::string Relay::url() const {
  return through(impl_->url);
}

std::string Relay::through(const std::string& url) const {
  const Authority authority(url);
  return url.substr(0, authority.begin) + address() + url.substr(authority.end);
}

std::string Relay::address() const {
  return "127.0.0.1:" + std::to_string(impl_->port);
}

void Relay::cut(const std::string& greeting) {
  impl_->run([&] {
    for (const auto& pipe : impl_->with_greeting(greeting)) impl_->drop(pipe);
  });
}

void Relay::reset() {
  impl_->run([&] {
    for (const auto& pipe : impl_->with_greeting({})) {
      pipe->client.set_option(asio::socket_base::linger(true, 0));
      impl_->drop(pipe);
    }
  });
}

void Relay::freeze() {
  impl_->run([&] { impl_->frozen = true; });
}

void Relay::thaw() {
  impl_->run([&] { impl_->frozen = false; });
}

void Relay::refuse() {
  impl_->run([&] { impl_->acceptor.close(); });
}

void Relay::accept() {
  // Meanwhile somebody's outgoing connection may have been given the port, for as long as it lasts.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  boost::system::error_code taken;
  do {
    impl_->run([&] { taken = impl_->listen(tcp::endpoint(asio::ip::address_v4::loopback(), impl_->port)); });
    if (!taken) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  } while (std::chrono::steady_clock::now() < deadline);
  throw std::runtime_error("the relay's port is taken: " + taken.message());
}

void Relay::delay(std::chrono::milliseconds time) {
  impl_->run([&] { impl_->pause = time; });
}

void Relay::cut_after(std::string needle) {
  impl_->cuts = false;
  impl_->run([&] { impl_->needle = std::move(needle); });
}

bool Relay::has_cut() const {
  return impl_->cuts;
}

void Relay::say_to_client(const std::string& greeting, std::string bytes) {
  impl_->run([&] {
    for (const auto& pipe : impl_->with_greeting(greeting)) asio::write(pipe->client, asio::buffer(bytes));
  });
}

void Relay::say_to_server(const std::string& greeting, std::string bytes) {
  impl_->run([&] {
    for (const auto& pipe : impl_->with_greeting(greeting)) asio::write(pipe->server, asio::buffer(bytes));
  });
}

}  // namespace mtmsg::test
