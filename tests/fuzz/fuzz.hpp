#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string_view>

/// What a fuzz target is: it looks at one input and aborts when a property does not hold. Linked with driver.cpp, or
/// with clang's libFuzzer.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace mtmsg::fuzz {

/// Good and nearly good inputs to begin with; each target has its own.
std::span<const std::string_view> seeds() noexcept;
/// Pieces that mean something to the target.
std::span<const std::string_view> words() noexcept;

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) noexcept {
  return {reinterpret_cast<const char*>(data), size};
}

inline void require(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", property);
  std::abort();
}

}  // namespace mtmsg::fuzz
