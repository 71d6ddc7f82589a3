#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace mtmsg::metrics {

/// The metrics of the daemon, one entry per row of the table in registry.cpp.
enum class Metric {
  messages_stored,
  duplicates_suppressed,
  messages_without_id,
  dead_letters,  ///< labelled with its reason
  deliveries_acked,
  store_transactions,
  store_outages,
  batch_rows,     ///< histogram, in rows
  store_seconds,  ///< histogram, in seconds
};

/// Goes up only. A handle: cheap to copy, valid as long as the Registry. Any thread, without a lock.
class Counter {
 public:
  void add(std::uint64_t amount = 1) noexcept;

 private:
  friend class Registry;
  explicit Counter(void* series) : series_(series) {}
  void* series_;
};

/// Counts observations by size. A handle as Counter is. Any thread; may take a short lock.
class Histogram {
 public:
  void observe(double value) noexcept;
  void observe(std::chrono::nanoseconds duration) noexcept { observe(std::chrono::duration<double>(duration).count()); }

 private:
  friend class Registry;
  explicit Histogram(void* series) : series_(series) {}
  void* series_;
};

/// Owns all series. Handles are taken once, at start: taking one is a search, using one is not. Any thread.
class Registry {
 public:
  /// `version` becomes the label of mtmsg_build_info.
  explicit Registry(std::string_view version);
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  /// `label` is the value of the metric's label, where the metric has one. Throws std::logic_error when the metric is
  /// of another kind, or its label is missing or superfluous.
  Counter counter(Metric metric, std::string_view label = {});
  Histogram histogram(Metric metric);

  /// Prometheus' text exposition format, 0.0.4 ("text/plain; version=0.0.4").
  std::string render() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// What the ingest pipeline counts: the handles it needs, taken in one go. Updated once per batch.
struct IngestMetrics {
  explicit IngestMetrics(Registry& registry);

  Counter messages_stored;
  Counter duplicates_suppressed;
  Counter messages_without_id;
  Counter deliveries_acked;
  Counter store_transactions;
  Counter store_outages;
  Histogram batch_rows;
  Histogram store_seconds;
  /// By the reason's name (domain/dead_letter.hpp). A search: rare, so not worth a handle each.
  Counter dead_letters(std::string_view reason) const;

 private:
  Registry& registry_;
};

}  // namespace mtmsg::metrics
