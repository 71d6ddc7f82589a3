#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <sys/types.h>

namespace mtmsg::test {

/// A server of this machine, with its children: what it costs.
class ServerProcess {
 public:
  /// The process that listens on this TCP port; none when it is another machine's, or another user's.
  static std::optional<ServerProcess> listening_on(std::uint16_t port);

  /// User and system time of the process, of its children, and of the children that have ended.
  std::chrono::milliseconds cpu_time() const;
  /// Resident, of the process alone.
  std::size_t memory_bytes() const;

 private:
  explicit ServerProcess(pid_t pid) : pid_(pid) {}
  pid_t pid_;
};

/// RabbitMQ's port and PostgreSQL's, as the environment names them.
std::uint16_t broker_port();
std::uint16_t database_port();

}  // namespace mtmsg::test
