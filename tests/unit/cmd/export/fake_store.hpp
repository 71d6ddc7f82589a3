#pragma once

#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "cmd/export/files.hpp"
#include "cmd/export/source.hpp"

/// A disk and a message store in memory, for tests of exports.
namespace mtmsg::ctl {

/// The process ended here: no part of the hierarchy that anybody handles.
struct Crash {};

/// A disk whose power goes at a step that a test chooses. What was written and not synced is lost then.
class FakeFiles final : public Files {
 public:
  std::map<std::string, std::string> files;
  std::set<std::string> devices;
  bool locked_elsewhere = false;

  /// The step (1, 2, …) at which it ends, before or after it took effect.
  void crash_at(int step, bool after) {
    steps_left_ = step;
    after_ = after;
  }
  /// The machine comes up again.
  void restart() {
    for (const auto& path : unsynced_)
      if (files.contains(path)) files[path].resize(synced_[path]);
    unsynced_.clear();
    steps_left_ = 0;
    dead_ = false;
  }

  Kind look(const std::string& path) override {
    if (devices.contains(path)) return Kind::other;
    return files.contains(path) ? Kind::regular : Kind::none;
  }
  std::optional<std::string> read(const std::string& path) override {
    return files.contains(path) ? std::optional(files[path]) : std::nullopt;
  }
  void replace(const std::string& path, std::string_view text) override {
    step([&] { files[path] = text; });
  }
  std::unique_ptr<OutputFile> create(const std::string& path) override {
    step([&] {
      if (files.contains(path)) throw Failure(fail(ErrorCode::internal, path + " exists"));
      files[path] = "";
      unsynced_.insert(path);
      synced_[path] = 0;
    });
    return std::make_unique<File>(*this, path);
  }
  std::unique_ptr<OutputFile> open(const std::string& path) override { return std::make_unique<File>(*this, path); }
  bool publish(const std::string& from, const std::string& to) override {
    bool free = false;
    step([&] {
      free = !files.contains(to);
      if (free) move(from, to);
    });
    return free;
  }
  void publish_over(const std::string& from, const std::string& to) override {
    step([&] { move(from, to); });
  }
  void remove(const std::string& path) override {
    step([&] { files.erase(path); });
  }
  std::unique_ptr<Lock> try_lock(const std::string&) override {
    return locked_elsewhere ? nullptr : std::make_unique<Lock>();
  }

 private:
  class File final : public OutputFile {
   public:
    File(FakeFiles& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
    void write(std::string_view text) override {
      disk_.step([&] { disk_.files[path_] += text; });
    }
    void flush() override {}
    void sync() override {
      disk_.step([&] {
        disk_.synced_[path_] = disk_.files[path_].size();
        disk_.unsynced_.erase(path_);
      });
    }

   private:
    FakeFiles& disk_;
    std::string path_;
  };

  void step(const std::function<void()>& effect) {
    if (dead_) throw Crash{};
    const bool now = steps_left_ > 0 && --steps_left_ == 0;
    if (now) dead_ = true;
    if (!now || after_) effect();
    if (now) throw Crash{};
  }
  void move(const std::string& from, const std::string& to) {
    files[to] = files[from];
    files.erase(from);
  }

  std::map<std::string, std::size_t> synced_;
  std::set<std::string> unsynced_;
  int steps_left_ = 0;
  bool after_ = false;
  bool dead_ = false;
};

inline TenantId tenant_number(unsigned n) {
  TenantId id;
  id.value.bytes[0] = 1;
  id.value.bytes[15] = static_cast<std::uint8_t>(n);
  return id;
}

inline std::string row_text(TenantId tenant, std::int64_t seq) {
  return R"({"seq":)" + std::to_string(seq) + R"(,"id":"0190d3c4-5a6b-7c8d-9e0f-112233445566","tenant_id":")" +
         tenant.to_string() + R"(","payload":{"n":1e400},"headers":null,"published_at":null,)" +
         R"("created_at":"2026-01-31T12:00:00.123456Z"})";
}

/// Tenants with messages 1 … last, of which retention may have taken the first ones.
class FakeSource final : public Source {
 public:
  struct Kept {
    std::string name;
    std::int64_t last = 0;
    std::int64_t oldest = 1;
  };
  std::map<TenantId, Kept> kept;
  std::int64_t store_epoch = 1;
  int cut_after = -1;  ///< rows, then the stream breaks off, once
  std::function<void(std::int64_t seq)> after_row = [](std::int64_t) {};

  client::Call<Who> tenant(std::string_view name) override {
    for (const auto& [id, one] : kept)
      if (one.name == name) return Who{id, one.name};
    return refused("tenant " + std::string(name) + " does not exist");
  }
  client::Call<std::vector<Who>> tenants() override {
    std::vector<Who> all;
    for (const auto& [id, one] : kept) all.push_back({id, one.name});
    return all;
  }
  client::Call<std::int64_t> epoch(TenantId) override { return store_epoch; }

  client::Call<client::StreamEnd> stream(std::optional<std::string_view> tenant, const client::MessageQuery& query,
                                         const TakeRow& take) override {
    const auto id = TenantId::parse(*tenant);
    if (!id || !kept.contains(*id)) return refused("no such tenant");
    auto& one = kept.at(*id);
    std::int64_t at = query.cursor.empty() ? 0 : std::stoll(query.cursor);
    const bool truncated = at < one.oldest - 1;
    at = std::max(at, one.oldest - 1);
    while (at < one.last) {
      if (cut_after >= 0 && cut_after-- == 0) return client::StreamEnd{};
      ++at;
      if (!take(row_text(*id, at))) return client::StreamEnd{};
      after_row(at);
      at = std::max(at, one.oldest - 1);
    }
    wire::PageTail tail;
    tail.next_cursor = std::to_string(at);
    tail.truncated = truncated;
    tail.epoch = store_epoch;
    return client::StreamEnd{tail};
  }

 private:
  static client::CallError refused(std::string text) {
    return {client::CallError::Cause::refused, fail(ErrorCode::not_found, std::move(text))};
  }
};

}  // namespace mtmsg::ctl
