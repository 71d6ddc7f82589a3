#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "core/ids.hpp"

namespace mtmsg::http {

/// Who waits for a tenant's next message, and who is called when it is there. Holds no thread. Any thread.
///
/// A place is taken before a reader looks for messages: what is stored after its look is then heard of, whether the
/// reader waits by then or not.
class Waiters {
 public:
  /// Must not throw, block, or call back.
  using Call = std::function<void()>;

  /// One reader. Any thread, one at a time; given back when it is destroyed. The Waiters outlive it.
  class Place {
    /// Only take() makes places, with the mutex held.
    struct Key {};

   public:
    Place(Key key, Waiters& waiters, TenantId tenant);
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    /// `call` is called once, as soon as there is a number above `after`; at once if there is already. Not any more
    /// when a destructor has begun, or another await().
    void await(Sequence after, Call call);
    /// The highest number there was word of.
    Sequence heard() const;

   private:
    friend class Waiters;
    Waiters& waiters_;
    const TenantId tenant_;
    // Guarded by the Waiters' mutex.
    std::list<Place*>::iterator self_;
    Sequence after_{};
    Call call_;
  };

  /// At most `most` readers wait at a time, and half of them for one tenant.
  explicit Waiters(std::size_t most) : most_(most) {}

  /// nullptr when too many wait already.
  std::shared_ptr<Place> take(TenantId tenant);

  /// The tenant's messages up to `last` can be read. Costs one look at a number while nobody waits for anything.
  void ring(TenantId tenant, Sequence last) noexcept;

  bool anybody() const noexcept { return count_ > 0; }
  std::size_t count() const noexcept { return count_; }
  std::vector<TenantId> waited_for() const;

 private:
  struct Tenant {
    Sequence heard;
    std::list<Place*> places;
  };

  const std::size_t most_;
  std::atomic<std::size_t> count_{0};  ///< changed with the mutex held
  mutable std::mutex mutex_;           ///< guards all below, and what is in the places
  std::unordered_map<TenantId, Tenant> tenants_;
};

}  // namespace mtmsg::http
