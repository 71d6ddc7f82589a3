#include <chrono>
#include <iostream>

#include "core/uuid.hpp"
#include "integration/broker_support.hpp"

namespace mtmsg::broker::testing {
namespace {

Publication to_queue(const std::string& queue, std::string body) {
  Publication publication;
  publication.routing_key = queue;
  publication.body = std::move(body);
  publication.message_id = Uuid::v7().to_string();
  return publication;
}

TEST_F(SessionTest, DeliversWhatWasPublishedWithItsProperties) {
  const auto queue = make_queue();
  auto publication = to_queue(queue, R"({"n":1})");
  publication.message_id = "order-17";
  publication.timestamp = Timestamp(std::chrono::seconds(1769860800));
  publication.headers = {{"traceparent", "00-ab"}};
  ASSERT_TRUE(publish(publication).has_value());

  ASSERT_TRUE(run(session->consume(kOne, queue, "tag", 10)).has_value());
  ASSERT_TRUE(run_until([&] { return seen.received.size() == 1 && seen.bursts == 1; }));
  const auto& got = seen.received[0];
  EXPECT_EQ(got.body, R"({"n":1})");
  EXPECT_EQ(got.message_id, "order-17");
  EXPECT_EQ(got.timestamp, publication.timestamp);
  EXPECT_FALSE(got.redelivered);
  EXPECT_EQ(got.headers, R"({"traceparent":"00-ab","amqp":{"content_type":"application/json","delivery_mode":2,)"
                         R"("message_id":"order-17","timestamp":"2026-01-31T12:00:00Z"}})");
  EXPECT_TRUE(session->ack(kOne, DeliveryTag{got.tag}, Multiple::no).has_value());
  ASSERT_TRUE(run(session->cancel(kOne, "tag")).has_value());
  ASSERT_TRUE(run(session->close_channel(kOne)).has_value());
  ASSERT_TRUE(run(session->open_channel(kOne)).has_value());
  EXPECT_EQ(run(session->queue_depth(kOne, queue))->ready, 0U) << "the acknowledged message came back";
}

TEST_F(SessionTest, RedeliversWhatWasNotAcknowledged) {
  const auto queue = make_queue();
  ASSERT_TRUE(publish(to_queue(queue, "1")).has_value());
  ASSERT_TRUE(run(session->consume(kOne, queue, "tag", 10)).has_value());
  ASSERT_TRUE(run_until([&] { return seen.received.size() == 1; }));
  ASSERT_TRUE(run(session->close_channel(kOne)).has_value());
  ASSERT_TRUE(run(session->open_channel(kOne)).has_value());
  ASSERT_TRUE(run(session->consume(kOne, queue, "tag", 10)).has_value());
  ASSERT_TRUE(run_until([&] { return seen.received.size() == 2; }));
  EXPECT_TRUE(seen.received[1].redelivered);
}

TEST_F(SessionTest, TellsHowOftenAQuorumQueueDeliveredBefore) {
  QueueSpec spec;
  spec.name = unique_name("mtmsg-test-quorum");
  spec.delivery_limit = 20;
  spec.reject_publish = true;
  spec.dead_letter_exchange = "mtmsg-test.dlx";
  spec.dead_letter_routing_key = "key";
  ASSERT_TRUE(run(session->open_channel(kOne)).has_value());
  ASSERT_TRUE(run(session->declare_queue(kOne, spec)).has_value());
  clean_up(spec.name);
  ASSERT_TRUE(run(session->declare_queue(kOne, spec)).has_value()) << "declaring twice is not idempotent";
  ASSERT_TRUE(publish(to_queue(spec.name, "1")).has_value());
  for (unsigned round = 0; round < 3; ++round) {
    ASSERT_TRUE(run(session->consume(kOne, spec.name, "tag", 10)).has_value());
    ASSERT_TRUE(run_until([&] { return seen.received.size() == round + 1; }));
    EXPECT_EQ(seen.received[round].delivery_count, round);
    EXPECT_EQ(seen.received[round].headers.find("x-delivery-count"), std::string::npos);
    ASSERT_TRUE(run(session->close_channel(kOne)).has_value());
    ASSERT_TRUE(run(session->open_channel(kOne)).has_value());
  }
  // A quorum queue takes a moment to count what came back.
  ASSERT_TRUE(run_until([&] { return run(session->queue_depth(kOne, spec.name)).value().ready == 1; }));
  EXPECT_EQ(run(session->delete_queue(kOne, spec.name)).value(), 1U);
  EXPECT_EQ(run(session->delete_queue(kOne, spec.name)).value(), 0U) << "deleting twice is not idempotent";
}

TEST_F(SessionTest, AnswersCallsOnOtherChannelsWhileDeliveriesFlow) {
  const auto queue = make_queue();
  constexpr std::size_t kMessages = 5000;
  ASSERT_TRUE(publish(to_queue(queue, "first")).has_value());
  for (std::size_t i = 1; i < kMessages; ++i) {
    ASSERT_TRUE(session->publish(kPublish, to_queue(queue, std::to_string(i))).has_value());
  }
  ASSERT_TRUE(run_until([&] { return seen.confirms.size() == kMessages; }));
  ASSERT_TRUE(run(session->open_channel(kTwo)).has_value());
  ASSERT_TRUE(run(session->consume(kOne, queue, "tag", 0)).has_value());
  unsigned calls = 0;
  while (seen.received.size() < kMessages) {
    ASSERT_TRUE(run(session->queue_depth(kTwo, queue)).has_value());
    ++calls;
  }
  EXPECT_GT(calls, 3U);
  for (std::size_t i = 1; i < kMessages; ++i) ASSERT_EQ(seen.received[i].body, std::to_string(i));
}

TEST_F(SessionTest, AnswersCallsOfOneChannelInTheirOrder) {
  const auto queue = make_queue();
  ASSERT_TRUE(publish(to_queue(queue, "1")).has_value());
  std::vector<int> order;
  for (int i = 0; i < 20; ++i) {
    asio::co_spawn(io, session->queue_depth(kOne, queue),
                   [&order, i](const std::exception_ptr&, Result<QueueDepth> depth) {
                     EXPECT_EQ(depth.value().ready, 1U);
                     order.push_back(i);
                   });
  }
  ASSERT_TRUE(run_until([&] { return order.size() == 20; }));
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST_F(SessionTest, SaysNotFoundForAMissingQueueAndLives) {
  ASSERT_TRUE(run(session->open_channel(kOne)).has_value());
  const auto depth = run(session->queue_depth(kOne, "mtmsg-test-nowhere"));
  ASSERT_FALSE(depth.has_value());
  EXPECT_EQ(depth.error().code, ErrorCode::not_found);
  EXPECT_NE(depth.error().message.find("mtmsg-test-nowhere"), std::string::npos);
  ASSERT_EQ(seen.closed_channels.size(), 1U);
  EXPECT_TRUE(session->alive());
  EXPECT_EQ(run(session->queue_depth(kOne, "x")).error().code, ErrorCode::broker_rejected) << "the channel is closed";
  EXPECT_TRUE(run(session->open_channel(kOne)).has_value()) << "the channel cannot be opened again";
}

TEST_F(SessionTest, FailsTheCallsBehindTheOneThatClosedTheChannel) {
  ASSERT_TRUE(run(session->open_channel(kOne)).has_value());
  std::vector<ErrorCode> codes;
  for (int i = 0; i < 3; ++i) {
    asio::co_spawn(io, session->queue_depth(kOne, "mtmsg-test-nowhere"),
                   [&](const std::exception_ptr&, Result<QueueDepth> depth) { codes.push_back(depth.error().code); });
  }
  ASSERT_TRUE(run_until([&] { return codes.size() == 3; }));
  EXPECT_EQ(codes[0], ErrorCode::not_found);
  EXPECT_EQ(codes[1], ErrorCode::broker_rejected);
  EXPECT_EQ(codes[2], ErrorCode::broker_rejected);
}

TEST_F(SessionTest, SaysConflictWhenAQueueExistsWithOtherArguments) {
  QueueSpec spec;
  spec.name = make_queue();
  spec.quorum = false;
  spec.single_active_consumer = true;
  const auto declared = run(session->declare_queue(kOne, spec));
  ASSERT_FALSE(declared.has_value());
  EXPECT_EQ(declared.error().code, ErrorCode::conflict);
  EXPECT_TRUE(session->alive());
}

TEST_F(SessionTest, TellsThatTheConsumersQueueWasDeleted) {
  const auto queue = make_queue();
  ASSERT_TRUE(run(session->consume(kOne, queue, "my-consumer", 10)).has_value());
  ASSERT_TRUE(run(session->open_channel(kTwo)).has_value());
  ASSERT_TRUE(run(session->delete_queue(kTwo, queue)).has_value());
  ASSERT_TRUE(run_until([&] { return !seen.cancelled.empty(); }));
  EXPECT_EQ(seen.cancelled[0], "my-consumer");
  EXPECT_TRUE(seen.closed_channels.empty());
}

TEST_F(SessionTest, KeepsTagsValidAfterCancel) {
  const auto queue = make_queue();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(publish(to_queue(queue, std::to_string(i))).has_value());
  ASSERT_TRUE(run(session->consume(kOne, queue, "tag", 5)).has_value());
  ASSERT_TRUE(run_until([&] { return seen.received.size() == 5; }));
  ASSERT_TRUE(run(session->cancel(kOne, "tag")).has_value());
  const auto before = seen.received.size();
  ASSERT_TRUE(session->ack(kOne, DeliveryTag{seen.received.back().tag}, Multiple::yes).has_value());
  EXPECT_EQ(run(session->queue_depth(kOne, queue))->ready, 15U);
  EXPECT_EQ(seen.received.size(), before) << "a delivery came after the cancel was answered";
  // The same channel, another prefetch: it counts for the new consumer.
  ASSERT_TRUE(run(session->consume(kOne, queue, "tag", 8)).has_value());
  ASSERT_TRUE(run_until([&] { return seen.received.size() == before + 8; }));
  EXPECT_EQ(run(session->queue_depth(kOne, queue))->ready, 7U);
  EXPECT_TRUE(seen.closed_channels.empty());
}

TEST_F(SessionTest, ClosesTheChannelOverATagTheBrokerDoesNotKnow) {
  const auto queue = make_queue();
  ASSERT_TRUE(session->ack(kOne, DeliveryTag{77}, Multiple::no).has_value());
  const auto depth = run(session->queue_depth(kOne, queue));
  ASSERT_TRUE(run_until([&] { return !seen.closed_channels.empty(); }));
  EXPECT_TRUE(depth.has_value() || depth.error().code == ErrorCode::broker_rejected);
  EXPECT_TRUE(session->alive());
}

TEST_F(SessionTest, SaysNotFoundForAPublicationNoQueueTakes) {
  make_queue();
  const auto outcome = publish(to_queue("mtmsg-test-nowhere", "lost"));
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, ErrorCode::not_found);
  EXPECT_TRUE(seen.closed_channels.empty());
}

TEST_F(SessionTest, TellsReturnedPublicationsFromStoredOnesAmongMany) {
  const auto queue = make_queue();
  ASSERT_TRUE(publish(to_queue(queue, "first")).has_value());
  for (int i = 0; i < 300; ++i) {
    const auto body = std::string(i % 7 == 0 ? 200'000 : 10, 'x');
    ASSERT_TRUE(session->publish(kPublish, to_queue(i % 3 == 0 ? "mtmsg-test-nowhere" : queue, body)).has_value());
  }
  ASSERT_TRUE(run_until([&] { return seen.confirms.size() == 301; }));
  for (const auto& [number, outcome] : seen.confirms) {
    if (number == 1) continue;
    const bool lost = (number - 2) % 3 == 0;
    ASSERT_EQ(outcome.has_value(), !lost) << number;
    if (lost) {
      ASSERT_EQ(outcome.error().code, ErrorCode::not_found);
    }
  }
}

TEST_F(SessionTest, LosesOnlyTheChannelOverAPublicationToAMissingExchange) {
  make_queue();
  auto publication = to_queue("key", "lost");
  publication.exchange = "mtmsg-test-no-exchange";
  EXPECT_FALSE(publish(publication).has_value());
  ASSERT_EQ(seen.closed_channels.size(), 1U);
  EXPECT_NE(seen.closed_channels[0].second.message.find("mtmsg-test-no-exchange"), std::string::npos);
  EXPECT_TRUE(session->alive());
}

TEST_F(SessionTest, RefusesWhatAmqpCannotCarry) {
  ASSERT_TRUE(publish(to_queue(make_queue(), "1")).has_value());
  auto publication = to_queue(std::string(256, 'k'), "1");
  EXPECT_EQ(session->publish(kPublish, publication).error().code, ErrorCode::invalid_argument);
  publication = to_queue("k", "1");
  publication.headers = {{"big", std::string(200'000, 'h')}};
  EXPECT_EQ(session->publish(kPublish, publication).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(run(session->queue_depth(kOne, std::string(256, 'q'))).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(run(session->open_channel(ChannelNumber{0})).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(run(session->open_channel(ChannelNumber{2048})).error().code, ErrorCode::invalid_argument);
  EXPECT_TRUE(session->alive());
}

TEST_F(SessionTest, ConfirmsTenThousandPublicationsAndDeliversThemUnchanged) {
  const auto queue = make_queue();
  constexpr std::size_t kMessages = 10'000;
  const auto body_of = [](std::size_t i) { return std::to_string(i) + std::string(i % 300, 'b'); };
  ASSERT_TRUE(publish(to_queue(queue, body_of(0))).has_value());
  for (std::size_t i = 1; i < kMessages; ++i) {
    ASSERT_TRUE(session->publish(kPublish, to_queue(queue, body_of(i))).has_value());
  }
  ASSERT_TRUE(run_until([&] { return seen.confirms.size() == kMessages; }));
  for (const auto& [number, outcome] : seen.confirms) ASSERT_TRUE(outcome.has_value()) << number;

  ASSERT_TRUE(run(session->consume(kOne, queue, "tag", 0)).has_value());
  ASSERT_TRUE(run_until([&] { return seen.received.size() == kMessages; }));
  for (std::size_t i = 0; i < kMessages; ++i) ASSERT_EQ(seen.received[i].body, body_of(i));
}

TEST_F(SessionTest, CarriesBodiesOfAnySize) {
  const auto queue = make_queue();
  ASSERT_TRUE(run(session->consume(kOne, queue, "tag", 0)).has_value());
  std::vector<std::string> bodies;
  // Around the size of one frame (131,072 with 8 of its own), and far above.
  for (const std::size_t size : {0, 1, 131'063, 131'064, 131'065, 262'128, 262'129, 3 << 20, 0, 5}) {
    std::string body(size, '\0');
    for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>('a' + (i * 31 + size) % 26);
    bodies.push_back(body);
    auto publication = to_queue(queue, body);
    publication.message_id = "of " + std::to_string(size) + " bytes";
    ASSERT_TRUE(publish(publication).has_value());
  }
  ASSERT_TRUE(run_until([&] { return seen.received.size() == bodies.size(); }));
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    ASSERT_TRUE(seen.received[i].body == bodies[i]) << bodies[i].size();
    ASSERT_EQ(seen.received[i].message_id, "of " + std::to_string(bodies[i].size()) + " bytes");
    ASSERT_NE(seen.received[i].headers.find("delivery_mode"), std::string::npos);
  }
}

TEST_F(SessionTest, ReceivesFromManyChannelsAtOnce) {
  const auto queue = make_queue();
  constexpr std::uint16_t kChannels = 50;
  for (std::uint16_t i = 0; i < kChannels; ++i) {
    const ChannelNumber channel{static_cast<std::uint16_t>(100 + i)};
    ASSERT_TRUE(run(session->open_channel(channel)).has_value());
    ASSERT_TRUE(run(session->consume(channel, queue, "tag-" + std::to_string(i), 100)).has_value());
  }
  ASSERT_TRUE(publish(to_queue(queue, "0")).has_value());
  for (int i = 1; i < 1000; ++i) {
    ASSERT_TRUE(session->publish(kPublish, to_queue(queue, std::string(i % 50 == 0 ? 300'000 : 20, 'm'))).has_value());
  }
  ASSERT_TRUE(run_until([&] { return seen.received.size() == 1000; }));
  for (const auto& got : seen.received) {
    ASSERT_TRUE(session->ack(ChannelNumber{got.channel}, DeliveryTag{got.tag}, Multiple::no).has_value());
  }
  ASSERT_TRUE(run(session->queue_depth(kOne, queue)).has_value());
  EXPECT_TRUE(seen.closed_channels.empty());
}

TEST_F(SessionTest, EndsPendingCallsWhenItIsDestroyed) {
  const auto queue = make_queue();
  std::optional<Result<QueueDepth>> depth;
  asio::co_spawn(io, session->queue_depth(kOne, queue),
                 [&](const std::exception_ptr&, Result<QueueDepth> got) { depth = std::move(got); });
  session.reset();
  ASSERT_TRUE(run_until([&] { return depth.has_value(); }));
  EXPECT_EQ(depth->error().code, ErrorCode::broker_unavailable);
  EXPECT_TRUE(seen.closed.empty());
}

TEST_F(SessionTest, EndsPendingCallsWhenItIsClosed) {
  const auto queue = make_queue();
  std::optional<Result<QueueDepth>> depth;
  asio::co_spawn(io, session->queue_depth(kOne, queue),
                 [&](const std::exception_ptr&, Result<QueueDepth> got) { depth = std::move(got); });
  run(session->close());
  ASSERT_TRUE(run_until([&] { return depth.has_value(); }));
  EXPECT_FALSE(session->alive());
  EXPECT_EQ(session->ack(kOne, DeliveryTag{1}, Multiple::no).error().code, ErrorCode::broker_unavailable);
  EXPECT_EQ(run(session->open_channel(kTwo)).error().code, ErrorCode::broker_unavailable);
  run(session->close());
  EXPECT_TRUE(seen.closed.empty());
}

/// Destroys its session from inside a callback.
class Destroyer final : public Recorder {
 public:
  void on_delivery(const Delivery&) noexcept override { session.reset(); }
  std::unique_ptr<Session> session;
};

TEST_F(SessionTest, MayBeDestroyedInsideADelivery) {
  const auto queue = make_queue();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(publish(to_queue(queue, "1")).has_value());
  Destroyer handler;
  handler.session = broker::connect(io, options, handler).value();
  Session& other = *handler.session;
  ASSERT_TRUE(run(other.open_channel(kOne)).has_value());
  const auto consumed = run(other.consume(kOne, queue, "tag", 0));
  ASSERT_TRUE(run_until([&] { return !handler.session; }));
  EXPECT_TRUE(handler.closed.empty());
}

TEST(Connecting, FailsWithoutShowingThePassword) {
  asio::io_context io;
  Recorder handler;
  auto url = broker_url();
  const auto at = url.find('@');
  url = "amqp://nobody:geheim" + url.substr(at);
  ConnectOptions options;
  options.url = url;
  const auto session = connect(io, options, handler);
  ASSERT_FALSE(session.has_value());
  EXPECT_EQ(session.error().code, ErrorCode::broker_unavailable);
  EXPECT_EQ(session.error().message.find("geheim"), std::string::npos);
  EXPECT_NE(session.error().message.find(url.substr(url.find('@') + 1, 9)), std::string::npos)
      << session.error().message;
  EXPECT_NE(session.error().message.find("ACCESS_REFUSED"), std::string::npos) << session.error().message;
}

TEST(Connecting, FailsSoonWhereNobodyListensOrAnswers) {
  asio::io_context io;
  Recorder handler;
  asio::ip::tcp::acceptor silent(io, {asio::ip::address_v4::loopback(), 0});
  const auto start = std::chrono::steady_clock::now();
  ConnectOptions options;
  options.connect_timeout = std::chrono::milliseconds(300);
  for (const auto& port : {std::string("1"), std::to_string(silent.local_endpoint().port())}) {
    options.url = "amqp://guest:guest@127.0.0.1:" + port;
    const auto session = connect(io, options, handler);
    ASSERT_FALSE(session.has_value());
    EXPECT_EQ(session.error().code, ErrorCode::broker_unavailable) << session.error().message;
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

/// The same session behind a relay that misbehaves.
class CutSessionTest : public SessionTest {
 protected:
  void SetUp() override {
    options.heartbeat = std::chrono::seconds(1);
    options.rpc_timeout = std::chrono::seconds(2);
    connect(relay.url());
  }
  Relay relay{broker_url()};
};

TEST_F(CutSessionTest, EndsPendingCallsWhenTheConnectionIsCut) {
  const auto queue = make_queue();
  relay.freeze();
  std::optional<Result<QueueDepth>> depth;
  asio::co_spawn(io, session->queue_depth(kOne, queue),
                 [&](const std::exception_ptr&, Result<QueueDepth> got) { depth = std::move(got); });
  relay.cut();
  ASSERT_TRUE(run_until([&] { return !seen.closed.empty(); }));
  ASSERT_TRUE(run_until([&] { return depth.has_value(); }));
  EXPECT_EQ(depth->error().code, ErrorCode::broker_unavailable);
  EXPECT_EQ(seen.closed.size(), 1U);
  EXPECT_FALSE(session->alive());
}

TEST_F(CutSessionTest, NoticesASilentBrokerByItsMissingHeartbeats) {
  relay.freeze();
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(run_until([&] { return !seen.closed.empty(); }));
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_GT(took, std::chrono::seconds(1));
  EXPECT_LT(took, std::chrono::seconds(5));
  EXPECT_EQ(seen.closed[0].code, ErrorCode::broker_unavailable);
}

TEST_F(CutSessionTest, LivesOnWithHeartbeatsAlone) {
  EXPECT_FALSE(run_until([&] { return !seen.closed.empty(); }, std::chrono::seconds(5))) << seen.closed[0].message;
  EXPECT_TRUE(session->alive());
  EXPECT_TRUE(run(session->open_channel(kOne)).has_value());
}

TEST_F(CutSessionTest, ClosesTheConnectionOverACallThatIsNotAnswered) {
  options.heartbeat = std::chrono::seconds(30);
  session.reset();
  connect(relay.url());
  ASSERT_TRUE(run(session->open_channel(kOne)).has_value());
  relay.freeze();
  const auto opened = run(session->open_channel(kTwo));
  EXPECT_EQ(opened.error().code, ErrorCode::broker_unavailable);
  ASSERT_TRUE(run_until([&] { return !seen.closed.empty(); }));
  EXPECT_NE(seen.closed[0].message.find("2000 ms"), std::string::npos) << seen.closed[0].message;
}

}  // namespace
}  // namespace mtmsg::broker::testing
