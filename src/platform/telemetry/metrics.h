// Metrics that Prometheus reads.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace caisson::telemetry {

using Labels = std::map<std::string, std::string>;

// Only grows. Any thread; an increment is one relaxed atomic addition.
class Counter {
 public:
  void Increment(uint64_t by = 1) { value_.fetch_add(by, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// Goes up and down. Any thread.
class Gauge {
 public:
  void Set(double value) { value_.store(value, std::memory_order_relaxed); }
  void Add(double by);
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

// Counts observations by upper bounds, which are inclusive, sorted and made unique here; the bound
// +Inf is implied. Any thread; an observation is two relaxed additions and a short search. NaN is
// not counted, since it would spoil the sum.
class Histogram {
 public:
  explicit Histogram(std::vector<double> upper_bounds);
  void Observe(double value);
  const std::vector<double>& upper_bounds() const { return upper_bounds_; }
  // Not cumulative; one more than the bounds, the last for all that is above.
  std::vector<uint64_t> counts() const;
  uint64_t count() const;
  double sum() const;
  // By linear interpolation inside the bucket, as Prometheus' histogram_quantile does: the lowest
  // bucket starts at 0, and what lies above the last bound counts as that bound. NaN when empty.
  double Quantile(double q) const;

 private:
  std::vector<double> upper_bounds_;
  std::unique_ptr<std::atomic<uint64_t>[]> counts_;
  std::atomic<double> sum_{0};
};

// Upper bounds in seconds, 50 us to 60 s, three a decade.
std::vector<double> LatencyBuckets();

// All metrics of the process. Owned by `app`. Any thread. Get* returns the same object for the same
// name and labels; the object lives as long as the registry, so hold on to the reference instead of
// looking it up again. A name has one kind and one help text; the labels of a route are its
// template, never the raw path.
//
// Nothing here fails. A name or label that Prometheus would refuse, or a name asked for as another
// kind, is a defect of the caller: it is logged once and the caller gets an object that counts but
// is not exposed. A name has at most kMaxSeriesPerName label sets; all beyond share one series with
// the label overflow="true", so that a label that turns out to be unbounded costs neither our
// memory nor Prometheus'.
class Registry {
 public:
  Registry();
  ~Registry();
  Counter& GetCounter(std::string_view name, std::string_view help, const Labels& labels = {});
  Gauge& GetGauge(std::string_view name, std::string_view help, const Labels& labels = {});
  Histogram& GetHistogram(std::string_view name, std::string_view help, const Labels& labels,
                          const std::vector<double>& upper_bounds);
  // A counter that is kept elsewhere or has fractions, for example CPU seconds. The caller sets it
  // and never lowers it.
  Gauge& GetExternalCounter(std::string_view name, std::string_view help,
                            const Labels& labels = {});
  // Runs at each scrape, for values that are cheap to read and dear to keep current. Scrapes take
  // turns, so a collector never runs twice at a time. What it holds must live as long as the
  // registry.
  void AddCollector(std::function<void(Registry&)> collector);

  // The Prometheus text exposition format 0.0.4.
  std::string Expose();

  static constexpr size_t kMaxSeriesPerName = 10'000;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Adds the process' own metrics under the customary names (process_resident_memory_bytes,
// process_cpu_seconds_total, process_virtual_memory_bytes, process_open_fds, process_max_fds,
// process_start_time_seconds).
void AddProcessMetrics(Registry& registry);

}  // namespace caisson::telemetry
