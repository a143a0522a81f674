#include "platform/telemetry/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace caisson::telemetry {

void Gauge::Add(double by) { value_.fetch_add(by, std::memory_order_relaxed); }

Histogram::Histogram(std::vector<double> upper_bounds) : upper_bounds_(std::move(upper_bounds)) {
  std::erase_if(upper_bounds_, [](double bound) { return !std::isfinite(bound); });
  std::sort(upper_bounds_.begin(), upper_bounds_.end());
  upper_bounds_.erase(std::unique(upper_bounds_.begin(), upper_bounds_.end()), upper_bounds_.end());
  counts_ = std::make_unique<std::atomic<uint64_t>[]>(upper_bounds_.size() + 1);
}

void Histogram::Observe(double value) {
  if (std::isnan(value)) return;
  const auto bound = std::lower_bound(upper_bounds_.begin(), upper_bounds_.end(), value);
  counts_[static_cast<size_t>(bound - upper_bounds_.begin())].fetch_add(1,
                                                                        std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

std::vector<uint64_t> Histogram::counts() const {
  std::vector<uint64_t> counts(upper_bounds_.size() + 1);
  for (size_t i = 0; i < counts.size(); ++i) {
    counts[i] = counts_[i].load(std::memory_order_relaxed);
  }
  return counts;
}

uint64_t Histogram::count() const {
  uint64_t total = 0;
  for (const uint64_t count : counts()) total += count;
  return total;
}

double Histogram::sum() const { return sum_.load(std::memory_order_relaxed); }

// https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile
double Histogram::Quantile(double q) const {
  const std::vector<uint64_t> buckets = counts();
  uint64_t total = 0;
  for (const uint64_t count : buckets) total += count;
  if (total == 0 || upper_bounds_.empty() || std::isnan(q)) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  if (q < 0) return -std::numeric_limits<double>::infinity();
  if (q > 1) return std::numeric_limits<double>::infinity();
  const double rank = q * static_cast<double>(total);
  double below = 0;
  size_t bucket = 0;
  while (bucket + 1 < buckets.size() && below + static_cast<double>(buckets[bucket]) < rank) {
    below += static_cast<double>(buckets[bucket++]);
  }
  if (bucket == upper_bounds_.size()) return upper_bounds_.back();
  const double end = upper_bounds_[bucket];
  if (bucket == 0 && end <= 0) return end;
  const double start = bucket == 0 ? 0 : upper_bounds_[bucket - 1];
  // The quantile 0 may fall on a lowest bucket that is empty.
  if (buckets[bucket] == 0) return start;
  return start + (end - start) * (rank - below) / static_cast<double>(buckets[bucket]);
}

std::vector<double> LatencyBuckets() {
  return {0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05,
          0.1,     0.2,    0.5,    1,      2,     5,     10,    20,   60};
}

}  // namespace caisson::telemetry
