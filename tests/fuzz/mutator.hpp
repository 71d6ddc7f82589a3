#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mtmsg::fuzz {

/// Makes new inputs of old ones. The same seed makes the same inputs. One thread.
class Mutator {
 private:
  template <class Container>
  auto& pick(Container& from) {
    return from[below(from.size())];
  }

 public:
  Mutator(std::uint64_t seed, std::span<const std::string_view> seeds, std::span<const std::string_view> words)
      : random_(seed), words_(words.begin(), words.end()), pool_(seeds.begin(), seeds.end()) {
    if (pool_.empty()) pool_.emplace_back();
  }

  std::string next() {
    auto input = pick(pool_);
    for (auto left = below(6) + 1; left > 0; --left) change(input);
    if (input.size() > kMaxBytes) input.resize(kMaxBytes);
    // Some become parents themselves; the seeds stay.
    if (below(16) == 0) remember(input);
    return input;
  }

  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : random_() % bound; }

 private:
  static constexpr std::size_t kMaxBytes = 8 << 10;
  static constexpr std::size_t kMaxPool = 512;

  void remember(const std::string& input) {
    if (children_.size() < kMaxPool) {
      children_.push_back(pool_.size());
      pool_.push_back(input);
    } else {
      pool_[pick(children_)] = input;
    }
  }

  void change(std::string& input) {
    using namespace std::string_view_literals;
    static constexpr auto kBytes = "\0\r\n\t :;,%/?&=\"\\{}[]0159-+\x7f\x80\xc0\xff"sv;
    const auto at = below(input.size() + 1);
    const auto length = std::min(below(below(2) == 0 ? 4 : 64) + 1, input.size() - at);
    switch (below(9)) {
      case 0:
        if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1U << below(8)));
        break;
      case 1:
        input.insert(at, 1, static_cast<char>(random_()));
        break;
      case 2:
        input.insert(at, 1, kBytes[below(kBytes.size())]);
        break;
      case 3:
        input.erase(at, length);
        break;
      case 4:
        input.insert(at, input.substr(at, length));
        break;
      case 5:
        if (!words_.empty()) input.insert(at, pick(words_));
        break;
      case 6:
        if (!words_.empty()) input.replace(at, length, pick(words_));
        break;
      case 7: {
        const auto& other = pick(pool_);
        const auto from = below(other.size() + 1);
        input.replace(at, below(2) == 0 ? length : std::string::npos, other.substr(from));
        break;
      }
      default:
        input.insert(at, std::string(below(300), pick(input.empty() ? kSpare : input)));
        break;
    }
  }

  inline static std::string kSpare = "x";

  std::mt19937_64 random_;
  std::vector<std::string_view> words_;
  std::vector<std::string> pool_;
  std::vector<std::size_t> children_;  // of pool_
};

}  // namespace mtmsg::fuzz
