#include "cmd/top/live.hpp"

#include <optional>

#include "cmd/top/poller.hpp"
#include "cmd/top/screen.hpp"
#include "cmd/top/terminal.hpp"
#include "cmd/top/view.hpp"

namespace mtmsg::ctl::top {
namespace {

class Live {
 public:
  Live(Context& context, const client::ActivityQuery& query, std::chrono::milliseconds interval)
      : interval_(interval), colour_(context.around().colour), view_(query), poller_(context.client()) {}

  /// nullopt: somebody quit; else why there was never anything to show.
  std::optional<client::CallError> run() {
    fit();
    ask();
    while (true) {
      terminal_.show(draw({page_ ? &*page_ : nullptr, trouble_}, view_, size_), colour_);
      const auto event = terminal_.wait(poller_.descriptor(), until_due());
      if (event.ended) return std::nullopt;
      if (event.resized) fit();
      for (const auto& key : event.keys)
        if (!press(key)) return std::nullopt;
      if (auto answer = poller_.take())
        if (auto failed = note(std::move(*answer))) return failed;
      if (Clock::now() >= due_ && !view_.paused() && !poller_.under_way()) ask();
    }
  }

 private:
  using Clock = std::chrono::steady_clock;

  void fit() {
    size_ = terminal_.size();
    view_.resize(rows_for_tenants(size_));
    if (page_) view_.have(page_->total.tenants);
    due_ = Clock::now();
  }

  void ask() {
    due_ = Clock::now() + interval_;
    poller_.ask(view_.query());
  }

  std::chrono::milliseconds until_due() const {
    constexpr std::chrono::hours kLong{1};
    if (view_.paused() || poller_.under_way()) return kLong;
    return std::chrono::ceil<std::chrono::milliseconds>(due_ - Clock::now());
  }

  /// False: that was the last key.
  bool press(const KeyPress& key) {
    const auto wish = view_.press(key);
    if (wish == View::Wish::fetch) ask();
    return wish != View::Wish::quit;
  }

  std::optional<client::CallError> note(client::Call<wire::ActivityPage> answer) {
    if (answer) {
      page_ = std::move(*answer);
      view_.have(page_->total.tenants);
      trouble_.clear();
      return std::nullopt;
    }
    if (!page_) return answer.error();
    trouble_ = answer.error().error.message;
    return std::nullopt;
  }

  const std::chrono::milliseconds interval_;
  const bool colour_;
  View view_;
  Size size_;
  std::optional<wire::ActivityPage> page_;
  std::string trouble_;
  Clock::time_point due_{};
  Terminal terminal_;  // before the poller, whose thread must not get its signals
  Poller poller_;
};

}  // namespace

ExitCode watch(Context& context, const client::ActivityQuery& query, std::chrono::milliseconds interval) {
  const auto failed = Live(context, query, interval).run();
  return failed ? context.failed(*failed) : ExitCode::done;
}

}  // namespace mtmsg::ctl::top
