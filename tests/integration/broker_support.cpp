#include "integration/broker_support.hpp"

#include "core/uuid.hpp"

namespace mtmsg::broker::testing {

std::string broker_url() {
  const char* url = std::getenv("MTMSG_BROKER_URL");
  if (url == nullptr) throw std::runtime_error("MTMSG_BROKER_URL is not set: see tools/sandbox");
  return url;
}

std::string unique_name(std::string_view prefix) {
  return std::string(prefix) + "-" + Uuid::v4().to_string();
}

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

void Recorder::on_delivery(const Delivery& delivery) noexcept {
  received.push_back({delivery.channel.value, delivery.tag.value, delivery.redelivered, delivery.delivery_count,
                      std::string(delivery.body), std::nullopt, delivery.timestamp,
                      std::string(delivery.headers_json)});
  if (delivery.message_id) received.back().message_id.emplace(*delivery.message_id);
}

void SessionTest::connect(std::string url) {
  options.url = std::move(url);
  options.connection_name = "mtmsg integration test";
  auto connected = broker::connect(io, options, seen);
  ASSERT_TRUE(connected.has_value()) << connected.error().message;
  session = std::move(*connected);
}

void SessionTest::TearDown() {
  // The test may have ended its own session.
  connect(broker_url());
  ASSERT_TRUE(run(session->open_channel(kOne)).has_value());
  for (const auto& queue : queues_) EXPECT_TRUE(run(session->delete_queue(kOne, queue)).has_value());
  run(session->close());
}

void SessionTest::run(asio::awaitable<void> work) {
  bool done = false;
  asio::co_spawn(io, std::move(work), [&](const std::exception_ptr& error) {
    if (error) std::rethrow_exception(error);
    done = true;
  });
  EXPECT_TRUE(run_until([&] { return done; }));
}

bool SessionTest::run_until(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    io.restart();
    io.run_one_for(std::chrono::milliseconds(100));
  }
  return true;
}

std::string SessionTest::make_queue() {
  (void)run(session->open_channel(kOne));
  QueueSpec spec;
  spec.name = unique_name("mtmsg-test");
  spec.quorum = false;
  const auto made = run(session->declare_queue(kOne, spec));
  EXPECT_TRUE(made.has_value());
  clean_up(spec.name);
  return spec.name;
}

void SessionTest::clean_up(std::string queue) {
  queues_.push_back(std::move(queue));
}

Result<void> SessionTest::publish(Publication publication) {
  if (!std::exchange(publishing_, true)) {
    (void)run(session->open_channel(kPublish));
    (void)run(session->confirm_select(kPublish));
  }
  const auto before = seen.confirms.size();
  const auto closed_before = seen.closed_channels.size();
  const auto number = session->publish(kPublish, publication);
  if (!number) return number.error();
  run_until([&] { return seen.confirms.size() > before || seen.closed_channels.size() > closed_before; });
  if (seen.confirms.size() == before)
    return Error{ErrorCode::broker_rejected, seen.closed_channels.back().second.message};
  EXPECT_EQ(seen.confirms.back().first, number->value);
  return seen.confirms.back().second;
}

}  // namespace mtmsg::broker::testing
