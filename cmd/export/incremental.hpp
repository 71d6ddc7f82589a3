#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cmd/export/files.hpp"
#include "cmd/export/journal.hpp"
#include "cmd/export/output.hpp"
#include "cmd/export/output_name.hpp"
#include "cmd/export/source.hpp"

namespace mtmsg::ctl {

/// `message dump --cursor-file`: each run writes what came since the last one into a file of its own, and however often
/// runs are killed, the files together have every message once. The journal (journal.hpp) says how. One thread.
class Incremental {
 public:
  struct Plan {
    std::string cursor_file;
    OutputName output;
    Encoding encoding{};
    std::string tenant{};                  ///< empty: all
    std::optional<std::int64_t> cursor{};  ///< where a new cursor file begins, or one after an accepted epoch
    std::optional<std::string> since{};
    std::optional<std::string> until{};
    std::optional<std::int64_t> accepted_epoch{};
    Timestamp time{};
  };

  /// Told while it goes on; what is told is true whether or not the run ends well.
  struct Listener {
    std::function<void(const Sealed& output)> completed;  ///< an output of an earlier run has its name now
    std::function<void(const Gap& gap)> gap;
    std::function<void(const Position& position)> gone;  ///< a tenant that is exported no more: it was deleted
    std::function<void()> row = [] {};
    std::function<bool()> interrupted = [] { return false; };
  };

  struct Done {
    std::optional<Sealed> output;  ///< nothing: no message came
    std::vector<Position> positions;
    std::int64_t epoch = 0;
    bool gaps = false;  ///< also of an output that an earlier run left behind
  };
  /// Why nothing was done. The cursor file is as it was, but for what an earlier run left behind.
  struct Refused {
    enum class Why {
      usage,       ///< what is asked for does not go with the cursor file
      busy,        ///< another run has the cursor file
      taken,       ///< there is a file of the output's name
      history,     ///< the store is not the one that was exported before
      unreadable,  ///< the cursor file is none
      interrupted,
    };
    Why why;
    std::string text;
  };
  using Outcome = std::variant<Done, Refused, client::CallError>;

  Incremental(Source& source, Files& files, Plan plan, Listener listener);

  /// Throws Failure when a file can't be written.
  Outcome run();

 private:
  /// Ends the run from anywhere below it.
  struct Ended {
    Outcome outcome;
  };
  [[noreturn]] static void refuse(Refused::Why why, std::string text);
  template <class T>
  static T need(client::Call<T> call);

  void load();
  void recover();
  void check_plan();
  void choose_tenants();
  void check_epoch();
  void check_begin();
  std::string output_name() const;
  void walk(Position& position);
  void take(std::string_view row);
  void begin_output();
  void drop_output() noexcept;
  void see_epoch(std::int64_t epoch) const;
  Done finish();
  void store(Journal journal);
  void finish_sealed(bool publish);

  Source& source_;
  Files& files_;
  const Plan plan_;
  Listener listener_;
  std::unique_ptr<Files::Lock> lock_;
  bool first_run_ = true;
  Journal journal_;
  std::vector<Position> positions_;  ///< as they are after this run
  std::vector<Gap> gaps_;
  std::int64_t epoch_ = 0;
  bool earlier_gaps_ = false;
  std::int64_t first_ = 0;
  std::int64_t last_ = 0;
  std::unique_ptr<OutputFile> file_;
  std::unique_ptr<Output> output_;
};

}  // namespace mtmsg::ctl
