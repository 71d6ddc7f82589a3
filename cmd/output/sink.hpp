#pragma once

#include <string>
#include <string_view>

namespace mtmsg::ctl {

/// Somewhere to write. One thread.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void write(std::string_view text) = 0;
  virtual void flush() = 0;
};

/// Nobody reads what we write any more (EPIPE): the shell's way is to end without a word.
struct ReaderGone {};

/// A file descriptor, buffered. Throws ReaderGone, or Failure when the system refuses (a full disk).
class FileSink final : public Sink {
 public:
  explicit FileSink(int fd) : fd_(fd) {}
  void write(std::string_view text) override;
  void flush() override;

 private:
  int fd_;
  std::string buffer_;
};

/// Keeps it, for tests.
class StringSink final : public Sink {
 public:
  void write(std::string_view more) override { text += more; }
  void flush() override {}
  std::string text;
};

}  // namespace mtmsg::ctl
