#include "lifecycle/training/internal/judge.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numeric>

namespace caisson::training {
namespace {

constexpr int kCalibrationBins = 10;

// A score and its label in one integer that sorts by score: floats that are not negative sort like
// their bits, and those in [0, 1] leave the highest bits free.
uint32_t Pack(float score, float label) {
  const float clamped = std::clamp(score, 0.0f, 1.0f) + 0.0f;  // turns -0 into 0
  uint32_t bits = 0;
  std::memcpy(&bits, &clamped, sizeof(bits));
  return bits << 1 | (label > 0.5f ? 1u : 0u);
}

float ScoreOf(uint32_t packed) {
  const uint32_t bits = packed >> 1;
  float score = 0;
  std::memcpy(&score, &bits, sizeof(score));
  return score;
}

// Sorts by digits of eleven bits, the lowest first: several times quicker than comparisons, and the
// curves need it often.
void RadixSort(std::vector<uint32_t>& values) {
  constexpr int kBits = 11;
  constexpr size_t kDigits = size_t{1} << kBits;
  std::vector<uint32_t> other(values.size());
  for (int shift = 0; shift < 32; shift += kBits) {
    std::array<size_t, kDigits> starts = {};
    for (const uint32_t value : values) ++starts[value >> shift & (kDigits - 1)];
    size_t next = 0;
    for (size_t& start : starts) {
      const size_t count = start;
      start = next;
      next += count;
    }
    for (const uint32_t value : values) other[starts[value >> shift & (kDigits - 1)]++] = value;
    values.swap(other);
  }
}

std::vector<uint32_t> SortedPairs(const std::vector<float>& scores,
                                  const std::vector<float>& labels) {
  std::vector<uint32_t> packed(scores.size());
  for (size_t i = 0; i < scores.size(); ++i) packed[i] = Pack(scores[i], labels[i]);
  RadixSort(packed);
  return packed;
}

double AreaOfSorted(const std::vector<uint32_t>& sorted) {
  double negatives_below = 0;
  double positives = 0;
  double area = 0;
  for (size_t i = 0; i < sorted.size();) {
    double tied_positives = 0;
    double tied_negatives = 0;
    const uint32_t score = sorted[i] >> 1;
    for (; i < sorted.size() && sorted[i] >> 1 == score; ++i) {
      ((sorted[i] & 1) != 0 ? tied_positives : tied_negatives) += 1;
    }
    area += tied_positives * (negatives_below + tied_negatives / 2);
    positives += tied_positives;
    negatives_below += tied_negatives;
  }
  return area / (positives * negatives_below);
}

// How many rows lie at or above a threshold, and how many of them are positive.
struct Counts {
  double positives = 0;  // in all
  double rows = 0;
  double chosen = 0;
  double right = 0;

