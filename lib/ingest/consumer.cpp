#include "ingest/consumer.hpp"

namespace mtmsg::ingest {

bool Consumer::takes() noexcept {
  // An ordered tenant that can't be stored can't get fewer either, so it takes no more than it has, or one.
  if (ordered && narrow && ledger.unacked() > 0) frozen = true;
  return !frozen && !reopen;
}

bool Consumer::note(bool delivered_too_often) noexcept {
  const bool changed = careful != delivered_too_often && wanted_prefetch > 1 && !ordered;
  careful = delivered_too_often;
  suspicious = delivered_too_often;
  return changed;
}

Consumer::Step Consumer::next_step() const noexcept {
  const bool consuming = !tag.empty();
  const bool empty_handed = ledger.unacked() == 0;
  const auto end = frozen ? Step::none : ordered ? Step::freeze : Step::cancel;
  switch (wanted) {
    case Wanted::serve:
      if (reopen && channel_open) return Step::close_channel;
      if (admission == Admission::closed) return channel_open ? Step::close_channel : Step::none;
      if (frozen) return empty_handed ? Step::close_channel : Step::none;
      if (admission == Admission::hold) return Step::none;
      if (!channel_open) return Step::open_channel;
      if (!consuming) return ordered && !empty_handed ? Step::none : Step::consume;
      return prefetch == target_prefetch() ? Step::none : end;
    case Wanted::idle:
      return consuming ? end : Step::none;
    case Wanted::leave:
      if (consuming && !frozen) return end;
      return channel_open && empty_handed ? Step::close_channel : Step::none;
    case Wanted::drop:
      return channel_open ? Step::close_channel : Step::none;
  }
  return Step::none;
}

bool Consumer::settled() const noexcept {
  switch (wanted) {
    case Wanted::serve:
      return !tag.empty() && prefetch == target_prefetch() && !reopen && !frozen;
    case Wanted::idle:
      return tag.empty() || frozen;
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
  frozen = false;
  careful = true;
  suspicious = false;
  reopen = false;
  ledger = AckLedger{};
  acked_at.reset();
}

}  // namespace mtmsg::ingest
