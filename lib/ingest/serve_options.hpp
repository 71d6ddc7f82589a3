#pragma once

#include <cstddef>
#include <cstdint>

namespace mtmsg::ingest {

/// How a tenant is served.
struct ServeOptions {
  unsigned workers = 1;                ///< an ordered tenant has one, whatever this says
  bool ordered = false;                ///< its messages are stored in the order of its queue, whatever happens
  std::size_t max_message_bytes = 0;   ///< a larger body is a dead letter; 0, or above it: the configured maximum
  std::uint64_t max_stored_bytes = 0;  ///< with as many kept it is full; 0: never

  unsigned effective_workers() const noexcept { return ordered ? 1 : workers; }
  friend bool operator==(const ServeOptions&, const ServeOptions&) = default;
};

}  // namespace mtmsg::ingest
