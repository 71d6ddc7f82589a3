#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.hpp"
#include "core/result.hpp"

/// What `--cursor-file` keeps: how far each tenant is exported, and what a run is in the middle of. Pure; any thread.
///
///   idle ──begun──► writing ──sealed──► sealed ──settled──► idle, further on
///                      └──────abandoned──► idle, as before
///
/// Each arrow is one replacement of the file. The output gets its name while the journal is `sealed`; from then on the
/// temporary file is the evidence: as long as it is there, the output has not been named yet.
namespace mtmsg::ctl {

/// How far a tenant's messages are exported.
struct Position {
  TenantId tenant;
  std::string name;        ///< as it was called then; only for people
  std::int64_t after = 0;  ///< the number exported last
  friend bool operator==(const Position&, const Position&) = default;
};

/// Numbers between these two that an export has not, because retention removed them first.
struct Gap {
  TenantId tenant;
  std::int64_t after = 0;
  std::int64_t before = 0;
  friend bool operator==(const Gap&, const Gap&) = default;
};

/// An output that is complete under its temporary name.
struct Sealed {
  std::string temporary;
  std::string final_name;
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::string sha256;
  std::int64_t epoch = 1;
  std::vector<Position> positions;  ///< after this output
  std::vector<Gap> gaps;            ///< of this output
  friend bool operator==(const Sealed&, const Sealed&) = default;
};

struct Journal {
  bool all_tenants = false;
  std::string since;       ///< --since of the run that began it: another one would leave messages out
  std::int64_t epoch = 0;  ///< of the store when it was read last; 0: not yet
  std::vector<Position> positions;
  std::string writing;           ///< a temporary that is being written, or was; empty: none
  std::optional<Sealed> sealed;  ///< then `writing` is empty
  friend bool operator==(const Journal&, const Journal&) = default;

  const Position* find(TenantId tenant) const;
};

/// One JSON object and a line end.
std::string journal_text(const Journal& journal);
/// Error: invalid_argument, for what is no journal, or one of a later version.
Result<Journal> read_journal(std::string_view text);

Journal begun(Journal journal, std::string temporary);
Journal sealed(Journal journal, Sealed output);
/// The sealed output has its name.
Journal settled(Journal journal);
/// The temporary is gone, and nothing of it counts.
Journal abandoned(Journal journal);

/// What the next run has to do first.
enum class Recovery {
  nothing,   ///< the last run ended in order
  discard,   ///< it ended while it wrote: remove the temporary, then abandoned()
  publish,   ///< it ended before the output had its name: give it, then settled()
  settle,    ///< it ended after that: settled()
  conflict,  ///< the temporary is complete, but another file has the name
};
/// `temporary_there`, `final_there`: whether the files exist that the journal names. Nobody else removes a temporary:
/// so where it is gone the output was named, even if somebody has taken it away since.
Recovery recovery_of(const Journal& journal, bool temporary_there, bool final_there);

}  // namespace mtmsg::ctl
