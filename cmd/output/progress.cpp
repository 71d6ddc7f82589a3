#include "cmd/output/progress.hpp"

#include <algorithm>

#include "cmd/output/table.hpp"

namespace mtmsg::ctl {
namespace {

constexpr std::chrono::milliseconds kRedraw{200};
constexpr std::uint64_t kBarCells = 24;

}  // namespace

Progress::Progress(Sink& terminal, bool shown, std::string_view unit, std::optional<std::uint64_t> total)
    : terminal_(terminal), shown_(shown), unit_(unit), total_(total) {}

Progress::~Progress() {
  try {
    clear();
  } catch (...) {  // the terminal went away; whoever writes to it next is told
  }
}

void Progress::advance(std::uint64_t by) {
  done_ += by;
  if (!shown_ || Clock::now() - drawn_ < kRedraw) return;
  draw();
}

void Progress::clear() {
  if (!on_screen_) return;
  on_screen_ = false;
  terminal_.write("\r\x1b[K");
  terminal_.flush();
}

std::uint64_t Progress::rate() const {
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun_).count();
  return elapsed > 0 ? done_ * 1000 / static_cast<std::uint64_t>(elapsed) : done_;
}

void Progress::draw() {
  drawn_ = Clock::now();
  std::string line = "\r";
  if (total_ && *total_ > 0) {
    const auto part = std::min(done_, *total_);
    const auto full = static_cast<std::size_t>(part * kBarCells / *total_);
    line += "[" + std::string(full, '#') + std::string(kBarCells - full, '.') + "] ";
    line += std::to_string(part * 100 / *total_) + " % ";
  }
  line += with_commas(done_) + " " + unit_ + ", " + with_commas(rate()) + "/s\x1b[K";
  terminal_.write(line);
  terminal_.flush();
  on_screen_ = true;
}

}  // namespace mtmsg::ctl
