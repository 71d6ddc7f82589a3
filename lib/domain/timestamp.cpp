#include <algorithm>
#include <array>

#include "domain/message.hpp"

namespace mtmsg {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::year;
using std::chrono::year_month_day;

constexpr Timestamp kFirst = sys_days{year{0} / 1 / 1};
constexpr Timestamp kLast = sys_days{year{10000} / 1 / 1} - microseconds{1};

/// Takes a text apart from the left; once something does not fit, `ok` stays false.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  /// Exactly `width` digits.
  int digits(std::size_t width) noexcept {
    if (rest_.size() < width) return refuse();
    int value = 0;
    for (const char c : rest_.substr(0, width)) {
      if (c < '0' || c > '9') return refuse();
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(width);
    return value;
  }

  bool take(char upper, char lower) noexcept {
    if (rest_.empty() || (rest_.front() != upper && rest_.front() != lower)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take(char c) noexcept { return take(c, c); }
  void expect(bool taken) noexcept { ok_ = ok_ && taken; }

  /// One digit or more; what is finer than microseconds is cut.
  microseconds fraction() noexcept {
    std::size_t count = 0;
    int value = 0;
    for (; count < rest_.size() && rest_[count] >= '0' && rest_[count] <= '9'; ++count) {
      if (count < 6) value = value * 10 + (rest_[count] - '0');
    }
    expect(count > 0);
    for (std::size_t i = count; i < 6; ++i) value *= 10;
    rest_.remove_prefix(count);
    return microseconds{value};
  }

  bool ok() const noexcept { return ok_; }
  bool at_end() const noexcept { return rest_.empty(); }

 private:
  int refuse() noexcept {
    ok_ = false;
    return 0;
  }

  std::string_view rest_;
  bool ok_ = true;
};

std::optional<minutes> scan_offset(Scanner& scan) {
  if (scan.take('Z', 'z')) return minutes{0};
  const bool east = scan.take('+');
  if (!east && !scan.take('-')) return std::nullopt;
  const int hour = scan.digits(2);
  scan.expect(scan.take(':'));
  const int minute = scan.digits(2);
  if (!scan.ok() || hour > 23 || minute > 59) return std::nullopt;
  const minutes offset = hours{hour} + minutes{minute};
  return east ? offset : -offset;
}

std::optional<Timestamp> scan_timestamp(std::string_view text) {
  Scanner scan(text);
  const int y = scan.digits(4);
  scan.expect(scan.take('-'));
  const int m = scan.digits(2);
  scan.expect(scan.take('-'));
  const int d = scan.digits(2);
  scan.expect(scan.take('T', 't'));
  const int hour = scan.digits(2);
  scan.expect(scan.take(':'));
  const int minute = scan.digits(2);
  scan.expect(scan.take(':'));
  const int second = scan.digits(2);
  const auto fraction = scan.take('.') ? scan.fraction() : microseconds{0};
  const auto offset = scan_offset(scan);
  const auto date = year{y} / m / d;
  if (!scan.ok() || !scan.at_end() || !offset || !date.ok() || hour > 23 || minute > 59 || second > 60) {
    return std::nullopt;
  }
  const auto whole_minute = sys_days{date} + hours{hour} + minutes{minute} - *offset;
  // RFC 3339, 5.7: a leap second stands only at the end of a UTC day. It becomes the second that follows it.
  if (second == 60 && whole_minute + minutes{1} != std::chrono::floor<days>(whole_minute) + days{1}) {
    return std::nullopt;
  }
  return Timestamp{whole_minute} + seconds{second} + (second == 60 ? microseconds{0} : fraction);
}

void put_digits(char* at, unsigned width, unsigned value) noexcept {
  for (unsigned i = width; i > 0; --i) {
    at[i - 1] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

}  // namespace

Result<Timestamp> parse_timestamp(std::string_view text) {
  if (const auto time = scan_timestamp(text)) return *time;
  return fail(ErrorCode::invalid_argument,
              "a time is written as RFC 3339 with its offset, such as 2026-01-31T12:00:00Z or "
              "2026-01-31T13:00:00.5+01:00");
}

std::string format_timestamp(Timestamp time) {
  time = std::clamp(time, kFirst, kLast);
  const auto day = std::chrono::floor<days>(time);
  const year_month_day date{day};
  const auto in_day = static_cast<std::uint64_t>((time - day).count());
  const auto second = static_cast<unsigned>(in_day / 1'000'000);
  std::string text = "0000-00-00T00:00:00.000000Z";
  char* const at = text.data();
  put_digits(at, 4, static_cast<unsigned>(static_cast<int>(date.year())));
  put_digits(at + 5, 2, static_cast<unsigned>(date.month()));
  put_digits(at + 8, 2, static_cast<unsigned>(date.day()));
  put_digits(at + 11, 2, second / 3600);
  put_digits(at + 14, 2, second / 60 % 60);
  put_digits(at + 17, 2, second % 60);
  put_digits(at + 20, 6, static_cast<unsigned>(in_day % 1'000'000));
  return text;
}

}  // namespace mtmsg
