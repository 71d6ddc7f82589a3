#include "auth/key.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/pem.hpp"

namespace mtmsg::auth {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxKeys = 100;
constexpr std::size_t kMaxFileBytes = 32 << 10;
constexpr std::size_t kMaxIdBytes = 128;

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

Error bad_key(const std::string& path, std::string_view why) {
  return fail(ErrorCode::invalid_argument, "key file " + path + ": " + std::string(why));
}

Error trouble(const std::string& path, int code) {
  auto error = bad_key(path, "can't be read: " + std::generic_category().message(code));
  if (code == ENOENT) error.code = ErrorCode::not_found;
  return error;
}

struct File {
  std::string content;
  mode_t mode = 0;
};

Result<File> read_key_file(const std::string& path) {
  // Not blocking: a FIFO nobody writes to must not hang the reader.
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (descriptor.get() < 0 || ::fstat(descriptor.get(), &status) != 0) return trouble(path, errno);
  if (!S_ISREG(status.st_mode)) return bad_key(path, "is not a file");
  File file{std::string(kMaxFileBytes + 1, '\0'), status.st_mode};
  std::size_t size = 0;
  while (size < file.content.size()) {
    const auto count = ::read(descriptor.get(), file.content.data() + size, file.content.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return trouble(path, errno);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  if (size > kMaxFileBytes) return bad_key(path, "is larger than 32 KiB");
  file.content.resize(size);
  return file;
}

Result<Key> secret_of(Key key, std::string content) {
  if (content.ends_with('\n')) content.pop_back();
  if (content.ends_with('\r')) content.pop_back();
  const auto least = least_secret_bytes(key.algorithm);
  if (content.size() < least) {
    return bad_key(key.file, "has " + std::to_string(content.size()) + " bytes; " +
                                 std::string(to_string(key.algorithm)) + " needs a secret of " + std::to_string(least) +
                                 " or more, such as 'openssl rand -hex " + std::to_string(least) + "' makes");
  }
  key.sign_with = content;
  key.verify_with = std::move(content);
  return key;
}

Result<Key> pair_of(Key key, const std::string& content) {
  auto pair = read_pem(content, key.algorithm);
  if (!pair) return bad_key(key.file, pair.error().message);
  key.verify_with = std::move(pair->public_key);
  key.sign_with = std::move(pair->private_key);
  return key;
}

bool fits_id(std::string_view id) noexcept {
  return !id.empty() && id.size() <= kMaxIdBytes && id.front() != '.' && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

bool is_key_file(const fs::path& path) {
  const auto name = path.filename().string();
  return !name.starts_with('.') && (name.ends_with(".key") || name.ends_with(".pem"));
}

Result<std::vector<fs::path>> key_files(const std::string& directory) {
  std::vector<fs::path> paths;
  std::error_code failed;
  for (fs::directory_iterator at(directory, failed), end; !failed && at != end; at.increment(failed)) {
    if (!is_key_file(at->path())) continue;
    if (paths.size() == kMaxKeys)
      return fail(ErrorCode::invalid_argument, directory + " holds more than " + std::to_string(kMaxKeys) + " keys");
    paths.push_back(at->path());
  }
  if (failed)
    return fail(ErrorCode::invalid_argument, "can't read the directory " + directory + ": " + failed.message());
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

std::optional<KeyName> parse_key_name(std::string_view file_name) {
  const bool secret = file_name.ends_with(".key");
  if (!secret && !file_name.ends_with(".pem")) return std::nullopt;
  file_name.remove_suffix(4);
  const auto dot = file_name.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto algorithm = parse_algorithm(file_name.substr(dot + 1));
  const auto id = file_name.substr(0, dot);
  if (!algorithm || (kind_of(*algorithm) == KeyKind::secret) != secret || !fits_id(id)) return std::nullopt;
  return KeyName{std::string(id), *algorithm};
}

Result<Key> load_key(const std::string& path) {
  auto name = parse_key_name(fs::path(path).filename().string());
  if (!name) {
    return bad_key(path,
                   "its name must be KID.ALG.key for a secret (HS256, HS384, HS512) or KID.ALG.pem for a key of RS256, "
                   "RS384, RS512, ES256, ES384 or ES512, such as 2026-11.HS256.key");
  }
  auto file = read_key_file(path);
  if (!file) return file.error();
  if ((file->mode & S_IWOTH) != 0) return bad_key(path, "everybody may write it: chmod o-w");
  Key key{std::move(name->id), name->algorithm, {}, {}, path};
  auto loaded = kind_of(key.algorithm) == KeyKind::secret ? secret_of(std::move(key), std::move(file->content))
                                                          : pair_of(std::move(key), file->content);
  if (loaded && !loaded->sign_with.empty() && (file->mode & S_IROTH) != 0)
    return bad_key(path, "holds a secret, and everybody may read it: chmod o-r");
  return loaded;
}

Result<std::vector<Key>> load_keys(const std::string& directory) {
  const auto paths = key_files(directory);
  if (!paths) return paths.error();
  std::vector<Key> keys;
  for (const auto& path : *paths) {
    auto key = load_key(path.string());
    if (!key) return key.error();
    for (const auto& other : keys)
      if (other.id == key->id) return bad_key(key->file, "has the same id as " + other.file);
    keys.push_back(std::move(*key));
  }
  return keys;
}

}  // namespace mtmsg::auth
