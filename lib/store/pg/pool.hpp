#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "store/pg/connection.hpp"

namespace mtmsg::store::pg {

/// A bounded set of connections. Any thread. Broken ones are thrown away, never handed out again.
class Pool {
 public:
  Pool(ConnectionSettings settings, std::size_t size, std::chrono::milliseconds acquire_timeout);

  /// A connection on loan; gives itself back.
  class Lease {
   public:
    Lease(Pool& pool, std::unique_ptr<Connection> connection) : pool_(&pool), connection_(std::move(connection)) {}
    ~Lease();
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    Connection& operator*() const { return *connection_; }
    Connection* operator->() const { return connection_.get(); }

   private:
    Pool* pool_;
    std::unique_ptr<Connection> connection_;
  };

  /// Waits for a free one, connects when there is none yet. Throws Failure database_unavailable after the limit.
  Lease acquire();

 private:
  void give_back(std::unique_ptr<Connection> connection) noexcept;

  const ConnectionSettings settings_;
  const std::size_t size_;
  const std::chrono::milliseconds acquire_timeout_;

  std::mutex mutex_;  ///< guards what follows
  std::condition_variable freed_;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::size_t lent_ = 0;
};

}  // namespace mtmsg::store::pg
