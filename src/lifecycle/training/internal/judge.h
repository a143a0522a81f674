// How good are these probabilities?
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace caisson::training {

// What every candidate is compared by. All over the given rows.
struct Figures {
  double auc = 0;       // area under the ROC curve, ties counted half
  double logloss = 0;   // mean negative log likelihood, natural logarithm, probabilities kept 1e-7
                        // away from 0 and 1
  double brier = 0;     // mean squared difference
  double accuracy = 0;  // at 0.5

  // By the name in the specification.
  double Get(std::string_view metric) const;
};

// "auc", "logloss", "brier" and "accuracy".
const std::vector<std::string>& FigureNames();
// Whether `a` is better than `b` in this metric.
bool IsBetter(std::string_view metric, double a, double b);

// The probability that a random positive is scored above a random negative: the Mann-Whitney
// statistic, from ranks with ties averaged. The labels are 0 and 1, both present; scores lie in [0,
// 1]. Linear in the number of rows.
double AreaUnderCurve(const std::vector<float>& scores, const std::vector<float>& labels);

Figures Judge(const std::vector<float>& scores, const std::vector<float>& labels);

// The final metrics: the figures, and rows, base_rate, mean_score, calibration_error (mean distance
// between score and rate over ten bins of equally many rows), precision, recall and f1 at 0.5.
std::map<std::string, double> FinalMetrics(const std::vector<float>& scores,
                                           const std::vector<float>& labels);

// {"calibration": [{"from", "to", "rows", "mean_score", "rate"}], "thresholds": [{"threshold",
// "share", "precision", "recall", "f1", "accuracy"}]}: ten bins of equally many rows, and
// thresholds from 0.05 to 0.95.
Json JudgementTables(const std::vector<float>& scores, const std::vector<float>& labels);

}  // namespace caisson::training