  double precision() const { return chosen == 0 ? 0 : right / chosen; }
  double recall() const { return positives == 0 ? 0 : right / positives; }
  double f1() const { return chosen + positives == 0 ? 0 : 2 * right / (chosen + positives); }
  double accuracy() const { return (right + (rows - positives) - (chosen - right)) / rows; }
};

Counts CountAt(double threshold, const std::vector<float>& scores,
               const std::vector<float>& labels) {
  Counts counts;
  counts.rows = static_cast<double>(scores.size());
  for (size_t i = 0; i < scores.size(); ++i) {
    const bool positive = labels[i] > 0.5f;
    counts.positives += positive ? 1 : 0;
    if (scores[i] < threshold) continue;
    counts.chosen += 1;
    counts.right += positive ? 1 : 0;
  }
  return counts;
}

struct CalibrationBin {
  double from = 0;
  double to = 0;
  double rows = 0;
  double mean_score = 0;
  double rate = 0;
};

std::vector<CalibrationBin> Calibrate(const std::vector<uint32_t>& sorted) {
  std::vector<CalibrationBin> bins;
  for (int b = 0; b < kCalibrationBins; ++b) {
    const size_t begin = sorted.size() * static_cast<size_t>(b) / kCalibrationBins;
    const size_t end = sorted.size() * static_cast<size_t>(b + 1) / kCalibrationBins;
    if (begin == end) continue;
    CalibrationBin bin;
    bin.from = ScoreOf(sorted[begin]);
    bin.to = ScoreOf(sorted[end - 1]);
    bin.rows = static_cast<double>(end - begin);
    for (size_t i = begin; i < end; ++i) {
      bin.mean_score += ScoreOf(sorted[i]) / bin.rows;
      bin.rate += (sorted[i] & 1) != 0 ? 1 / bin.rows : 0;
    }
    bins.push_back(bin);
  }
  return bins;
}

}  // namespace

double Figures::Get(std::string_view metric) const {
  if (metric == "logloss") return logloss;
  if (metric == "brier") return brier;
  if (metric == "accuracy") return accuracy;
  return auc;
}

const std::vector<std::string>& FigureNames() {
  static const std::vector<std::string> names = {"auc", "logloss", "brier", "accuracy"};
  return names;
}

bool IsBetter(std::string_view metric, double a, double b) {
  return metric == "logloss" || metric == "brier" ? a < b : a > b;
}

double AreaUnderCurve(const std::vector<float>& scores, const std::vector<float>& labels) {
  return AreaOfSorted(SortedPairs(scores, labels));
}

Figures Judge(const std::vector<float>& scores, const std::vector<float>& labels) {
  Figures figures;
  const double rows = static_cast<double>(scores.size());
  double right = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    const double score = scores[i];
    const bool positive = labels[i] > 0.5f;
    const double kept = std::clamp(positive ? score : 1 - score, 1e-7, 1.0);
    figures.logloss -= std::log(kept) / rows;
    figures.brier += (score - labels[i]) * (score - labels[i]) / rows;
    right += (score >= 0.5) == positive ? 1 : 0;
  }
  figures.accuracy = right / rows;
  figures.auc = AreaUnderCurve(scores, labels);
  return figures;
}

std::map<std::string, double> FinalMetrics(const std::vector<float>& scores,
                                           const std::vector<float>& labels) {
  const Figures figures = Judge(scores, labels);
  const Counts counts = CountAt(0.5, scores, labels);
  double calibration_error = 0;
  for (const CalibrationBin& bin : Calibrate(SortedPairs(scores, labels))) {
    calibration_error += bin.rows / counts.rows * std::abs(bin.mean_score - bin.rate);
  }
  return {{"auc", figures.auc},
          {"logloss", figures.logloss},
          {"brier", figures.brier},
          {"accuracy", figures.accuracy},
          {"rows", counts.rows},
          {"base_rate", counts.positives / counts.rows},
          {"mean_score", std::accumulate(scores.begin(), scores.end(), 0.0) / counts.rows},
          {"calibration_error", calibration_error},
          {"precision", counts.precision()},
          {"recall", counts.recall()},
          {"f1", counts.f1()}};
}

Json JudgementTables(const std::vector<float>& scores, const std::vector<float>& labels) {
  Json calibration = Json::MakeArray();
  for (const CalibrationBin& bin : Calibrate(SortedPairs(scores, labels))) {
    calibration.Append(Json::Of({{"from", bin.from},
                                 {"to", bin.to},
                                 {"rows", static_cast<int64_t>(bin.rows)},
                                 {"mean_score", bin.mean_score},
                                 {"rate", bin.rate}}));
  }
  Json thresholds = Json::MakeArray();
  for (int percent = 5; percent <= 95; percent += 5) {
    const double threshold = percent / 100.0;
    const Counts counts = CountAt(threshold, scores, labels);
    thresholds.Append(Json::Of({{"threshold", threshold},
                                {"share", counts.chosen / counts.rows},
                                {"precision", counts.precision()},
                                {"recall", counts.recall()},
                                {"f1", counts.f1()},
                                {"accuracy", counts.accuracy()}}));
  }
  return Json::Of({{"calibration", std::move(calibration)}, {"thresholds", std::move(thresholds)}});
}

}  // namespace caisson::training
