#include "client/management.hpp"

#include "client/transport.hpp"
#include "core/base64.hpp"
#include "wire/fields.hpp"
#include "wire/json_text.hpp"

namespace mtmsg::client {
namespace {

constexpr std::size_t kShownReason = 500;

/// {"error":"not_authorised","reason":"Login failed"}; something else when it is not RabbitMQ that answers.
std::string reason_of(std::string_view body) {
  wire::FieldReader fields(body, "error", wire::Reading::tolerant);
  auto error = fields.optional_text("error").value_or("");
  const auto reason = fields.optional_text("reason").value_or("");
  if (!fields.finish()) return {};
  if (!error.empty() && !reason.empty()) error += ": ";
  return (error + reason).substr(0, kShownReason);
}

ErrorCode code_of(int status) {
  switch (status) {
    case 400:
      return ErrorCode::invalid_argument;
    case 401:
      return ErrorCode::unauthenticated;
    case 403:
      return ErrorCode::forbidden;
    case 404:
      return ErrorCode::not_found;
    default:
      return ErrorCode::broker_rejected;
  }
}

CallError refused(const Endpoint& endpoint, const HttpAnswer& answer) {
  auto text =
      "the management API at " + endpoint.to_string() + " refused with HTTP status " + std::to_string(answer.status);
  if (const auto reason = reason_of(answer.body); !reason.empty()) text += " (" + reason + ")";
  return {CallError::Cause::refused, fail(code_of(answer.status), std::move(text))};
}

}  // namespace

BrokerManagement::BrokerManagement(Endpoint endpoint, const Login& login, std::chrono::seconds timeout)
    : transport_(std::make_unique<Transport>(std::move(endpoint), Options{timeout, {}, "RabbitMQ's management API"})),
      authorization_("Basic ") {
  // RFC 7617
  append_base64(authorization_, login.user + ":" + login.password);
}

BrokerManagement::~BrokerManagement() = default;

Call<bool> BrokerManagement::user_exists(std::string_view user) {
  HttpRequest request{"GET", "/api/users/" + percent_encode(user), {}, {}};
  request.headers.emplace_back("Authorization", authorization_);
  const auto answer = transport_->exchange(request);
  if (!answer) return answer.error();
  if (answer->status == 200) return true;
  // A 404 that is not RabbitMQ's own means another server, or an API that is not there.
  if (answer->status == 404 && !reason_of(answer->body).empty()) return false;
  return refused(transport_->endpoint(), *answer);
}

Call<void> BrokerManagement::put_user(std::string_view user, std::string_view password) {
  std::string body;
  wire::ObjectWriter object(body);
  object.text("password", password).text("tags", "").close();
  return put("/api/users/" + percent_encode(user), std::move(body));
}

Call<void> BrokerManagement::put_permissions(std::string_view vhost, std::string_view user,
                                             const BrokerPermissions& permissions) {
  std::string body;
  wire::ObjectWriter object(body);
  object.text("configure", permissions.configure)
      .text("write", permissions.write)
      .text("read", permissions.read)
      .close();
  return put("/api/permissions/" + percent_encode(vhost) + "/" + percent_encode(user), std::move(body));
}

Call<void> BrokerManagement::put(std::string path, std::string body) {
  HttpRequest request{"PUT", std::move(path), std::move(body), "application/json"};
  request.headers.emplace_back("Authorization", authorization_);
  const auto answer = transport_->exchange(request);
  if (!answer) return answer.error();
  if (answer->status == 201 || answer->status == 204) return {};
  return refused(transport_->endpoint(), *answer);
}

}  // namespace mtmsg::client
