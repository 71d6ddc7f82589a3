#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "cmd/top/view.hpp"
#include "wire/activity.hpp"

/// What the terminal shows, as text. Pure.
namespace mtmsg::ctl::top {

struct Size {
  std::size_t columns = 80;
  std::size_t rows = 24;
  friend bool operator==(const Size&, const Size&) = default;
};

/// One line, at most as wide as the screen, and how it stands out.
struct Line {
  enum class Look { plain, title, alarm };
  std::string text;
  Look look = Look::plain;
};

/// What there is to show. `trouble`: why the last try to get newer data failed.
struct Shown {
  const wire::ActivityPage* page = nullptr;  ///< none: nothing came yet
  std::string trouble;
};

/// As many rows of tenants fit.
std::size_t rows_for_tenants(const Size& size) noexcept;
/// At most as many lines as the screen has.
std::vector<Line> draw(const Shown& shown, const View& view, const Size& size);

/// 99999, 123k, 1.2M
std::string compact(double number);
/// 0.3s, 45s, 12m, 5h, 3d; "-" for what is not known
std::string lag_text(const std::optional<double>& seconds);

}  // namespace mtmsg::ctl::top
