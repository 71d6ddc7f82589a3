#pragma once

#include <memory>
#include <string_view>

#include "cmd/output/sink.hpp"

namespace mtmsg::ctl {

enum class Compression { none, zstd, gzip };

/// Compresses a stream, piece by piece. One thread.
class Compressor {
 public:
  virtual ~Compressor() = default;
  /// What is ready goes to `below`.
  virtual void write(std::string_view text, Sink& below) = 0;
  /// The rest, and the format's own end. The last call.
  virtual void finish(Sink& below) = 0;
};

/// zstd: RFC 8878 with a checksum; gzip: RFC 1952. Null for none.
std::unique_ptr<Compressor> make_compressor(Compression compression);

}  // namespace mtmsg::ctl
