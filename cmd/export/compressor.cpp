#include "cmd/export/compressor.hpp"

#include <array>
#include <string>
#include <vector>

#include <zlib.h>
#include <zstd.h>

#include "core/result.hpp"

namespace mtmsg::ctl {
namespace {

[[noreturn]] void refuse(const char* library, const char* reason) {
  throw Failure(fail(ErrorCode::internal, std::string("cannot compress: ") + library + ": " + reason));
}

class ZstdCompressor final : public Compressor {
 public:
  ZstdCompressor() : context_(ZSTD_createCCtx()), out_(ZSTD_CStreamOutSize()) {
    if (!context_) refuse("zstd", "no memory");
    check(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1));
  }

  void write(std::string_view text, Sink& below) override {
    ZSTD_inBuffer in{text.data(), text.size(), 0};
    while (in.pos < in.size) step(in, ZSTD_e_continue, below);
  }

  void finish(Sink& below) override {
    ZSTD_inBuffer in{nullptr, 0, 0};
    while (step(in, ZSTD_e_end, below) > 0) continue;
  }

 private:
  struct Free {
    void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
  };

  static std::size_t check(std::size_t code) {
    if (ZSTD_isError(code) != 0) refuse("zstd", ZSTD_getErrorName(code));
    return code;
  }

  /// What is left to be flushed.
  std::size_t step(ZSTD_inBuffer& in, ZSTD_EndDirective directive, Sink& below) {
    ZSTD_outBuffer out{out_.data(), out_.size(), 0};
    const auto left = check(ZSTD_compressStream2(context_.get(), &out, &in, directive));
    below.write({out_.data(), out.pos});
    return left;
  }

  std::unique_ptr<ZSTD_CCtx, Free> context_;
  std::vector<char> out_;
};

class GzipCompressor final : public Compressor {
 public:
  GzipCompressor() {
    constexpr int kGzipHeader = 16;  // zlib.h, deflateInit2
    constexpr int kMemoryLevel = 8;
    if (deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + kGzipHeader, kMemoryLevel,
                     Z_DEFAULT_STRATEGY) != Z_OK)
      refuse("zlib", "no memory");
  }
  ~GzipCompressor() override { deflateEnd(&stream_); }
  GzipCompressor(const GzipCompressor&) = delete;
  GzipCompressor& operator=(const GzipCompressor&) = delete;

  void write(std::string_view text, Sink& below) override {
    constexpr std::size_t kMost = std::size_t{1} << 30U;  // avail_in is an unsigned int
    while (!text.empty()) {
      const auto piece = text.substr(0, kMost);
      text.remove_prefix(piece.size());
      // zlib does not write there; its type has no const.
      stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(piece.data()));
      stream_.avail_in = static_cast<uInt>(piece.size());
      while (stream_.avail_in > 0) step(Z_NO_FLUSH, below);
    }
  }

  void finish(Sink& below) override {
    while (step(Z_FINISH, below) != Z_STREAM_END) continue;
  }

 private:
  int step(int flush, Sink& below) {
    stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
    stream_.avail_out = static_cast<uInt>(out_.size());
    const int code = deflate(&stream_, flush);
    if (code == Z_STREAM_ERROR) refuse("zlib", "the stream is in disorder");
    below.write({out_.data(), out_.size() - stream_.avail_out});
    return code;
  }

  z_stream stream_{};
  std::array<char, std::size_t{64} * 1024> out_{};
};

}  // namespace

std::unique_ptr<Compressor> make_compressor(Compression compression) {
  if (compression == Compression::zstd) return std::make_unique<ZstdCompressor>();
  if (compression == Compression::gzip) return std::make_unique<GzipCompressor>();
  return nullptr;
}

}  // namespace mtmsg::ctl
