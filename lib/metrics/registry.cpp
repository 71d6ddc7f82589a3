#include "metrics/registry.hpp"

#include <map>
#include <span>
#include <sstream>
#include <stdexcept>
#include <variant>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace mtmsg::metrics {
namespace {

/// One metric: everything about it.
struct Row {
  Metric metric;
  std::string_view name;
  std::string_view help;
  std::string_view label = {};                    ///< name of its one label; empty: none
  std::span<const std::string_view> values = {};  ///< label values that stand at 0 from the start
  std::span<const double> bounds = {};            ///< of a histogram's buckets; empty: a counter
};

// The names of domain/dead_letter.hpp; a test compares them.
constexpr std::string_view kDeadReasons[] = {
    "invalid_json", "rejected_by_database", "too_large",  "delivery_limit",
    "expired",      "rejected_by_consumer", "queue_full",
};
constexpr double kRows[] = {1, 5, 10, 50, 100, 250, 500, 1000, 2500, 5000};
constexpr double kSeconds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

constexpr Row kTable[] = {
    {Metric::messages_stored, "mtmsg_messages_stored_total", "Messages committed to the database."},
    {Metric::duplicates_suppressed, "mtmsg_duplicates_suppressed_total",
     "Deliveries whose message was stored already, and was not stored again."},
    {Metric::messages_without_id, "mtmsg_messages_without_id_total",
     "Messages stored at least once instead of exactly once, because they carried no message_id."},
    {Metric::dead_letters, "mtmsg_dead_letters_total", "Messages that became dead letters.", "reason", kDeadReasons},
    {Metric::deliveries_acked, "mtmsg_deliveries_acked_total", "Deliveries acknowledged to the broker."},
    {Metric::store_transactions, "mtmsg_store_transactions_total", "Writers' transactions that were committed."},
    {Metric::store_outages, "mtmsg_store_outages_total", "Writers' attempts that met a database that was away."},
    {.metric = Metric::batch_rows,
     .name = "mtmsg_batch_rows",
     .help = "Deliveries in one transaction of a writer.",
     .bounds = kRows},
    {.metric = Metric::store_seconds,
     .name = "mtmsg_store_seconds",
     .help = "Time of one transaction of a writer.",
     .bounds = kSeconds},
};

using CounterFamily = prometheus::Family<prometheus::Counter>;
using HistogramFamily = prometheus::Family<prometheus::Histogram>;

[[noreturn]] void misuse(std::string_view name, const char* what) {
  throw std::logic_error(std::string(name) + ": " + what);
}

}  // namespace

void Counter::add(std::uint64_t amount) noexcept {
  if (amount > 0) static_cast<prometheus::Counter*>(series_)->Increment(static_cast<double>(amount));
}

void Histogram::observe(double value) noexcept {
  static_cast<prometheus::Histogram*>(series_)->Observe(value);
}

struct Registry::Impl {
  struct Entry {
    const Row* row;
    std::variant<CounterFamily*, HistogramFamily*> family;
  };

  prometheus::Registry registry;
  std::map<Metric, Entry> entries;

  const Entry& entry(Metric metric) const { return entries.at(metric); }

  void add(const Row& row) {
    const std::string name(row.name);
    const std::string help(row.help);
    if (!row.bounds.empty()) {
      auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
      entries.emplace(row.metric, Entry{&row, &family});
      return;
    }
    auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(registry);
    entries.emplace(row.metric, Entry{&row, &family});
    if (row.label.empty()) family.Add({});
    for (const auto value : row.values) family.Add({{std::string(row.label), std::string(value)}});
  }
};

Registry::Registry(std::string_view version) : impl_(std::make_unique<Impl>()) {
  for (const auto& row : kTable) impl_->add(row);
  histogram(Metric::batch_rows);
  histogram(Metric::store_seconds);
  prometheus::BuildGauge()
      .Name("mtmsg_build_info")
      .Help("Always 1; its label says what runs.")
      .Register(impl_->registry)
      .Add({{"version", std::string(version)}})
      .Set(1);
}

Registry::~Registry() = default;

Counter Registry::counter(Metric metric, std::string_view label) {
  const auto& entry = impl_->entry(metric);
  auto* const* const family = std::get_if<CounterFamily*>(&entry.family);
  if (family == nullptr) misuse(entry.row->name, "is not a counter");
  if (label.empty() != entry.row->label.empty()) misuse(entry.row->name, "has a label, or has none");
  if (label.empty()) return Counter(&(*family)->Add({}));
  return Counter(&(*family)->Add({{std::string(entry.row->label), std::string(label)}}));
}

Histogram Registry::histogram(Metric metric) {
  const auto& entry = impl_->entry(metric);
  auto* const* const family = std::get_if<HistogramFamily*>(&entry.family);
  if (family == nullptr) misuse(entry.row->name, "is not a histogram");
  const auto& bounds = entry.row->bounds;
  return Histogram(&(*family)->Add({}, prometheus::Histogram::BucketBoundaries(bounds.begin(), bounds.end())));
}

std::string Registry::render() const {
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

IngestMetrics::IngestMetrics(Registry& registry)
    : messages_stored(registry.counter(Metric::messages_stored)),
      duplicates_suppressed(registry.counter(Metric::duplicates_suppressed)),
      messages_without_id(registry.counter(Metric::messages_without_id)),
      deliveries_acked(registry.counter(Metric::deliveries_acked)),
      store_transactions(registry.counter(Metric::store_transactions)),
      store_outages(registry.counter(Metric::store_outages)),
      batch_rows(registry.histogram(Metric::batch_rows)),
      store_seconds(registry.histogram(Metric::store_seconds)),
      registry_(registry) {}

Counter IngestMetrics::dead_letters(std::string_view reason) const {
  return registry_.counter(Metric::dead_letters, reason);
}

}  // namespace mtmsg::metrics
