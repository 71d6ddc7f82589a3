#include "cmd/output/sink.hpp"

#include <cerrno>
#include <cstring>

#include <unistd.h>

#include "core/result.hpp"

namespace mtmsg::ctl {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{64} * 1024;

}  // namespace

void FileSink::write(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= kBufferBytes) flush();
}

void FileSink::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const auto written = ::write(fd_, rest.data(), rest.size());
    if (written >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(written));
      continue;
    }
    if (errno == EINTR) continue;
    const int error = errno;
    buffer_.clear();
    if (error == EPIPE) throw ReaderGone{};
    throw Failure(fail(ErrorCode::internal, std::string("cannot write the output: ") + std::strerror(error)));
  }
  buffer_.clear();
}

}  // namespace mtmsg::ctl
