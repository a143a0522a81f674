#include "lifecycle/monitoring/statistics.h"

#include <algorithm>
#include <cmath>

namespace caisson::monitoring {
namespace {

constexpr double kLeastShare = 1e-4;

std::vector<double> Shares(const Histogram& histogram) {
  const double total = static_cast<double>(histogram.total());
  std::vector<double> shares;
  for (const int64_t count : histogram.counts)
    shares.push_back(total == 0 ? 0 : static_cast<double>(count) / total);
  return shares;
}

// p log2(p / m), zero for p = 0 as the limit is.
double KullbackTerm(double p, double m) { return p == 0 ? 0 : p * std::log2(p / m); }

// A NaN compares with nothing, so it has no place in an order and says nothing about the others.
void DropMissing(std::vector<Scored>& scored) {
  std::erase_if(scored,
                [](const Scored& row) { return std::isnan(row.score) || std::isnan(row.label); });
}

}  // namespace

void Histogram::Add(double value) {
  if (std::isnan(value)) return;
  const auto bin = std::upper_bound(edges.begin(), edges.end(), value) - edges.begin();
  ++counts[static_cast<size_t>(bin)];
}

int64_t Histogram::total() const {
  int64_t total = 0;
  for (const int64_t count : counts) total += count;
  return total;
}

Status Coarsen(Histogram& reference, Histogram& current, int bins) {
  if (reference.edges != current.edges)
    return InvalidArgument("the two histograms have different edges");
  if (bins < 1)
    return InvalidArgument("a histogram of {} bins was asked for; at least 1 is accepted", bins);
  const double per_bin = static_cast<double>(reference.total()) / bins;
  Histogram coarse_reference;
  Histogram coarse_current;
  coarse_reference.counts.assign(1, 0);
  coarse_current.counts.assign(1, 0);
  double taken = 0;
  for (size_t i = 0; i < reference.counts.size(); ++i) {
    coarse_reference.counts.back() += reference.counts[i];
    coarse_current.counts.back() += current.counts[i];
    taken += static_cast<double>(reference.counts[i]);
    // A bin is full when its end is nearer to the ideal border than the next inner edge would be.
    const bool full = taken + 1e-9 >= per_bin * static_cast<double>(coarse_reference.counts.size());
    const bool last = i + 1 == reference.counts.size();
    if (!full || last || coarse_reference.counts.size() == static_cast<size_t>(bins)) continue;
    coarse_reference.edges.push_back(reference.edges[i]);
    coarse_current.edges.push_back(reference.edges[i]);
    coarse_reference.counts.push_back(0);
    coarse_current.counts.push_back(0);
  }
  reference = std::move(coarse_reference);
  current = std::move(coarse_current);
  return OkStatus();
}

double PopulationStabilityIndex(const Histogram& reference, const Histogram& current) {
  const std::vector<double> expected = Shares(reference);
  const std::vector<double> actual = Shares(current);
  double sum = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double q = std::max(expected[i], kLeastShare);
    const double p = std::max(actual[i], kLeastShare);
    sum += (p - q) * std::log(p / q);
  }
  return sum;
}

double KolmogorovSmirnov(const Histogram& reference, const Histogram& current) {
  const std::vector<double> expected = Shares(reference);
  const std::vector<double> actual = Shares(current);
  double difference = 0;
  double largest = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    difference += actual[i] - expected[i];
    largest = std::max(largest, std::abs(difference));
  }
  return largest;
}

double JensenShannon(const Histogram& reference, const Histogram& current) {
  const std::vector<double> expected = Shares(reference);
  const std::vector<double> actual = Shares(current);
  double sum = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double middle = (expected[i] + actual[i]) / 2;
    sum += (KullbackTerm(expected[i], middle) + KullbackTerm(actual[i], middle)) / 2;
  }
  return std::max(sum, 0.0);
}

std::optional<double> AreaUnderCurve(std::vector<Scored> scored) {
  DropMissing(scored);
  std::sort(scored.begin(), scored.end(),
            [](const Scored& a, const Scored& b) { return a.score < b.score; });
  double positives = 0;
  double negatives = 0;
  double pairs = 0;  // (positive, negative) pairs in the right order, ties half
  for (size_t start = 0; start < scored.size();) {
    size_t end = start;
    double tied_positives = 0;
    while (end < scored.size() && scored[end].score == scored[start].score) {
      tied_positives += scored[end++].label > 0.5f;
    }
    const double tied_negatives = static_cast<double>(end - start) - tied_positives;
    pairs += tied_positives * (negatives + tied_negatives / 2);
    positives += tied_positives;
    negatives += tied_negatives;
    start = end;
  }
  if (positives == 0 || negatives == 0) return std::nullopt;
  return pairs / (positives * negatives);
}

std::optional<double> LogLoss(std::vector<Scored> scored) {
  DropMissing(scored);
  if (scored.empty()) return std::nullopt;
  double sum = 0;
  for (const Scored& row : scored) {
    const double p = std::clamp(static_cast<double>(row.score), 1e-15, 1 - 1e-15);
    sum -= row.label > 0.5f ? std::log(p) : std::log(1 - p);
  }
  return sum / static_cast<double>(scored.size());
}

std::optional<double> Accuracy(std::vector<Scored> scored) {
  DropMissing(scored);
  if (scored.empty()) return std::nullopt;
  double right = 0;
  for (const Scored& row : scored) right += (row.score >= 0.5f) == (row.label > 0.5f);
  return right / static_cast<double>(scored.size());
}

Result<std::optional<double>> Performance(std::string_view metric,
                                          const std::vector<Scored>& scored) {
  if (metric == "auc") return AreaUnderCurve(scored);
  if (metric == "logloss") return LogLoss(scored);
  if (metric == "accuracy") return Accuracy(scored);
  return InvalidArgument("the performance metric is '{}'; auc, logloss and accuracy are accepted",
                         metric);
}

bool HigherIsBetter(std::string_view metric) { return metric != "logloss"; }

}  // namespace caisson::monitoring
