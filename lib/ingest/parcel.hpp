#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>
#include <string_view>
#include <vector>

#include "core/ids.hpp"
#include "domain/tenant.hpp"

namespace mtmsg::ingest {

/// Counts what is allocated through it and not freed yet. Any thread.
class CountedMemory final : public std::pmr::memory_resource {
 public:
  std::size_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    auto* block = std::pmr::new_delete_resource()->allocate(bytes, alignment);
    bytes_.fetch_add(bytes, std::memory_order_relaxed);
    return block;
  }
  void do_deallocate(void* block, std::size_t bytes, std::size_t alignment) override {
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    std::pmr::new_delete_resource()->deallocate(block, bytes, alignment);
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  std::atomic<std::size_t> bytes_{0};
};

/// The bytes of one burst of deliveries. Filled by one link thread, then only read; freed with its last Parcel.
using Arena = std::pmr::monotonic_buffer_resource;

/// Counts the channels that were opened for a tenant: a delivery tag means nothing on another one.
using Generation = TypedNumber<struct GenerationKind, std::uint64_t>;

/// A delivery on its way from the link to a writer. Who it is was decided once, when it arrived.
struct Parcel {
  std::shared_ptr<const Arena> arena;  ///< what the views below point into
  DeliveryTag tag;
  MessageId id;
  bool has_own_id = true;  ///< false: no message_id, so it is stored at least once, not exactly once
  bool redelivered = false;
  bool on_record = false;  ///< of an ordered tenant's suspicious message: a try of it is
  std::uint32_t delivery_count = 0;
  std::optional<Timestamp> published_at;
  std::string_view body;
  std::string_view headers;
  std::string_view exchange;     ///< where it was published; in the arena once for all in a row that have the same
  std::string_view routing_key;  ///< likewise
  MessageId record;              ///< if on_record: the id of the letter that its tries are counted in

  /// Deliveries without an answer from which on a message is suspected of bringing the daemon down.
  static constexpr std::uint32_t kSuspicious = 2;
  bool suspicious() const noexcept { return delivery_count >= kSuspicious; }

  /// Of an ordered tenant, from which on its tries are put on record (Writer).
  static constexpr std::uint32_t kOnRecord = 3;

  /// Lets go of the bytes; the tag and who it is stay.
  void release() noexcept {
    arena.reset();
    body = headers = exchange = routing_key = {};
  }

  /// What it costs to keep.
  std::size_t bytes() const noexcept { return body.size() + headers.size() + sizeof(Parcel); }
};

}  // namespace mtmsg::ingest
