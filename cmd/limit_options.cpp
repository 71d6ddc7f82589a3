#include "cmd/limit_options.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <span>

namespace mtmsg::ctl {
namespace {

struct Suffix {
  std::string_view text;
  std::uint64_t factor;
};

constexpr std::array<Suffix, 4> kBytes{
    {{"TiB", 1ULL << 40U}, {"GiB", 1ULL << 30U}, {"MiB", 1ULL << 20U}, {"KiB", 1ULL << 10U}}};
constexpr std::array<Suffix, 4> kSeconds{{{"d", 86'400}, {"h", 3600}, {"min", 60}, {"s", 1}}};

std::span<const Suffix> suffixes_of(const LimitRow& row) {
  if (row.unit == "bytes") return kBytes;
  if (row.unit == "s") return kSeconds;
  return {};
}

Error not_a_value(const LimitRow& row, std::string_view text) {
  std::string forms = "a whole number";
  const auto suffixes = suffixes_of(row);
  for (auto suffix = suffixes.rbegin(); suffix != suffixes.rend(); ++suffix)
    forms.append(suffix == suffixes.rbegin() ? ", also with " : ", ").append(suffix->text);
  if (!suffixes.empty()) forms += " behind it";
  return fail(ErrorCode::invalid_argument, "'" + std::string(text) + "' is not " + forms);
}

std::string option_name(const LimitRow& row) {
  std::string name = "--" + std::string(row.name);
  std::ranges::replace(name, '_', '-');
  return name;
}

std::string type_name(const LimitRow& row) {
  if (row.unit == "bytes") return "SIZE";
  if (row.unit == "s") return "TIME";
  return "N";
}

}  // namespace

Result<std::uint64_t> parse_limit_value(Limit limit, std::string_view text) {
  const auto& row = row_of(limit);
  std::uint64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [stopped, ec] = std::from_chars(text.data(), end, value);
  if (ec != std::errc{}) return not_a_value(row, text);
  const std::string_view rest(stopped, static_cast<std::size_t>(end - stopped));
  if (!rest.empty()) {
    const auto suffixes = suffixes_of(row);
    const auto suffix = std::ranges::find(suffixes, rest, &Suffix::text);
    if (suffix == suffixes.end()) return not_a_value(row, text);
    // What passes 64 bits passes every bound.
    const bool fits = value <= std::numeric_limits<std::uint64_t>::max() / suffix->factor;
    value = fits ? value * suffix->factor : std::numeric_limits<std::uint64_t>::max();
  }
  if (auto checked = check_limit(limit, value); !checked) return checked.error();
  return value;
}

std::string limit_text(Limit limit, std::uint64_t value) {
  if (value == 0) return "none";
  for (const auto& suffix : suffixes_of(row_of(limit)))
    if (value % suffix.factor == 0) return std::to_string(value / suffix.factor) + std::string(suffix.text);
  return std::to_string(value);
}

void add_limit_options(CLI::App& verb, std::vector<TenantUpdate::LimitChange>& limits, DefaultWord word) {
  for (const auto& row : limit_rows()) {
    const auto read = [limit = row.limit, word](const std::string& text) -> Result<TenantUpdate::LimitChange> {
      if (word == DefaultWord::taken && text == "default") return TenantUpdate::LimitChange{limit, std::nullopt};
      const auto value = parse_limit_value(limit, text);
      if (!value) return value.error();
      return TenantUpdate::LimitChange{limit, *value};
    };
    std::string help(row.help);
    if (word == DefaultWord::taken && row.fixed) help += " Fixed when the tenant is created.";
    verb.add_option_function<std::string>(
            option_name(row), [read, &limits](const std::string& text) { limits.push_back(read(text).value()); },
            std::move(help))
        ->type_name(word == DefaultWord::taken ? type_name(row) + "|default" : type_name(row))
        ->check([read](const std::string& text) {
          const auto change = read(text);
          return change ? std::string() : change.error().message;
        });
  }
}

}  // namespace mtmsg::ctl
