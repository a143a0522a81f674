// The numbers of drift and performance.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace caisson::monitoring {

// Counts by bins: bin i holds values v with edges[i-1] <= v < edges[i]; one bin more than edges.
struct Histogram {
  std::vector<double> edges;  // strictly growing
  std::vector<int64_t> counts;

  explicit Histogram(std::vector<double> bin_edges = {})
      : edges(std::move(bin_edges)), counts(edges.size() + 1, 0) {}
  void Add(double value);
  int64_t total() const;
};

// Joins neighbouring bins so that about `bins` remain, of nearly equal counts in `reference`. Both
// get the same edges. InvalidArgument when their edges differ.
Status Coarsen(Histogram& reference, Histogram& current, int bins);

// Population stability index: sum of (p - q) ln(p / q) over the bins, with shares below 1e-4 raised
// to it so that an empty bin stays finite. Below 0.1 is usually called stable, above 0.25 a shift
// (Siddiqi, Credit Risk Scorecards, 2006).
double PopulationStabilityIndex(const Histogram& reference, const Histogram& current);
// The largest distance between the two cumulative shares at the bins' edges: the Kolmogorov-Smirnov
// statistic on binned data.
double KolmogorovSmirnov(const Histogram& reference, const Histogram& current);
// Jensen-Shannon divergence with base 2: 0 to 1.
double JensenShannon(const Histogram& reference, const Histogram& current);

// A score with the label that it should have foretold.
struct Scored {
  float score = 0;
  float label = 0;  // 0 or 1
};

// Of all three: rows whose score or label is NaN do not count.
//
// The area under the ROC curve with ties counted half: the probability that a positive is scored
// above a negative. Nothing when there are no positives or no negatives.
std::optional<double> AreaUnderCurve(std::vector<Scored> scored);
// The mean negative natural logarithm of the label's probability; scores are clamped to
// [1e-15, 1 - 1e-15].
std::optional<double> LogLoss(std::vector<Scored> scored);
std::optional<double> Accuracy(std::vector<Scored> scored);  // at 0.5
// By name: "auc", "logloss", "accuracy". InvalidArgument for another.
Result<std::optional<double>> Performance(std::string_view metric,
                                          const std::vector<Scored>& scored);
// Whether more of the metric is better.
bool HigherIsBetter(std::string_view metric);

}  // namespace caisson::monitoring
