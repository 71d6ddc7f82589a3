#include "cmd/export/output.hpp"

namespace mtmsg::ctl {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{256} * 1024;

}  // namespace

/// The last station: what goes through is what the file has.
class Output::Counting final : public Sink {
 public:
  explicit Counting(Output& output) : output_(output) {}
  void write(std::string_view bytes) override {
    output_.digest_.add(bytes);
    output_.total_.bytes += bytes.size();
    output_.below_.write(bytes);
  }
  void flush() override { output_.below_.flush(); }

 private:
  Output& output_;
};

Output::Output(Encoding encoding, Sink& below)
    : encoder_(make_encoder(encoding.format)), compressor_(make_compressor(encoding.compression)), below_(below) {
  encoder_->begin(text_);
}

Result<void> Output::add(std::string_view row) {
  if (auto added = encoder_->add(text_, row); !added) return added.error();
  ++total_.messages;
  if (text_.size() >= kPieceBytes) pass_on();
  return {};
}

void Output::flush() {
  pass_on();
  below_.flush();
}

Output::Total Output::finish() {
  encoder_->end(text_);
  pass_on();
  Counting counting(*this);
  if (compressor_) compressor_->finish(counting);
  below_.flush();
  total_.sha256 = digest_.finish();
  return total_;
}

void Output::pass_on() {
  Counting counting(*this);
  if (compressor_)
    compressor_->write(text_, counting);
  else
    counting.write(text_);
  text_.clear();
}

}  // namespace mtmsg::ctl
