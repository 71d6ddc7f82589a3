#include "broker/control.hpp"

#include <array>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <unordered_set>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

namespace mtmsg::broker {
namespace {

using asio::awaitable;

/// How many calls are on their way at once; the others wait in line.
constexpr std::size_t kChannels = 8;

/// Of many depths, so that others' calls don't wait behind all of them.
constexpr std::size_t kDepthsAtOnce = 32;

/// A caller that waits. Answered once, by its coroutine or by stop().
class Pending {
 public:
  virtual ~Pending() = default;
  virtual awaitable<void> run(Session& session, ChannelNumber channel) = 0;
  virtual void fail(const Error& why) = 0;
};

template <class T>
class Call final : public Pending {
 public:
  using Steps = std::function<awaitable<Result<T>>(Session&, ChannelNumber)>;
  explicit Call(Steps steps) : steps_(std::move(steps)) {}

  std::future<Result<T>> future() { return promise_.get_future(); }
  awaitable<void> run(Session& session, ChannelNumber channel) override { answer(co_await steps_(session, channel)); }
  void fail(const Error& why) override { answer(why); }

 private:
  void answer(Result<T> result) {
    if (!answered_.test_and_set()) promise_.set_value(std::move(result));
  }

  Steps steps_;
  std::promise<Result<T>> promise_;
  std::atomic_flag answered_;
};

// Not inlined: gcc 12 then takes the coroutine's frame for freed by another function than it came from.
[[gnu::noinline]] awaitable<Result<void>> declare_all(Session& session, ChannelNumber channel, TenantId tenant,
                                                      TenantQueue queue, TopologyOptions options, DeadLetterQueue how) {
  if (auto done = co_await ensure_dead_letter_queue(session, channel, options, how); !done) co_return done.error();
  const auto exchange = tenant_exchange(tenant);
  const auto spec = tenant_queue_spec(tenant, queue, options);
  if (auto done = co_await session.declare_exchange(channel, exchange, "fanout"); !done) co_return done.error();
  if (auto done = co_await session.declare_queue(channel, spec); !done) co_return done.error();
  co_return co_await session.bind_queue(channel, spec.name, exchange, "");
}

Call<QueueDepth>::Steps ask_depth(TenantId tenant) {
  return
      [tenant](Session& session, ChannelNumber channel) { return session.queue_depth(channel, tenant_queue(tenant)); };
}

[[gnu::noinline]] awaitable<Result<std::uint64_t>> delete_all(Session& session, ChannelNumber channel,
                                                              TenantId tenant) {
  // The exchange first: nothing new is routed into the queue that goes.
  auto done = co_await session.delete_exchange(channel, tenant_exchange(tenant));
  if (!done) co_return done.error();
  co_return co_await session.delete_queue(channel, tenant_queue(tenant));
}

}  // namespace

struct Control::Impl final : LinkHandler {
  Impl(ConnectOptions connect, TopologyOptions options)
      : topology(std::move(options)), limit(connect.rpc_timeout), link(std::move(connect), *this) {}

  using Clock = std::chrono::steady_clock;
  template <class T>
  struct Ticket {
    std::shared_ptr<Call<T>> pending;
    std::future<Result<T>> answer;
  };

  /// Any thread but the link's; nor may it wait.
  template <class T>
  Ticket<T> ask(typename Call<T>::Steps steps) {
    Ticket<T> ticket{std::make_shared<Call<T>>(std::move(steps)), {}};
    ticket.answer = ticket.pending->future();
    if (const auto status = link.status(); !status.connected) {
      ticket.pending->fail({ErrorCode::broker_unavailable, status.last_error});
      return ticket;
    }
    {
      const std::lock_guard lock(mutex);
      if (stopped) {
        ticket.pending->fail({ErrorCode::broker_unavailable, "stopped"});
        return ticket;
      }
      calls.insert(ticket.pending);
    }
    asio::post(link.executor(), [this, pending = ticket.pending] { begin(pending); });
    return ticket;
  }

  template <class T>
  Result<T> wait(Ticket<T> ticket, Clock::time_point deadline) {
    const bool answered = ticket.answer.wait_until(deadline) == std::future_status::ready;
    {
      const std::lock_guard lock(mutex);
      calls.erase(ticket.pending);
    }
    if (!answered) return Error{ErrorCode::timeout, "the broker did not answer in time"};
    return ticket.answer.get();
  }

  template <class T>
  Result<T> call(typename Call<T>::Steps steps) {
    return wait(ask<T>(std::move(steps)), Clock::now() + limit);
  }

  void begin(std::shared_ptr<Pending> pending);
  awaitable<void> carry_out(std::shared_ptr<Pending> pending, ChannelNumber channel);
  void stop();

