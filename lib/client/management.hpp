#pragma once

#include <string>
#include <string_view>

#include "client/client.hpp"

namespace mtmsg::client {

class Transport;

/// What a user of RabbitMQ may do in a virtual host: regular expressions of names.
struct BrokerPermissions {
  std::string configure;
  std::string write;
  std::string read;
};

/// As much of RabbitMQ's management HTTP API as it takes to give a publisher its permissions
/// (https://www.rabbitmq.com/docs/management). One thread at a time; calls block. A refusal has RabbitMQ's own reason.
class BrokerManagement {
 public:
  struct Login {
    std::string user;
    std::string password;
  };
  BrokerManagement(Endpoint endpoint, const Login& login, std::chrono::seconds timeout);
  ~BrokerManagement();

  Call<bool> user_exists(std::string_view user);
  /// Without tags: nothing of the management API is open to it. Takes another user's place if there is one.
  Call<void> put_user(std::string_view user, std::string_view password);
  Call<void> put_permissions(std::string_view vhost, std::string_view user, const BrokerPermissions& permissions);

 private:
  Call<void> put(std::string path, std::string body);

  std::unique_ptr<Transport> transport_;
  std::string authorization_;
};

}  // namespace mtmsg::client
