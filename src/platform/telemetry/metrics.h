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

// Counts observations by upper bounds. Any thread; an observation is two relaxed additions and a short search.
class Histogram {
 public:
  explicit Histogram(std::vector<double> upper_bounds);
  void Observe(double value);
  const std::vector<double>& upper_bounds() const { return upper_bounds_; }
  // Not cumulative; one more than the bounds, the last for all that is above.
  std::vector<uint64_t> counts() const;
  uint64_t count() const;
  double sum() const;
  // By linear interpolation inside the bucket, as Prometheus' histogram_quantile does; NaN when empty.
  double Quantile(double q) const;

 private:
  std::vector<double> upper_bounds_;
  std::unique_ptr<std::atomic<uint64_t>[]> counts_;
  std::atomic<double> sum_{0};
};

// Upper bounds in seconds, 50 us to 60 s, three a decade.
std::vector<double> LatencyBuckets();

// All metrics of the process. Owned by `app`. Any thread. Get* returns the same object for the same name and labels; the
// object lives as long as the registry, so hold on to the reference instead of looking it up again. A name has one kind and
// one help text; the labels of a route are its template, never the raw path.
class Registry {
 public:
  Registry();
  ~Registry();
  Counter& GetCounter(std::string_view name, std::string_view help, const Labels& labels = {});
  Gauge& GetGauge(std::string_view name, std::string_view help, const Labels& labels = {});
  Histogram& GetHistogram(std::string_view name, std::string_view help, const Labels& labels,
                          const std::vector<double>& upper_bounds);
  // Runs at each scrape, for values that are cheap to read and dear to keep current.
  void AddCollector(std::function<void(Registry&)> collector);

  // The Prometheus text exposition format 0.0.4.
  std::string Expose();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Adds the process' own metrics under the customary names (process_resident_memory_bytes, process_cpu_seconds_total,
// process_open_fds, process_start_time_seconds).
void AddProcessMetrics(Registry& registry);

}  // namespace caisson::telemetry
