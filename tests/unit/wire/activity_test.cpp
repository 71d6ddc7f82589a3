#include "wire/activity.hpp"

#include <gtest/gtest.h>

#include "domain/message.hpp"

namespace mtmsg::wire {
namespace {

TenantMoves row(std::string name, std::uint64_t ready, std::optional<double> lag = std::nullopt) {
  TenantMoves moves;
  moves.id = TenantId::parse("0190d3c4-5a6b-7c8d-9e0f-112233445566").value();
  moves.name = std::move(name);
  moves.state = "active";
  moves.ready = ready;
  moves.lag_seconds = lag;
  return moves;
}

std::string names(std::vector<TenantMoves> rows, ActivitySort sort, Direction direction = Direction::natural,
                  std::size_t most = 10) {
  sort_activity(rows, sort, direction, most);
  std::string all;
  for (const auto& each : rows) all += each.name;
  return all;
}

TEST(WireActivity, ReadsBackWhatItWrote) {
  ActivityPage page;
  page.at = parse_timestamp("2026-01-31T12:00:00.5Z").value();
  page.version = "0.1.0";
  page.not_ready = "database: away";
  page.writers = 4;
  page.writers_busy = 2;
  page.daemons = 2;
  page.total = {2, 6, 1, 10, 5, 1.5, 2.5, 3};
  page.data = {row("acme", 10, 2.5), row("b", 0)};
  page.data[0].messages = 7;
  page.data[0].dead_letters = 1;
  page.data[0].last_stored_at = page.at;
  page.data[1].ready.reset();
  std::string text;
  append_activity(text, page);
  EXPECT_EQ(read_activity_page(text).value(), page);
}

TEST(WireActivity, SortsNumbersFromTheLargestAndNamesFromTheFirst) {
  const std::vector rows{row("b", 5, 1), row("c", 9), row("a", 5, 7)};
  EXPECT_EQ(names(rows, ActivitySort::name), "abc");
  EXPECT_EQ(names(rows, ActivitySort::depth), "cab") << "ties by name";
  EXPECT_EQ(names(rows, ActivitySort::lag), "abc") << "what is not known comes last";
  EXPECT_EQ(names(rows, ActivitySort::depth, Direction::reverse), "abc");
  EXPECT_EQ(names(rows, ActivitySort::name, Direction::reverse), "cba");
}

TEST(WireActivity, KeepsTheFirstOnly) {
  const std::vector rows{row("b", 5), row("c", 9), row("a", 7)};
  EXPECT_EQ(names(rows, ActivitySort::depth, Direction::natural, 2), "ca");
  EXPECT_EQ(names({}, ActivitySort::depth, Direction::natural, 2), "");
}

TEST(WireActivity, KnowsEachOrderByItsName) {
  for (const auto sort : kActivitySorts) EXPECT_EQ(activity_sort_from(to_string(sort)), sort);
  EXPECT_FALSE(activity_sort_from("size"));
}

}  // namespace
}  // namespace mtmsg::wire
