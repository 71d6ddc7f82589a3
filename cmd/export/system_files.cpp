#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/export/files.hpp"
#include "core/result.hpp"
#include "core/uuid.hpp"

namespace mtmsg::ctl {
namespace {

constexpr mode_t kMode = 0666;  // less the umask, as every tool's output

[[noreturn]] void refuse(std::string_view doing, const std::string& path, int error) {
  throw Failure(fail(ErrorCode::internal, "cannot " + std::string(doing) + " " + path + ": " + std::strerror(error)));
}

class Descriptor {
 public:
  Descriptor(std::string_view doing, const std::string& path, int flags)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, kMode)) {
    if (fd_ < 0) refuse(doing, path, errno);
  }
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const noexcept { return fd_; }

 private:
  int fd_;
};

void sync(int fd, const std::string& path) {
  if (::fsync(fd) != 0) refuse("write", path, errno);
}

/// A name is as durable as its folder.
void sync_folder_of(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path().string();
  const auto name = folder.empty() ? std::string(".") : folder;
  const Descriptor opened("open the folder", name, O_RDONLY | O_DIRECTORY);
  // Some file systems have no such thing as syncing a folder.
  if (::fsync(opened.get()) != 0 && errno != EINVAL) refuse("write the folder", name, errno);
}

void write_all(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const auto written = ::write(fd, text.data(), text.size());
    if (written >= 0)
      text.remove_prefix(static_cast<std::size_t>(written));
    else if (errno == EPIPE)
      throw ReaderGone{};
    else if (errno != EINTR)
      refuse("write", path, errno);
  }
}

class SystemFile final : public OutputFile {
 public:
  SystemFile(std::string_view doing, const std::string& path, int flags) : path_(path), file_(doing, path, flags) {}
  void write(std::string_view text) override { write_all(file_.get(), text, path_); }
  void flush() override {}
  void sync() override { ctl::sync(file_.get(), path_); }

 private:
  std::string path_;
  Descriptor file_;
};

class SystemLock final : public Files::Lock {
 public:
  explicit SystemLock(const std::string& path) : file_("open", path, O_RDWR | O_CREAT) {}
  bool take(const std::string& path) {
    if (::flock(file_.get(), LOCK_EX | LOCK_NB) == 0) return true;
    if (errno != EWOULDBLOCK) refuse("lock", path, errno);
    return false;
  }

 private:
  Descriptor file_;
};

class SystemFiles final : public Files {
 public:
  Kind look(const std::string& path) override {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) return S_ISREG(status.st_mode) ? Kind::regular : Kind::other;
    if (errno != ENOENT) refuse("look at", path, errno);
    return ::lstat(path.c_str(), &status) == 0 ? Kind::other : Kind::none;
  }

  std::optional<std::string> read(const std::string& path) override {
    if (look(path) == Kind::none) return std::nullopt;
    std::ifstream file(path, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (!file.is_open() || file.bad()) refuse("read", path, errno);
    return text;
  }

  void replace(const std::string& path, std::string_view text) override {
    const auto beside = path + ".new";
    {
      // Left by a crash perhaps; whoever may write here is alone, by the lock.
      const Descriptor file("create", beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
      write_all(file.get(), text, beside);
      ctl::sync(file.get(), beside);
    }
    publish_over(beside, path);
  }

  std::unique_ptr<OutputFile> create(const std::string& path) override {
    auto file = std::make_unique<SystemFile>("create", path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
    sync_folder_of(path);
    return file;
  }

  std::unique_ptr<OutputFile> open(const std::string& path) override {
    return std::make_unique<SystemFile>("open", path, O_WRONLY);
  }

  bool publish(const std::string& from, const std::string& to) override {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0) {
      if (errno == EEXIST) return false;
      if (errno != EINVAL && errno != ENOSYS) refuse("name the output", to, errno);
      // A file system that can't refuse to replace (NFS): nearly the same.
      if (look(to) != Kind::none) return false;
      if (::rename(from.c_str(), to.c_str()) != 0) refuse("name the output", to, errno);
    }
    sync_folder_of(to);
    return true;
  }

  void publish_over(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) refuse("replace", to, errno);
    sync_folder_of(to);
  }

  void remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) refuse("remove", path, errno);
  }

  std::unique_ptr<Lock> try_lock(const std::string& path) override {
    auto lock = std::make_unique<SystemLock>(path);
    if (!lock->take(path)) return nullptr;
    return lock;
  }
};

}  // namespace

std::unique_ptr<Files> system_files() {
  return std::make_unique<SystemFiles>();
}

std::string temporary_name(const std::string& folder) {
  return (folder == "/" ? folder : folder + "/") + ".mtmsg-export-" + Uuid::v4().to_string().substr(0, 8) + ".partial";
}

}  // namespace mtmsg::ctl
