// SPDX-License-Identifier: MIT
// Counters, gauges and histograms, and their text for Prometheus. Any thread may call anything here. To count
// costs an atomic or two; to find a labelled one costs a lookup under a shared lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace opencat::metrics {

/// Only grows. On a cache line of its own: loops on different cores count side by side.
class alignas(64) Counter {
 public:
  void add(std::uint64_t count = 1) { value_.fetch_add(count, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class alignas(64) Gauge {
 public:
  void add(std::int64_t change) { value_.fetch_add(change, std::memory_order_relaxed); }
  void set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

class Histogram {
 public:
  /// `bounds` are the buckets' upper ends, ascending; a last one for all is added.
  explicit Histogram(const std::vector<double>& bounds);

  void observe(double value);
  const std::vector<double>& bounds() const { return bounds_; }
  /// How many values were at most bounds()[i], or of any size for the last.
  std::vector<std::uint64_t> cumulative() const;
  double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  const std::vector<double> bounds_;
  std::vector<std::atomic<std::uint64_t>> counts_;  ///< one more than bounds_
  std::atomic<double> sum_{0};
};

using Labels = std::vector<std::string>;

/// The metrics of one name, told apart by the values of their labels. At most `max_series` of them: what
/// comes later is counted as one whose values are all "_OTHER", so that no client can fill the memory.
template <class Metric>
class Family {
 public:
  Family(Labels labels, std::function<std::unique_ptr<Metric>()> make, std::size_t max_series);

  /// The values in the order of the labels' names. The metric lives as long as the family.
  Metric& with(std::initializer_list<std::string_view> values);

  const Labels& labels() const { return labels_; }
  void each(const std::function<void(const Labels& values, const Metric& metric)>& visit) const;

 private:
  struct Series {
    Labels values;
    std::unique_ptr<Metric> metric;
  };
  Metric& add(std::string_view key, Labels values);

  const Labels labels_;
  const std::function<std::unique_ptr<Metric>()> make_;
  const std::size_t max_series_;
  mutable std::shared_mutex mutex_;
  std::unordered_map<std::string, const Series*> by_values_;
  std::vector<std::unique_ptr<Series>> series_;
};

/// A value that is asked for when the metrics are.
struct Sample {
  Labels values;
  double value;
};

/// All metrics of a server. Names and labels are to be those of Prometheus ("…_seconds", "…_total") and known
/// at build time; they are not checked.
class Registry {
 public:
  static constexpr std::size_t default_max_series = 1000;

  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  Family<Counter>& counters(std::string name, std::string help, Labels labels,
                            std::size_t max_series = default_max_series);
  Family<Gauge>& gauges(std::string name, std::string help, Labels labels,
                        std::size_t max_series = default_max_series);
  Family<Histogram>& histograms(std::string name, std::string help, Labels labels, std::vector<double> bounds,
                                std::size_t max_series = default_max_series);
  Counter& counter(std::string name, std::string help) {
    return counters(std::move(name), std::move(help), {}).with({});
  }
  Gauge& gauge(std::string name, std::string help) {
    return gauges(std::move(name), std::move(help), {}).with({});
  }
  Histogram& histogram(std::string name, std::string help, std::vector<double> bounds) {
    return histograms(std::move(name), std::move(help), {}, std::move(bounds)).with({});
  }

  enum class Kind { counter, gauge };
  /// `read` is called by render(), on its thread; until the registry goes, or forget().
  void sampled(std::string name, std::string help, Kind kind, Labels labels,
               std::function<std::vector<Sample>()> read);
  /// No `read` given so far is called again, nor is one under way when this returns.
  void forget_sampled();

  /// The text format, version 0.0.4.
  std::string render() const;

 private:
  struct Entry;
  void add(Entry entry);

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Entry>> entries_;
};

/// The Content-Type of render()'s text.
inline constexpr const char* content_type = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace opencat::metrics
