#include "http/responder.hpp"

#include <cstring>
#include <functional>
#include <string>

#include <httplib.h>

namespace mtmsg::http {
namespace {

/// The request the library sees: one line we wrote. Its answer goes to the sink.
class LibraryStream final : public httplib::Stream {
 public:
  LibraryStream(std::string_view request, ByteSink& sink) : request_(request), sink_(sink) {}

  ssize_t read(char* to, std::size_t size) override {
    const auto n = std::min(size, request_.size());
    std::memcpy(to, request_.data(), n);
    request_.remove_prefix(n);
    return static_cast<ssize_t>(n);
  }
  ssize_t write(const char* bytes, std::size_t size) override {
    return sink_.write({bytes, size}) ? static_cast<ssize_t>(size) : -1;
  }

  bool is_readable() const override { return true; }
  bool is_writable() const override { return sink_.alive(); }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  /// None: the library would refuse descriptors above FD_SETSIZE where it was built with select(2).
  socket_t socket() const override { return INVALID_SOCKET; }

 private:
  std::string_view request_;
  ByteSink& sink_;
};

httplib::ContentProviderWithoutLength provider_of(BodyStream stream) {
  return [stream = std::move(stream), buffer = std::string()](std::size_t, httplib::DataSink& sink) mutable {
    buffer.clear();
    StreamStep step = StreamStep::broken;
    try {
      step = stream(buffer);
    } catch (const std::exception&) {
      return false;  // the missing end tells the client; nothing can be said any more
    }
    if (!buffer.empty() && !sink.write(buffer.data(), buffer.size())) return false;
    if (step == StreamStep::done) sink.done();
    return step != StreamStep::broken;
  };
}

}  // namespace

struct Responder::Impl final : httplib::Server {
  explicit Impl(std::chrono::seconds idle_timeout) {
    set_keep_alive_timeout(idle_timeout.count());
    set_keep_alive_max_count(1'000'000);
    svr_sock_ = 0;  // any value but INVALID_SOCKET, which would cut every stream; it is never used as a socket
    set_pre_routing_handler([this](const httplib::Request&, httplib::Response& out) {
      fill(out);
      return HandlerResponse::Handled;
    });
  }
  ~Impl() override = default;

  bool send(Response answer, Framing framing, ByteSink& sink) {
    response_ = std::move(answer);
    framing_ = framing;
    std::string request = framing.head_only ? "HEAD / HTTP/1." : "GET / HTTP/1.";
    request += framing.http_1_0 ? "0\r\n" : "1\r\n";
    if (!framing.keep_alive)
      request += "Connection: close\r\n";
    else if (framing.http_1_0)
      request += "Connection: Keep-Alive\r\n";
    request += "\r\n";
    LibraryStream stream(request, sink);
    bool closed = false;
    return call(&Impl::process_request, stream, !framing.keep_alive, closed);
  }

 private:
  void fill(httplib::Response& out) {
    out.status = response_.status;
    for (auto& [name, value] : response_.headers) out.set_header(name.c_str(), value);
    if (response_.stream) {
      const auto* type = response_.content_type.c_str();
      if (framing_.http_1_0)
        out.set_content_provider(type, provider_of(std::move(response_.stream)));
      else
        out.set_chunked_content_provider(type, provider_of(std::move(response_.stream)));
      return;
    }
    out.body = std::move(response_.body);
    if (!response_.content_type.empty()) out.set_header("Content-Type", response_.content_type);
  }

  // The library's signature differs between its releases; the one that is there is chosen by the pointer's type.
  using Setup = std::function<void(httplib::Request&)>;
  using Plain = bool (httplib::Server::*)(httplib::Stream&, bool, bool&, const Setup&);
  using WithAddresses = bool (httplib::Server::*)(httplib::Stream&, const std::string&, int, const std::string&, int,
                                                  bool, bool&, const Setup&);

  bool call(Plain process, LibraryStream& stream, bool close, bool& closed) {
    return (this->*process)(stream, close, closed, nullptr);
  }
  bool call(WithAddresses process, LibraryStream& stream, bool close, bool& closed) {
    return (this->*process)(stream, {}, 0, {}, 0, close, closed, nullptr);
  }

  Response response_;
  Framing framing_;
};

Responder::Responder(std::chrono::seconds idle_timeout) : impl_(std::make_unique<Impl>(idle_timeout)) {}
Responder::~Responder() = default;
Responder::Responder(Responder&&) noexcept = default;

bool Responder::send(Response response, Framing framing, ByteSink& sink) {
  return impl_->send(std::move(response), framing, sink);
}

}  // namespace mtmsg::http
