// SPDX-License-Identifier: MIT
#include "server/metrics/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <variant>

#include <fmt/format.h>

namespace opencat::metrics {

namespace {

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

/// A label's value, or with `quotes` false a help text, as the format wants it escaped.
std::string escaped(std::string_view text, bool quotes) {
  std::string result;
  for (const char c : text) {
    if (c == '\\' || (quotes && c == '"')) result += '\\';
    if (c == '\n') {
      result += "\\n";
    } else {
      result += c;
    }
  }
  return result;
}

/// `{a="1",b="2"}`, with `le` as the last label when it is given; "" without any.
std::string label_text(const Labels& names, const Labels& values, std::string_view le = {}) {
  std::string text;
  const auto add = [&text](std::string_view name, std::string_view value) {
    text.append(text.empty() ? "{" : ",")
        .append(name)
        .append("=\"")
        .append(escaped(value, true))
        .append("\"");
  };
  for (std::size_t i = 0; i < names.size(); ++i) add(names[i], values[i]);
  if (!le.empty()) add("le", le);
  if (!text.empty()) text += "}";
  return text;
}

}  // namespace

Histogram::Histogram(const std::vector<double>& bounds) : bounds_(bounds), counts_(bounds.size() + 1) {}

void Histogram::observe(double value) {
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  counts_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

std::vector<std::uint64_t> Histogram::cumulative() const {
  std::vector<std::uint64_t> counts;
  std::uint64_t total = 0;
  for (const auto& count : counts_) counts.push_back(total += count.load(std::memory_order_relaxed));
  return counts;
}

template <class Metric>
Family<Metric>::Family(Labels labels, std::function<std::unique_ptr<Metric>()> make, std::size_t max_series)
    : labels_(std::move(labels)), make_(std::move(make)), max_series_(max_series) {}

template <class Metric>
Metric& Family<Metric>::with(std::initializer_list<std::string_view> values) {
  static thread_local std::string key;
  key.clear();
  // No label's value holds this byte: it is in no UTF-8.
  for (const std::string_view value : values) key.append(value).push_back('\xff');
  {
    const std::shared_lock lock(mutex_);
    const auto found = by_values_.find(key);
    if (found != by_values_.end()) return *found->second->metric;
  }
  return add(key, Labels(values.begin(), values.end()));
}

template <class Metric>
Metric& Family<Metric>::add(std::string_view key, Labels values) {
  const std::unique_lock lock(mutex_);
  const auto found = by_values_.find(std::string(key));
  if (found != by_values_.end()) return *found->second->metric;
  std::string kept_key(key);
  if (series_.size() >= max_series_) {
    kept_key.clear();
    for (std::string& value : values) kept_key.append(value = "_OTHER").push_back('\xff');
    const auto other = by_values_.find(kept_key);
    if (other != by_values_.end()) return *other->second->metric;
  }
  series_.push_back(std::make_unique<Series>(Series{std::move(values), make_()}));
  by_values_.emplace(std::move(kept_key), series_.back().get());
  return *series_.back()->metric;
}

template <class Metric>
void Family<Metric>::each(const std::function<void(const Labels&, const Metric&)>& visit) const {
  const std::shared_lock lock(mutex_);
  for (const auto& series : series_) visit(series->values, *series->metric);
}

template class Family<Counter>;
template class Family<Gauge>;
template class Family<Histogram>;

struct Registry::Entry {
  struct Sampled {
    Kind kind;
    Labels labels;
    std::function<std::vector<Sample>()> read;
  };
  std::string name;
  std::string help;
  std::variant<std::unique_ptr<Family<Counter>>, std::unique_ptr<Family<Gauge>>,
               std::unique_ptr<Family<Histogram>>, Sampled>
      what;

  void render(std::string& text) const;
};

namespace {

void render_lines(std::string& text, const std::string& name, const Labels& labels, const Labels& values,
                  const Histogram& histogram) {
  const std::vector<std::uint64_t> counts = histogram.cumulative();
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const std::string le = i < histogram.bounds().size() ? number(histogram.bounds()[i]) : "+Inf";
    text += fmt::format("{}_bucket{} {}\n", name, label_text(labels, values, le), counts[i]);
  }
  const std::string own = label_text(labels, values);
  text +=
      fmt::format("{0}_sum{1} {2}\n{0}_count{1} {3}\n", name, own, number(histogram.sum()), counts.back());
}

template <class Metric>
void render_lines(std::string& text, const std::string& name, const Labels& labels, const Labels& values,
                  const Metric& metric) {
  text += fmt::format("{}{} {}\n", name, label_text(labels, values), metric.value());
}

}  // namespace

void Registry::Entry::render(std::string& text) const {
  static constexpr const char* types[] = {"counter", "gauge", "histogram"};
  const auto* sampled = std::get_if<Sampled>(&what);
  const char* type = sampled == nullptr ? types[what.index()] : types[sampled->kind == Kind::gauge ? 1 : 0];
  text += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, escaped(help, false), type);
  std::visit(
      [&](const auto& family) {
        if constexpr (std::is_same_v<std::decay_t<decltype(family)>, Sampled>) {
          for (const Sample& sample : family.read())
            text += fmt::format("{}{} {}\n", name, label_text(family.labels, sample.values),
                                number(sample.value));
        } else {
          family->each([&](const Labels& values, const auto& metric) {
            render_lines(text, name, family->labels(), values, metric);
          });
        }
      },
      what);
}

Registry::Registry() = default;
Registry::~Registry() = default;

void Registry::add(Entry entry) {
  const std::lock_guard lock(mutex_);
  entries_.push_back(std::make_unique<Entry>(std::move(entry)));
}

Family<Counter>& Registry::counters(std::string name, std::string help, Labels labels,
                                    std::size_t max_series) {
  auto family = std::make_unique<Family<Counter>>(
      std::move(labels), [] { return std::make_unique<Counter>(); }, max_series);
  Family<Counter>& added = *family;
  add({std::move(name), std::move(help), std::move(family)});
  return added;
}

Family<Gauge>& Registry::gauges(std::string name, std::string help, Labels labels, std::size_t max_series) {
  auto family = std::make_unique<Family<Gauge>>(
      std::move(labels), [] { return std::make_unique<Gauge>(); }, max_series);
  Family<Gauge>& added = *family;
  add({std::move(name), std::move(help), std::move(family)});
  return added;
}

Family<Histogram>& Registry::histograms(std::string name, std::string help, Labels labels,
                                        std::vector<double> bounds, std::size_t max_series) {
  auto family = std::make_unique<Family<Histogram>>(
      std::move(labels), [bounds = std::move(bounds)] { return std::make_unique<Histogram>(bounds); },
      max_series);
  Family<Histogram>& added = *family;
  add({std::move(name), std::move(help), std::move(family)});
  return added;
}

void Registry::sampled(std::string name, std::string help, Kind kind, Labels labels,
                       std::function<std::vector<Sample>()> read) {
  add({std::move(name), std::move(help), Entry::Sampled{kind, std::move(labels), std::move(read)}});
}

void Registry::forget_sampled() {
  const std::lock_guard lock(mutex_);
  std::erase_if(entries_,
                [](const auto& entry) { return std::holds_alternative<Entry::Sampled>(entry->what); });
}

std::string Registry::render() const {
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const auto& entry : entries_) entry->render(text);
  return text;
}

}  // namespace opencat::metrics
