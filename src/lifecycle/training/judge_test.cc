#include "lifecycle/training/internal/judge.h"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

namespace caisson::training {
namespace {

const std::vector<float> kScores = {0.1f, 0.4f, 0.35f, 0.8f};
const std::vector<float> kLabels = {0, 0, 1, 1};

TEST(AreaUnderCurve, KnownValues) {
  EXPECT_DOUBLE_EQ(AreaUnderCurve(kScores, kLabels), 0.75);
  EXPECT_DOUBLE_EQ(AreaUnderCurve({0.9f, 0.1f}, {1, 0}), 1.0);
  EXPECT_DOUBLE_EQ(AreaUnderCurve({0.1f, 0.9f}, {1, 0}), 0.0);
  // Ties count half.
  EXPECT_DOUBLE_EQ(AreaUnderCurve({0.5f, 0.5f, 0.5f}, {1, 0, 0}), 0.5);
  EXPECT_DOUBLE_EQ(AreaUnderCurve({0.0f, -0.0f, 1.0f}, {1, 0, 0}), 0.25);
}

// By the definition: over all pairs of a positive and a negative.
TEST(AreaUnderCurve, AgreesWithTheDefinition) {
  std::minstd_rand random(7);
  std::vector<float> scores;
  std::vector<float> labels;
  for (int i = 0; i < 600; ++i) {
    scores.push_back(static_cast<float>(random() % 97) / 96);
    labels.push_back(random() % 3 == 0 ? 1.0f : 0.0f);
  }
  double won = 0;
  double pairs = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    for (size_t j = 0; j < scores.size(); ++j) {
      if (labels[i] < 0.5f || labels[j] > 0.5f) continue;
      pairs += 1;
      won += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
    }
  }
  EXPECT_NEAR(AreaUnderCurve(scores, labels), won / pairs, 1e-12);
}

TEST(Judge, KnownValues) {
  const Figures figures = Judge(kScores, kLabels);
  EXPECT_NEAR(figures.logloss,
              -(std::log(0.9) + std::log(0.6) + std::log(0.35) + std::log(0.8)) / 4, 1e-7);
  EXPECT_NEAR(figures.brier, (0.01 + 0.16 + 0.4225 + 0.04) / 4, 1e-7);
  EXPECT_DOUBLE_EQ(figures.accuracy, 0.75);
  // A certain and wrong answer is expensive, not infinite.
  EXPECT_NEAR(Judge({0.0f, 1.0f}, {1, 0}).logloss, -std::log(1e-7), 1e-6);
}

TEST(Judge, SomeMetricsAreBetterWhenSmaller) {
  EXPECT_TRUE(IsBetter("auc", 0.8, 0.7));
  EXPECT_TRUE(IsBetter("logloss", 0.3, 0.4));
  EXPECT_FALSE(IsBetter("auc", 0.7, 0.7));
}

TEST(FinalMetrics, KnownValues) {
  const auto metrics = FinalMetrics(kScores, kLabels);
  EXPECT_DOUBLE_EQ(metrics.at("auc"), 0.75);
  EXPECT_DOUBLE_EQ(metrics.at("rows"), 4);
  EXPECT_DOUBLE_EQ(metrics.at("base_rate"), 0.5);
  EXPECT_NEAR(metrics.at("mean_score"), 0.4125, 1e-7);
  EXPECT_DOUBLE_EQ(metrics.at("precision"), 1.0);
  EXPECT_DOUBLE_EQ(metrics.at("recall"), 0.5);
  EXPECT_NEAR(metrics.at("f1"), 2.0 / 3, 1e-12);
}

TEST(JudgementTables, BinsHoldEqualNumbersAndThresholdsCount) {
  std::vector<float> scores;
  std::vector<float> labels;
  for (int i = 0; i < 1000; ++i) {
    scores.push_back(static_cast<float>(i) / 1000);
    labels.push_back(i % 1000 >= 700 ? 1.0f : 0.0f);
  }
  const Json tables = JudgementTables(scores, labels);
  ASSERT_EQ(tables["calibration"].size(), 10u);
  EXPECT_EQ(tables["calibration"][9]["rows"].AsInt(), 100);
  EXPECT_NEAR(tables["calibration"][9]["mean_score"].AsDouble(), 0.9495, 1e-6);
  EXPECT_NEAR(tables["calibration"][9]["rate"].AsDouble(), 1, 1e-9);
  ASSERT_EQ(tables["thresholds"].size(), 19u);
  const Json& at_half = tables["thresholds"][9];
  EXPECT_DOUBLE_EQ(at_half["threshold"].AsDouble(), 0.5);
  EXPECT_DOUBLE_EQ(at_half["share"].AsDouble(), 0.5);
  EXPECT_DOUBLE_EQ(at_half["precision"].AsDouble(), 0.6);
  EXPECT_DOUBLE_EQ(at_half["recall"].AsDouble(), 1.0);
}

}  // namespace
}  // namespace caisson::training
