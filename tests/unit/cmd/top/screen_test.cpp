#include "cmd/top/screen.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cmd/top/terminal.hpp"
#include "domain/message.hpp"

namespace mtmsg::ctl::top {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

wire::TenantMoves row(std::string name, std::string state) {
  wire::TenantMoves moves;
  moves.name = std::move(name);
  moves.state = std::move(state);
  moves.workers = 3;
  moves.workers_busy = 1;
  moves.ready = 1234567;
  moves.unacked = 500;
  moves.in_per_second = 0.4;
  moves.out_per_second = 1200.4;
  moves.lag_seconds = 1028;
  moves.dead_letters = 0;
  return moves;
}

class TopScreen : public testing::Test {
 protected:
  TopScreen() {
    page_.at = parse_timestamp("2026-01-31T12:00:00.5Z").value();
    page_.version = "0.1.0";
    page_.ready = true;
    page_.writers = 4;
    page_.daemons = 1;
    page_.data = {row("acme", "draining"), row("quiet", "idle")};
    page_.total.tenants = 2;
    page_.total.out_per_second = 2400.8;
  }
  std::vector<Line> lines(Size size = {}) {
    view_.resize(rows_for_tenants(size));
    view_.have(page_.total.tenants);
    return draw({&page_, trouble_}, view_, size);
  }

  wire::ActivityPage page_;
  std::string trouble_;
  View view_{client::ActivityQuery{}};
};

TEST_F(TopScreen, ShowsTotalsTitlesAndTenantsInEightyColumns) {
  const auto shown = lines();
  ASSERT_EQ(shown.size(), 24U);
  EXPECT_EQ(shown[0].text, "mtmsgd 0.1.0  2026-01-31T12:00:00Z  writers 0 of 4 busy");
  EXPECT_EQ(shown[1].text, "2 tenants: 0 ready, 0 in hand, in 0/s, out 2401/s, 0 dead");
  EXPECT_EQ(shown[2].text, "by depth");
  EXPECT_EQ(shown[3].text, "TENANT          STATE         READY   HAND    IN/S   OUT/S   BUSY    LAG    DEAD");
  EXPECT_EQ(shown[3].look, Line::Look::title);
  EXPECT_EQ(shown[4].text, "acme            draining       1.2M    500     0.4    1200    1/3    17m       0");
  EXPECT_EQ(shown[5].text, "quiet           idle           1.2M    500     0.4    1200    1/3    17m       0");
  EXPECT_THAT(shown[23].text, StartsWith("q quit"));
}

TEST_F(TopScreen, NeverPassesTheEdgesWhateverTheSize) {
  for (std::size_t columns = 1; columns < 140; ++columns)
    for (std::size_t rows = 1; rows < 30; rows += 3) {
      const auto shown = lines({columns, rows});
      EXPECT_LE(shown.size(), rows);
      for (const auto& line : shown) ASSERT_LE(line.text.size(), columns) << columns << "x" << rows;
    }
}

TEST_F(TopScreen, KeepsNameStateAndDepthLongestWhenItIsNarrow) {
  EXPECT_EQ(lines({40, 10})[3].text, "TENANT       STATE         READY   OUT/S");
  EXPECT_EQ(lines({30, 10})[3].text, "TENANT     STATE         READY");
  EXPECT_EQ(lines({16, 10})[3].text, "TENANT     READY");
}

TEST_F(TopScreen, SaysWhatIsWrongInsteadOfHowItSorts) {
  page_.ready = false;
  page_.not_ready = "database: connection refused";
  EXPECT_EQ(lines()[2].text, "not ready: database: connection refused");
  EXPECT_EQ(lines()[2].look, Line::Look::alarm);
  trouble_ = "cannot reach mtmsgd";
  EXPECT_EQ(lines()[2].text, "cannot reach mtmsgd");
  EXPECT_THAT(lines()[4].text, StartsWith("acme")) << "what was seen last stays";
}

TEST_F(TopScreen, MarksTenantsThatStoreNothingThoughTheyShould) {
  page_.data[1].state = "no_consumer";
  EXPECT_EQ(lines()[4].look, Line::Look::plain);
  EXPECT_EQ(lines()[5].look, Line::Look::alarm);
}

TEST_F(TopScreen, ShowsADashForWhatIsNotKnown) {
  page_.data[0].ready.reset();
  page_.data[0].lag_seconds.reset();
  page_.data[0].dead_letters.reset();
  EXPECT_EQ(lines()[4].text, "acme            draining          -    500     0.4    1200    1/3      -       -");
}

TEST_F(TopScreen, ShowsWhatIsTypedAndThatItIsPaused) {
  view_.press({Key::character, 'p'});
  EXPECT_EQ(lines()[2].text, "by depth  PAUSED");
  view_.press({Key::character, '/'});
  view_.press({Key::character, 'e'});
  EXPECT_EQ(lines()[23].text, "part of the name: e_");
}

TEST_F(TopScreen, NeverLetsADaemonsTextSteerTheTerminal) {
  page_.data[0].name = "\x1b[2J\xc3\xa9";
  trouble_ = "\x1b]0;title\a";
  const auto bytes = frame(lines(), true);
  EXPECT_EQ(bytes.find("\x1b[2J"), std::string::npos);
  EXPECT_EQ(bytes.find("\x1b]"), std::string::npos);
}

TEST_F(TopScreen, ClearsWhatStoodThereBeforeAndColoursOnlyIfItMay) {
  const std::vector<Line> two{{"one", Line::Look::title}, {"two", Line::Look::alarm}};
  EXPECT_EQ(frame(two, true), "\x1b[H\x1b[7mone\x1b[0m\x1b[K\r\n\x1b[31mtwo\x1b[0m\x1b[K\x1b[J");
  EXPECT_EQ(frame(two, false).find("\x1b[31m"), std::string::npos);
}

TEST(TopNumbers, AreShort) {
  EXPECT_EQ(compact(0), "0");
  EXPECT_EQ(compact(0.42), "0.4");
  EXPECT_EQ(compact(12.4), "12");
  EXPECT_EQ(compact(99999), "99999");
  EXPECT_EQ(compact(100000), "100k");
  EXPECT_EQ(compact(9.96e6), "10M");
  EXPECT_EQ(compact(1e15), "1000T");
  for (double number = 0.01; number < 1e15; number *= 1.37) EXPECT_LE(compact(number).size(), 5U) << number;
  EXPECT_EQ(lag_text(0.04), "0.0s");
  EXPECT_EQ(lag_text(59.4), "59s");
  EXPECT_EQ(lag_text(3600), "60m");
  EXPECT_EQ(lag_text(86400), "24h");
  EXPECT_EQ(lag_text(1e12), ">1y");
  EXPECT_EQ(lag_text(std::nullopt), "-");
}

TEST(TopTerminal, NeedsATerminalThatCanBeDrawnOn) {
  EXPECT_TRUE(can_draw("xterm-256color"));
  EXPECT_FALSE(can_draw("dumb"));
  EXPECT_FALSE(can_draw(""));
  EXPECT_FALSE(can_draw(nullptr));
}

}  // namespace
}  // namespace mtmsg::ctl::top
