#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cmd/command.hpp"
#include "wire/replay.hpp"

/// How a line says which dead letters; shared by the verbs of `dead-letter`.
namespace mtmsg::ctl {

struct LetterOptions {
  std::string tenant;
  std::vector<std::int64_t> seqs;
  wire::DeadLetterSelection selection;

  std::vector<Sequence> numbers() const;
};

/// --reason, --since, --until
void add_letter_filter(CLI::App& verb, wire::DeadLetterSelection& selection);
/// --replayed, --not-replayed
void add_replayed_filter(CLI::App& verb, wire::DeadLetterSelection& selection);
/// --cursor
void add_letter_cursor(CLI::App& verb, wire::DeadLetterSelection& selection);
/// SEQ... and --all
void add_letter_choice(CLI::App& verb, LetterOptions& options);

/// Why these options name no letters, or name them twice; empty when they are fine.
std::string wrong_choice(const LetterOptions& options);

}  // namespace mtmsg::ctl
