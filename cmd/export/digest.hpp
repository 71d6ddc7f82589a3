#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace mtmsg::ctl {

/// SHA-256 (FIPS 180-4) of a stream. One thread.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void add(std::string_view bytes);
  /// 64 lower-case hex digits. The last call.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mtmsg::ctl
