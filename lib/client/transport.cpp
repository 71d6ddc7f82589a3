#include "client/transport.hpp"

#include <cerrno>
#include <cstring>

#include <httplib.h>
#include <sys/socket.h>

#include "tls/context.hpp"
#include "tls/errors.hpp"
#include "wire/problem.hpp"

namespace mtmsg::client {
namespace {

// An error's body is for people; more than this is not from our daemon.
constexpr std::size_t kMaxProblemBytes = std::size_t{64} << 10U;

// Of a stream, for the observer.
constexpr std::size_t kMaxObservedBytes = std::size_t{256} << 10U;

std::unique_ptr<httplib::ClientImpl> connect_to(const Endpoint& endpoint) {
  switch (endpoint.scheme) {
    case Endpoint::Scheme::unix_socket: {
      auto http = std::make_unique<httplib::ClientImpl>(endpoint.path);
      http->set_address_family(AF_UNIX);
      return http;
    }
    case Endpoint::Scheme::http:
      return std::make_unique<httplib::ClientImpl>(endpoint.host, endpoint.port);
    case Endpoint::Scheme::https:
      return std::make_unique<httplib::SSLClient>(endpoint.host, endpoint.port);
  }
  return nullptr;
}

/// RFC 9110, 7.2. The library would send the socket's path.
std::string host_header(const Endpoint& endpoint) {
  if (endpoint.scheme == Endpoint::Scheme::unix_socket) return "localhost";
  const auto text = endpoint.to_string();
  return text.substr(text.find("://") + 3);
}

/// Statuses that something between us and the daemon (a proxy) may send without a problem's code.
ErrorCode code_of_status(int status) {
  switch (status) {
    case 400:
      return ErrorCode::invalid_argument;
    case 401:
      return ErrorCode::unauthenticated;
    case 403:
      return ErrorCode::forbidden;
    case 404:
      return ErrorCode::not_found;
    case 409:
      return ErrorCode::conflict;
    case 412:
      return ErrorCode::precondition_failed;
    case 413:
      return ErrorCode::too_large;
    case 429:
      return ErrorCode::rate_limited;
    case 504:
      return ErrorCode::timeout;
    default:
      return ErrorCode::internal;
  }
}

CallError refused(int status, std::string_view body) {
  const auto read = wire::read_problem(body);
  const auto problem = read ? *read : wire::Problem{};
  auto message = !problem.detail.empty() ? problem.detail : problem.title;
  if (message.empty()) message = "the server answered with HTTP status " + std::to_string(status);
  const auto code = wire::error_code_from(problem.code).value_or(code_of_status(status));
  return {CallError::Cause::refused, fail(code, std::move(message)), problem.request_id};
}

std::string_view name_of(httplib::Error error) {
  switch (error) {
    case httplib::Error::Connection:
      return "cannot connect";
    case httplib::Error::Read:
      return "no complete answer: the connection broke, or the time limit (--timeout) passed";
    case httplib::Error::Write:
      return "the connection broke while sending";
    case httplib::Error::SSLConnection:
      return "TLS could not be agreed on";
    case httplib::Error::SSLLoadingCerts:
      return "the certificates to trust could not be read";
    case httplib::Error::SSLServerVerification:
      return "its certificate is not for this name";
    case httplib::Error::ConnectionTimeout:
      return "no connection within the time limit (--timeout)";
    default:
      return "the connection failed";
  }
}

/// At least a part of the request.
bool was_sent(httplib::Error error) {
  return error == httplib::Error::Read || error == httplib::Error::Write;
}

tls::ClientFiles files_of(const Options& options) {
  return {options.ca_file, options.client_cert, options.client_key};
}

/// `system_error`: errno after the call. The library keeps it to itself, but only connect(2) and socket(2) came last.
std::string reason_of(httplib::Error error, int system_error) {
  std::string reason(name_of(error));
  if (error == httplib::Error::Connection && system_error != 0 && system_error != EINPROGRESS)
    reason += std::string(" (") + std::strerror(system_error) + ")";
  return reason;
}

}  // namespace

struct Transport::Http {
  std::unique_ptr<httplib::ClientImpl> client;
  httplib::SSLClient* tls = nullptr;  // the same, if it is one
  std::string unusable;               // why its files of TLS can't be used
};

Transport::Transport(Endpoint endpoint, Options options)
    : endpoint_(std::move(endpoint)), options_(std::move(options)), http_(std::make_unique<Http>()) {
  http_->client = connect_to(endpoint_);
  if (endpoint_.scheme == Endpoint::Scheme::https) {
    http_->tls = dynamic_cast<httplib::SSLClient*>(http_->client.get());
    // The library trusts the system's CAs where it is given no file of its own.
    if (!options_.ca_file.empty()) http_->tls->set_ca_cert_path(options_.ca_file.c_str());
    http_->tls->enable_server_certificate_verification(true);
    const auto used = tls::use_files(http_->tls->ssl_context(), files_of(options_));
    if (used.has_error()) http_->unusable = used.error().message;
  }
  auto& client = *http_->client;
  client.set_connection_timeout(options_.timeout);
  client.set_read_timeout(options_.timeout);
  client.set_write_timeout(options_.timeout);
  client.set_keep_alive(true);
  if (endpoint_.scheme != Endpoint::Scheme::unix_socket) client.set_tcp_nodelay(true);
}

Transport::~Transport() = default;

void Transport::interrupt() noexcept {
  http_->client->stop();
}

Result<void> check_tls_files(const Options& options) {
  const auto context = tls::Context::client(files_of(options));
  return context.has_error() ? Result<void>(context.error()) : Result<void>();
}

/// With what TLS has to say to it.
std::string Transport::tls_reason(std::string reason) const {
  if (http_->tls == nullptr) return reason;
  const auto said = tls::take_error({});
  if (const auto verified = http_->tls->get_openssl_verify_result(); verified != 0)
    return tls::describe_verification(verified, endpoint_.host, options_.ca_file);
  return said.empty() ? reason : reason + " (" + said + ")";
}

CallError Transport::unreachable(std::string_view reason, bool perhaps_done) const {
  return {CallError::Cause::unreachable,
          fail(ErrorCode::timeout,
               "cannot reach " + options_.server + " at " + endpoint_.to_string() + ": " + std::string(reason)),
          {},
          perhaps_done};
}

namespace {

httplib::Request to_httplib(const HttpRequest& request, const Endpoint& endpoint, const Options& options) {
  httplib::Request out;
  out.method = request.method;
  out.path = request.path;
  out.body = request.body;
  out.set_header("Host", host_header(endpoint));
  out.set_header("Accept", request.accept + ", application/problem+json");
  out.set_header("Accept-Encoding", "identity");
  for (const auto& [name, value] : request.headers) out.set_header(name, value);
  if (!request.content_type.empty()) out.set_header("Content-Type", request.content_type);
  if (!options.token.empty()) out.set_header("Authorization", "Bearer " + options.token);
  return out;
}

void observe(const Options& options, const HttpRequest& request, const httplib::Response& response,
             std::string_view body, bool whole) {
  if (!options.observer) return;
  Exchange exchange{request.method, request.path, request.content_type, request.body, response.status, {}, body, whole};
  for (const auto& [name, value] : response.headers) exchange.headers.emplace_back(name, value);
  options.observer(exchange);
}

}  // namespace

Call<HttpAnswer> Transport::send(const HttpRequest& request) {
  auto answer = exchange(request);
  if (answer && answer->status >= 400) return refused(answer->status, answer->body);
  return answer;
}

Call<HttpAnswer> Transport::exchange(const HttpRequest& request) {
  http_->client->set_read_timeout(options_.timeout + request.wait);
  if (!http_->unusable.empty()) return unreachable(http_->unusable, false);
  (void)tls::take_error({});
  errno = 0;
  const auto result = http_->client->send(to_httplib(request, endpoint_, options_));
  const int system_error = errno;
  if (!result) return unreachable(tls_reason(reason_of(result.error(), system_error)), was_sent(result.error()));
  observe(options_, request, *result, result->body, true);
  return HttpAnswer{result->status, result->body};
}

Call<Transport::Received> Transport::receive(const HttpRequest& request, const Receiver& receiver) {
  auto out = to_httplib(request, endpoint_, options_);
  int status = 0;
  std::string problem;
  httplib::Response begun;
  std::string observed;
  bool whole = true;
  out.response_handler = [&](const httplib::Response& response) {
    status = response.status;
    begun.status = response.status;
    begun.headers = response.headers;
    return true;
  };
  out.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
    if (options_.observer) {
      observed.append(data, std::min(size, kMaxObservedBytes - observed.size()));
      whole = whole && observed.size() < kMaxObservedBytes;
    }
    if (status < 400) return receiver({data, size});
    problem.append(data, size);
    return problem.size() <= kMaxProblemBytes;
  };
  http_->client->set_read_timeout(options_.timeout + request.wait);
  if (!http_->unusable.empty()) return unreachable(http_->unusable, false);
  (void)tls::take_error({});
  errno = 0;
  const auto result = http_->client->send(out);
  const int system_error = errno;
  if (status == 0) return unreachable(tls_reason(reason_of(result.error(), system_error)), was_sent(result.error()));
  observe(options_, request, begun, observed, whole && result);
  if (status >= 400) return refused(status, problem);
  return Received{{status, {}}, static_cast<bool>(result)};
}

std::string percent_encode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                            c == '.' || c == '_' || c == '~';
    if (unreserved) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4U];
    out += kHex[byte & 15U];
  }
  return out;
}

}  // namespace mtmsg::client
