#include "daemon/notify.hpp"

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace mtmsg::daemon {
namespace {

/// A service manager's end of NOTIFY_SOCKET.
class NotifySocket {
 public:
  NotifySocket() {
    std::string directory = (std::filesystem::temp_directory_path() / "mtmsg-notify-XXXXXX").string();
    directory_ = ::mkdtemp(directory.data());
    const auto path = (directory_ / "socket").string();
    fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    if (::bind(fd_, static_cast<const sockaddr*>(static_cast<const void*>(&address)), sizeof address) != 0)
      std::abort();
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  ~NotifySocket() {
    ::unsetenv("NOTIFY_SOCKET");
    ::close(fd_);
    std::filesystem::remove_all(directory_);
  }

  std::string receive() const {
    char buffer[4096];
    const auto count = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    return count > 0 ? std::string(buffer, static_cast<std::size_t>(count)) : std::string();
  }

 private:
  std::filesystem::path directory_;
  int fd_ = -1;
};

TEST(Notify, TellsTheServiceManagerWhatHappens) {
  const NotifySocket manager;
  notify_ready("5 tenants");
  EXPECT_EQ(manager.receive(), "READY=1\nSTATUS=5 tenants");
  notify_status("storing");
  EXPECT_EQ(manager.receive(), "STATUS=storing");
  notify_extend_timeout(std::chrono::seconds(2));
  EXPECT_EQ(manager.receive(), "EXTEND_TIMEOUT_USEC=2000000");
  notify_reloading();
  EXPECT_TRUE(manager.receive().starts_with("RELOADING=1\nMONOTONIC_USEC="));
  notify_stopping("draining");
  EXPECT_EQ(manager.receive(), "STOPPING=1\nSTATUS=draining");
}

TEST(Notify, CannotBeMadeToSaySomethingElseByAText) {
  const NotifySocket manager;
  notify_status("a\nMAINPID=1");
  EXPECT_EQ(manager.receive(), "STATUS=a\\nMAINPID=1");
}

TEST(Notify, DoesNothingWithoutAServiceManager) {
  ::unsetenv("NOTIFY_SOCKET");
  notify_ready("x");
  notify_stopping("x");
}

}  // namespace
}  // namespace mtmsg::daemon
