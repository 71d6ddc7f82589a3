#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cmd/output/sink.hpp"

namespace mtmsg::ctl {

/// A file that is being written. Closed with the object.
class OutputFile : public Sink {
 public:
  /// Everything written so far is on the disk.
  virtual void sync() = 0;
};

/// The files of exports: a small seam, so that tests can crash between any two steps. What the system refuses (a full
/// disk, no permission) is thrown as Failure and names the file. One thread.
class Files {
 public:
  virtual ~Files() = default;

  enum class Kind { none, regular, other };
  virtual Kind look(const std::string& path) = 0;
  /// Nothing when there is no such file.
  virtual std::optional<std::string> read(const std::string& path) = 0;
  /// The file has the old text or the new one, whatever happens; and the new one for good when it returns.
  virtual void replace(const std::string& path, std::string_view text) = 0;
  /// A file that was not there before, and is there after a crash of the machine.
  virtual std::unique_ptr<OutputFile> create(const std::string& path) = 0;
  /// A device or a pipe that is there, to write into.
  virtual std::unique_ptr<OutputFile> open(const std::string& path) = 0;
  /// Gives it another name in the same folder, for good when it returns. False when that name is taken.
  virtual bool publish(const std::string& from, const std::string& to) = 0;
  /// The same, and whatever has the name goes.
  virtual void publish_over(const std::string& from, const std::string& to) = 0;
  /// It may be gone already.
  virtual void remove(const std::string& path) = 0;

  /// Held until it is gone, at the latest with the process.
  class Lock {
   public:
    virtual ~Lock() = default;
  };
  /// Null when somebody else holds it. Makes the file, and leaves it.
  virtual std::unique_ptr<Lock> try_lock(const std::string& path) = 0;
};

std::unique_ptr<Files> system_files();

/// For a file that is to get a name in `folder` later: hidden there, and never twice the same.
std::string temporary_name(const std::string& folder);

}  // namespace mtmsg::ctl
