#include "store/pg/pool.hpp"

#include <algorithm>

namespace mtmsg::store::pg {

Pool::Pool(ConnectionSettings settings, std::size_t size, std::chrono::milliseconds acquire_timeout)
    : settings_(std::move(settings)), size_(std::max<std::size_t>(1, size)), acquire_timeout_(acquire_timeout) {
  idle_.reserve(size_);
}

Pool::Lease::~Lease() {
  if (connection_) pool_->give_back(std::move(connection_));
}

Pool::Lease Pool::acquire() {
  std::unique_ptr<Connection> connection;
  {
    std::unique_lock lock(mutex_);
    if (!freed_.wait_for(lock, acquire_timeout_, [&] { return lent_ < size_; }))
      throw Failure(Error{ErrorCode::database_unavailable,
                          "all " + std::to_string(size_) + " connections to PostgreSQL are busy"});
    ++lent_;
    if (!idle_.empty()) {
      connection = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  try {
    // After a restart of the server every idle one is dead: nobody should see an error for that.
    if (!connection || !connection->alive()) {
      connection.reset();
      connection = std::make_unique<Connection>(settings_);
    }
    return Lease(*this, std::move(connection));
  } catch (...) {
    give_back(nullptr);
    throw;
  }
}

void Pool::give_back(std::unique_ptr<Connection> connection) noexcept {
  const bool reusable = connection && connection->alive() && connection->idle();
  if (!reusable) connection.reset();
  {
    const std::lock_guard lock(mutex_);
    --lent_;
    if (connection) idle_.push_back(std::move(connection));
  }
  freed_.notify_one();
}

}  // namespace mtmsg::store::pg
