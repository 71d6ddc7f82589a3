#include "config/print.hpp"

#include "config/values.hpp"

namespace mtmsg::config {
namespace {

std::string quoted(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\u00";
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    } else {
      out += c;
    }
  }
  return out + '"';
}

/// The `*_file` option that filled `option`, if one did.
bool came_from_named_file(const Option& option, const Config& config) {
  for (const auto& other : options()) {
    if (other.file_of == option.name && !value_of(other, config).empty()) return true;
  }
  return false;
}

}  // namespace

std::string toml_value(const Option& option, std::string_view value) {
  const bool bare = std::holds_alternative<Flag>(option.kind) || std::holds_alternative<Number>(option.kind);
  return bare ? std::string(value) : quoted(value);
}

std::string show(const Loaded& loaded) {
  std::string text;
  std::string_view section;
  for (const auto& option : options()) {
    if (option.section() != section) {
      if (!section.empty()) text += '\n';
      section = option.section();
      text += '[' + std::string(section) + "]\n";
    }
    auto value = value_of(option, loaded.config);
    // Nothing stands for "not set" here; an empty file name would be one.
    if (!option.file_of.empty() && value.empty()) continue;
    if (option.secret) value = mask_secrets(value);
    if (option.secret && came_from_named_file(option, loaded.config)) text += "# ";
    text += std::string(option.key()) + " = " + toml_value(option, value);
    const auto origin = loaded.origins.find(option.name);
    if (origin != loaded.origins.end()) text += "  # " + origin->second;
    text += '\n';
  }
  return text;
}

}  // namespace mtmsg::config
