#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/export/journal.hpp"
#include "cmd/export/row_head.hpp"
#include "cmd/export/source.hpp"

namespace mtmsg::ctl {

/// Reads the messages of one tenant, or of all one after the other, from a cursor to the end. A stream that is cut is
/// taken up after its last whole row, for as long as each new one brings rows. Numbers have no holes, so a hole is what
/// retention took away: it is reported, and the walk goes on. One thread; one walk at a time.
class Walk {
 public:
  struct Plan {
    std::optional<std::string> tenant;  ///< its name or id; nothing: all
    client::MessageQuery query;
    /// The message after the cursor has to come next. False at a beginning, where what is gone was never asked for.
    bool follows_on = false;
  };
  struct Listener {
    /// False stops the walk. The view lasts for the call.
    std::function<bool(std::string_view row, const RowHead& head)> row;
    /// Its tenant is not known where no row came.
    std::function<void(const Gap& gap)> gap;
    /// Asked when a stream ends early: then that is why.
    std::function<bool()> interrupted = [] { return false; };
  };
  struct End {
    bool stopped = false;  ///< the listener wanted no more, or it was interrupted; there is no tail
    wire::PageTail tail;
  };

  Walk(Source& source, Plan plan, Listener listener);

  client::Call<End> run();
  /// The place after the last row that was taken; the plan's own before.
  const std::string& cursor() const noexcept { return query_.cursor; }
  const std::optional<RowHead>& first() const noexcept { return first_; }
  const std::optional<RowHead>& last() const noexcept { return last_; }
  std::uint64_t rows() const noexcept { return rows_; }

 private:
  bool take(std::string_view text);
  void check_follows(const RowHead& head);
  void check_end(std::int64_t next, bool truncated);
  client::Call<End> finished(const wire::PageTail& tail);

  Source& source_;
  const std::optional<std::string> tenant_;
  client::MessageQuery query_;
  Listener listener_;
  std::optional<std::int64_t> begin_;  ///< number the first row has to follow
  std::optional<RowHead> first_;
  std::optional<RowHead> last_;
  std::uint64_t rows_ = 0;
  bool stopped_ = false;
  std::string disorder_;  ///< what is wrong with a row
};

}  // namespace mtmsg::ctl
