#include "cmd/export/follower.hpp"
#include "cmd/message_dump.hpp"

namespace mtmsg::ctl {
namespace {

class ToOutput final : public Follower::Printer {
 public:
  explicit ToOutput(Output& output) : output_(output) {}
  Result<void> add(std::string_view row) override { return output_.add(row); }
  void flush() override { output_.flush(); }

 private:
  Output& output_;
};

ExitCode finished(Context& context, const DumpOptions& options, const Follower& follower, Output& output) {
  const auto total = output.finish();
  auto text = "dumped " + counted(total.messages, "message");
  if (!options.all_tenants) text += "; next cursor: " + follower.next_cursor();
  context.note(text);
  if (!options.summary.empty()) {
    Summary summary;
    summary.messages = total.messages;
    summary.bytes = total.bytes;
    summary.sha256 = total.sha256;
    summary.epoch = follower.epoch();
    if (!options.all_tenants) summary.next_cursor = follower.next_cursor();
    write_summary(*system_files(), options, summary);
  }
  return follower.had_gaps() ? ExitCode::history : ExitCode::done;
}

}  // namespace

ExitCode dump_following(Context& context, const DumpOptions& options, Encoding encoding) {
  Output output(encoding, context.around().out);
  ToOutput printer(output);
  Follower follower(context, {options.asked(), options.query}, printer);
  if (const auto code = follower.run()) return *code;
  return finished(context, options, follower, output);
}

}  // namespace mtmsg::ctl
