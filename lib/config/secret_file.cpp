#include "config/secret_file.hpp"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mtmsg::config {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const noexcept { return fd_; }

 private:
  int fd_;
};

Error trouble(const std::string& path, int code) {
  auto message = "can't read " + path + ": " + std::generic_category().message(code);
  if (code == EACCES) message += " (is it readable for the user the daemon runs as?)";
  return fail(code == ENOENT ? ErrorCode::not_found : ErrorCode::invalid_argument, std::move(message));
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  // Not blocking: a FIFO nobody writes to must not hang the start.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return trouble(path, errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return trouble(path, errno);
  if (S_ISDIR(status.st_mode)) return trouble(path, EISDIR);
  std::string content;
  char buffer[4096];
  for (;;) {
    const auto count = ::read(file.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return trouble(path, errno);
    if (count == 0) return content;
    content.append(buffer, static_cast<std::size_t>(count));
    if (content.size() > limit) {
      return fail(ErrorCode::too_large, path + " is larger than " + std::to_string(limit) + " bytes");
    }
  }
}

Result<std::string> read_secret_file(const std::string& path) {
  constexpr std::size_t kMaxSecret = 16'384;
  auto content = read_file(path, kMaxSecret);
  if (content.has_error()) return content;
  auto& text = *content;
  if (!text.empty() && text.back() == '\n') text.pop_back();
  if (!text.empty() && text.back() == '\r') text.pop_back();
  if (text.empty()) return fail(ErrorCode::invalid_argument, path + " is empty");
  if (text.find_first_of(std::string_view("\n\r\0", 3)) != std::string::npos) {
    return fail(ErrorCode::invalid_argument, path + " must hold one line and nothing else");
  }
  return content;
}

}  // namespace mtmsg::config
