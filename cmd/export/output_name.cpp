#include "cmd/export/output_name.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

namespace mtmsg::ctl {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 4> kWords{"{tenant}", "{first}", "{last}", "{time}"};

// So that names stand in the order of the messages. 10^12 messages are thirty years of a thousand a second.
constexpr std::size_t kNumberDigits = 12;

std::string padded(std::int64_t number) {
  auto text = std::to_string(number);
  return std::string(kNumberDigits - std::min(kNumberDigits, text.size()), '0') + text;
}

void put(std::string& text, std::string_view word, const std::string& value) {
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + value.size()))
    text.replace(at, word.size(), value);
}

}  // namespace

Result<OutputName> OutputName::parse(std::string_view text) {
  if (text.empty() || text.ends_with('/')) return fail(ErrorCode::invalid_argument, "--output names a folder");
  const auto path = fs::absolute(fs::path(text)).lexically_normal();
  if (path.parent_path().string().find('{') != std::string::npos)
    return fail(ErrorCode::invalid_argument, "--output has words in braces in a folder's name; only the file's may");
  const auto name = path.filename().string();
  for (auto at = name.find('{'); at != std::string::npos; at = name.find('{', at + 1)) {
    const auto rest = std::string_view(name).substr(at);
    if (std::ranges::any_of(kWords, [&](std::string_view word) { return rest.starts_with(word); })) continue;
    return fail(ErrorCode::invalid_argument, "--output knows the words {tenant}, {first}, {last} and {time}, not " +
                                                 std::string(rest.substr(0, rest.find('}') + 1)));
  }
  return OutputName(path.string());
}

std::string OutputName::with(const Values& values) const {
  const fs::path path(path_);
  auto name = path.filename().string();
  put(name, "{tenant}", values.tenant);
  put(name, "{first}", padded(values.first));
  put(name, "{last}", padded(values.last));
  put(name, "{time}", compact_time(values.time));
  return (path.parent_path() / name).string();
}

bool OutputName::has(std::string_view word) const {
  return path_.find("{" + std::string(word) + "}") != std::string::npos;
}

bool OutputName::is_fixed() const {
  return !has("first") && !has("last") && !has("time");
}

std::string OutputName::folder() const {
  return fs::path(path_).parent_path().string();
}

std::string compact_time(Timestamp time) {
  // 2026-01-31T12:00:00.123456Z
  auto text = format_timestamp(time);
  text = text.substr(0, text.find('.')) + "Z";
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

}  // namespace mtmsg::ctl
