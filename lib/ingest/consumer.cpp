#include "ingest/consumer.hpp"

namespace mtmsg::ingest {

bool Consumer::note(bool suspicious) noexcept {
  const bool changed = careful != suspicious && wanted_prefetch > 1;
  careful = suspicious;
  return changed;
}

Consumer::Step Consumer::next_step() const noexcept {
  const bool consuming = !tag.empty();
  switch (wanted) {
    case Wanted::serve:
      if (reopen && channel_open) return Step::close_channel;
      if (admission == Admission::closed) return channel_open ? Step::close_channel : Step::none;
      if (admission == Admission::hold) return Step::none;
      if (!channel_open) return Step::open_channel;
      if (!consuming) return Step::consume;
      return prefetch == target_prefetch() ? Step::none : Step::cancel;
    case Wanted::idle:
      return consuming ? Step::cancel : Step::none;
    case Wanted::leave:
      if (consuming) return Step::cancel;
      return channel_open && ledger.unacked() == 0 ? Step::close_channel : Step::none;
    case Wanted::drop:
      return channel_open ? Step::close_channel : Step::none;
  }
  return Step::none;
}

bool Consumer::settled() const noexcept {
  switch (wanted) {
    case Wanted::serve:
      return !tag.empty() && prefetch == target_prefetch() && !reopen;
    case Wanted::idle:
      return tag.empty();
    case Wanted::leave:
    case Wanted::drop:
      return !channel_open;
  }
  return false;
}

void Consumer::channel_lost() noexcept {
  channel_open = false;
  asking.clear();
  tag.clear();
  prefetch = 0;
  careful = true;
  reopen = false;
  ledger = AckLedger{};
}

}  // namespace mtmsg::ingest
