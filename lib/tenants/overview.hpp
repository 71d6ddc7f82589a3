#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "broker/control.hpp"
#include "ingest/pipeline.hpp"
#include "store/tenant_store.hpp"
#include "tenants/depth_watch.hpp"
#include "tenants/moves.hpp"

namespace mtmsg::tenants {

/// All tenants at one moment.
struct Look {
  Timestamp at;
  std::vector<TenantLook> tenants;
};

/// Looks at all tenants when somebody asks, and not otherwise: one statement, what the pipeline counts anyway, and a
/// bounded number of questions to the broker. Whoever asks within a moment of another gets the same look, so any number
/// of watchers cost what one costs. Any thread; a call may block.
class Overview {
 public:
  struct Options {
    TenantLimits limits;                             ///< the configured ones
    std::chrono::milliseconds fresh{700};            ///< a look is as good as new for so long
    std::chrono::milliseconds good_enough{10'000};   ///< while somebody else is at the next one
    std::size_t most_questions = 256;                ///< to the broker, for one look
    std::chrono::milliseconds questions_limit{500};  ///< for all of them
  };
  /// `remembered`: the tenants as they were last seen, for when the database is away.
  Overview(Options options, store::TenantStore& store, broker::Control& control, const ingest::Pipeline& pipeline,
           std::function<std::vector<Tenant>()> remembered)
      : options_(std::move(options)),
        store_(store),
        control_(control),
        pipeline_(pipeline),
        remembered_(std::move(remembered)) {}

  enum class Database { asked, left_alone };
  std::shared_ptr<const Look> look(Database database);

 private:
  using Clock = std::chrono::steady_clock;
  std::vector<TenantLook> rows(Database database);
  void ask_broker(std::vector<TenantLook>& tenants);

  const Options options_;
  store::TenantStore& store_;
  broker::Control& control_;
  const ingest::Pipeline& pipeline_;
  const std::function<std::vector<Tenant>()> remembered_;

  std::mutex looking_;  ///< held by who looks; guards depths_
  DepthWatch depths_;

  std::mutex mutex_;  ///< guards all below
  std::shared_ptr<const Look> last_;
  Clock::time_point looked_at_{};
};

}  // namespace mtmsg::tenants
