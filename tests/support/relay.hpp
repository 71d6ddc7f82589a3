#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace mtmsg::test {

/// A TCP relay to a server, on a thread of its own and a port of its own, that can fail in every way a network can.
/// Any thread; a call is in force when it returns.
class Relay {
 public:
  /// To the host and port of a URL (amqp://…, postgresql://…).
  explicit Relay(const std::string& target_url);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// The target's URL through the relay.
  std::string url() const;
  /// Another URL of the same server through the relay.
  std::string through(const std::string& url) const;
  /// 127.0.0.1:PORT
  std::string address() const;

  /// Ends connections; new ones are taken. With a `greeting` only those whose client said it among its first bytes: a
  /// link of ours tells its name there.
  void cut(const std::string& greeting = {});
  /// The same with RST instead of FIN.
  void reset();
  /// Nothing passes any more, and nobody is told; connections are still taken.
  void freeze();
  void thaw();
  /// Nobody listens at the port; what is connected stays.
  void refuse();
  /// Listens again, at the same port.
  void accept();
  /// Every piece waits so long before it passes on.
  void delay(std::chrono::milliseconds time);
  /// The next piece from a client that holds these bytes passes, and before anything of the answer does, its
  /// connection is cut: the outcome stays unknown. Once.
  void cut_after(std::string needle);
  bool has_cut() const;
  /// Bytes as if the other side had sent them, for connections with this greeting that are quiet at the moment.
  void say_to_client(const std::string& greeting, std::string bytes);
  void say_to_server(const std::string& greeting, std::string bytes);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mtmsg::test
