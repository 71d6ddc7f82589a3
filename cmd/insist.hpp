#pragma once

#include <algorithm>
#include <chrono>
#include <thread>

#include "client/client.hpp"

namespace mtmsg::ctl {

/// Makes a call that may be made twice, and makes it again while nobody knows whether it was done, or the daemon is on
/// its way out: until there is another answer, or `patience` is over. A daemon that can't be reached at all is told at
/// once.
template <class Make>
auto insist(Make make, std::chrono::milliseconds patience) -> decltype(make()) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kLongestPause{1000};
  std::chrono::milliseconds pause{50};
  auto answer = make();
  const auto passes = [](const client::CallError& error, bool began) {
    if (error.cause == client::CallError::Cause::unreachable) return began || error.perhaps_done;
    const auto code = error.error.code;
    const bool away = code == ErrorCode::broker_unavailable || code == ErrorCode::database_unavailable;
    return code == ErrorCode::stopping || (began && away);  // it comes back before its connections do
  };
  bool began = false;
  for (const auto until = Clock::now() + patience; !answer && passes(answer.error(), began);) {
    if (Clock::now() + pause > until) break;
    began = true;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, kLongestPause);
    answer = make();
  }
  return answer;
}

}  // namespace mtmsg::ctl