  void on_connected(Session&) noexcept override {
    ++generation;
    open.fill(false);
    free.clear();
    for (std::uint16_t number = kChannels; number > 0; --number) free.push_back(ChannelNumber{number});
  }
  void on_closed(const Error& why) noexcept override {
    free.clear();
    for (const auto& pending : std::exchange(line, {})) pending->fail(why);
  }
  void on_channel_closed(ChannelNumber channel, const Error&) noexcept override { open[channel.value] = false; }
  void on_delivery(const Delivery&) noexcept override {}
  void on_burst_end() noexcept override {}
  void on_consumer_cancelled(ChannelNumber, std::string_view) noexcept override {}
  void on_blocked(bool, std::string_view) noexcept override {}

  const TopologyOptions topology;
  const std::chrono::milliseconds limit;

  std::mutex mutex;  // guards stopped, calls
  bool stopped = false;
  std::unordered_set<std::shared_ptr<Pending>> calls;

  // Link thread.
  unsigned generation = 0;  // of the connection
  std::array<bool, kChannels + 1> open{};
  std::vector<ChannelNumber> free;
  std::deque<std::shared_ptr<Pending>> line;

  Link link;  // last, so that its thread ends before what it uses
};

void Control::Impl::begin(std::shared_ptr<Pending> pending) {
  if (link.session() == nullptr) {
    pending->fail({ErrorCode::broker_unavailable, link.status().last_error});
    return;
  }
  if (free.empty()) {
    line.push_back(std::move(pending));
    return;
  }
  const auto channel = free.back();
  free.pop_back();
  asio::co_spawn(link.executor(), carry_out(std::move(pending), channel), asio::detached);
}

awaitable<void> Control::Impl::carry_out(std::shared_ptr<Pending> pending, ChannelNumber channel) {
  Session* const session = link.session();
  const auto mine = generation;
  if (session == nullptr) {
    pending->fail({ErrorCode::broker_unavailable, "the connection to the broker is gone"});
    co_return;
  }
  Result<void> ready;
  if (!open[channel.value]) ready = co_await session->open_channel(channel);
  if (ready) {
    open[channel.value] = true;
    co_await pending->run(*session, channel);
  } else {
    pending->fail(ready.error());
  }
  if (mine != generation || link.session() == nullptr) co_return;
  free.push_back(channel);
  if (line.empty()) co_return;
  auto next = std::move(line.front());
  line.pop_front();
  begin(std::move(next));
}

void Control::Impl::stop() {
  link.stop();
  const std::lock_guard lock(mutex);
  stopped = true;
  for (const auto& pending : calls) pending->fail({ErrorCode::broker_unavailable, "stopped"});
}

Control::Control(ConnectOptions connect, TopologyOptions topology)
    : impl_(std::make_unique<Impl>(std::move(connect), std::move(topology))) {}

Control::~Control() {
  stop();
}

void Control::start() {
  impl_->link.start();
}

void Control::stop() {
  impl_->stop();
}

LinkStatus Control::status() const {
  return impl_->link.status();
}

Result<void> Control::declare_tenant(TenantId tenant, const TenantQueue& queue) {
  const auto declare = [&](DeadLetterQueue how) {
    return impl_->call<void>([tenant, queue, topology = impl_->topology, how](Session& session, ChannelNumber channel) {
      return declare_all(session, channel, tenant, queue, topology, how);
    });
  };
  auto declared = declare(DeadLetterQueue::declare);
  if (declared || declared.error().code != ErrorCode::conflict) return declared;
  return declare(DeadLetterQueue::take_as_it_is);
}

Result<std::uint64_t> Control::delete_tenant(TenantId tenant) {
  return impl_->call<std::uint64_t>(
      [tenant](Session& session, ChannelNumber channel) { return delete_all(session, channel, tenant); });
}

Result<QueueDepth> Control::depth(TenantId tenant) {
  return impl_->call<QueueDepth>(ask_depth(tenant));
}

std::vector<Result<QueueDepth>> Control::depths(const std::vector<TenantId>& tenants, std::chrono::milliseconds limit) {
  const auto deadline = Impl::Clock::now() + limit;
  std::vector<Result<QueueDepth>> answers;
  answers.reserve(tenants.size());
  for (std::size_t begin = 0; begin < tenants.size(); begin += kDepthsAtOnce) {
    const auto end = std::min(tenants.size(), begin + kDepthsAtOnce);
    std::vector<Impl::Ticket<QueueDepth>> asked;
    for (auto i = begin; i < end && Impl::Clock::now() < deadline; ++i)
      asked.push_back(impl_->ask<QueueDepth>(ask_depth(tenants[i])));
    for (auto& ticket : asked) answers.push_back(impl_->wait(std::move(ticket), deadline));
  }
  answers.resize(tenants.size(), fail(ErrorCode::timeout, "the broker did not answer in time"));
  return answers;
}

}  // namespace mtmsg::broker
