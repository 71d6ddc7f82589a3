#pragma once

#include <memory>
#include <mutex>

#include "store/change_feed.hpp"
#include "store/pg/connection.hpp"

namespace mtmsg::store::pg {

class PgChangeFeed final : public ChangeFeed {
 public:
  explicit PgChangeFeed(ConnectionSettings direct) : direct_(std::move(direct)) {}

  Result<Changes> wait(std::chrono::milliseconds limit) override;
  void cancel() noexcept override;

 private:
  bool connect();

  const ConnectionSettings direct_;
  std::unique_ptr<Connection> connection_;

  std::mutex mutex_;  ///< guards all below
  std::shared_ptr<Interrupter> interrupter_;
  bool cancelled_ = false;
};

}  // namespace mtmsg::store::pg
