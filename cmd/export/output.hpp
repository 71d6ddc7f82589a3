#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "cmd/export/compressor.hpp"
#include "cmd/export/digest.hpp"
#include "cmd/export/encoder.hpp"
#include "cmd/output/sink.hpp"

namespace mtmsg::ctl {

struct Encoding {
  Format format = Format::ndjson;
  Compression compression = Compression::none;
};

/// Messages on their way out: encoded, compressed, counted, summed up, written. Memory is that of one piece. One
/// thread.
class Output {
 public:
  /// What was written, as whoever has the file can count it again.
  struct Total {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
    std::string sha256;
  };

  Output(Encoding encoding, Sink& below);

  /// Error: `row` is no message.
  Result<void> add(std::string_view row);
  /// Writes what waits. Compressed output stays behind, as its format wants it.
  void flush();
  /// The end of the format, and everything written. The last call.
  Total finish();

  std::uint64_t messages() const noexcept { return total_.messages; }

 private:
  class Counting;
  void pass_on();

  std::unique_ptr<Encoder> encoder_;
  std::unique_ptr<Compressor> compressor_;
  Sink& below_;
  Sha256 digest_;
  Total total_;
  std::string text_;  ///< encoded, not yet passed on
};

}  // namespace mtmsg::ctl
