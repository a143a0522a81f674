#include "lifecycle/monitoring/statistics.h"

#include <cmath>
#include <limits>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace caisson::monitoring {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

Histogram Of(std::vector<double> edges, std::vector<int64_t> counts) {
  Histogram histogram(std::move(edges));
  histogram.counts = std::move(counts);
  return histogram;
}

TEST(Histogram, AnEdgeBelongsToTheBinAboveIt) {
  Histogram histogram({1, 2});
  for (const double value : {-1e300, 0.999, 1.0, 1.5, 2.0, 3.0}) histogram.Add(value);
  histogram.Add(std::nan(""));
  EXPECT_THAT(histogram.counts, ElementsAre(2, 2, 2));
  EXPECT_EQ(histogram.total(), 6);
}

TEST(Coarsen, JoinsNeighboursToEqualShares) {
  Histogram reference = Of({1, 2, 3, 4, 5, 6, 7}, {10, 10, 10, 10, 10, 10, 10, 10});
  Histogram current = Of({1, 2, 3, 4, 5, 6, 7}, {1, 2, 3, 4, 5, 6, 7, 8});
  ASSERT_TRUE(Coarsen(reference, current, 4).ok());
  EXPECT_THAT(reference.edges, ElementsAre(2, 4, 6));
  EXPECT_THAT(reference.counts, ElementsAre(20, 20, 20, 20));
  EXPECT_EQ(current.edges, reference.edges);
  EXPECT_THAT(current.counts, ElementsAre(3, 7, 11, 15));
}

TEST(Coarsen, ABinThatHoldsMuchStaysOne) {
  Histogram reference = Of({1, 2, 3}, {70, 10, 10, 10});
  Histogram current = Of({1, 2, 3}, {1, 1, 1, 1});
  ASSERT_TRUE(Coarsen(reference, current, 4).ok());
  EXPECT_THAT(reference.counts, ElementsAre(70, 10, 10, 10));
  // Fewer bins than were asked for stay as they are.
  ASSERT_TRUE(Coarsen(reference, current, 20).ok());
  EXPECT_THAT(reference.counts, ElementsAre(70, 10, 10, 10));
}

TEST(Coarsen, LosesNothing) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    Histogram reference;
    Histogram current;
    const int bins = 1 + static_cast<int>(random() % 20);
    for (int i = 1; i < bins; ++i) reference.edges.push_back(i);
    current.edges = reference.edges;
    reference.counts.clear();
    current.counts.clear();
    for (int i = 0; i < bins; ++i) {
      reference.counts.push_back(random() % 100);
      current.counts.push_back(random() % 100);
    }
    const int64_t reference_total = reference.total();
    const int64_t current_total = current.total();
    const int wanted = 1 + static_cast<int>(random() % 10);
    ASSERT_TRUE(Coarsen(reference, current, wanted).ok());
    EXPECT_EQ(reference.total(), reference_total);
    EXPECT_EQ(current.total(), current_total);
    EXPECT_LE(reference.counts.size(), static_cast<size_t>(wanted));
    EXPECT_EQ(reference.counts.size(), reference.edges.size() + 1);
    EXPECT_EQ(current.counts.size(), reference.counts.size());
    EXPECT_TRUE(std::is_sorted(reference.edges.begin(), reference.edges.end()));
  }
}

TEST(Coarsen, RefusesWhatDoesNotFit) {
  Histogram reference = Of({1}, {1, 1});
  Histogram current = Of({2}, {1, 1});
  EXPECT_THAT(Message(Coarsen(reference, current, 2)), HasSubstr("different edges"));
  current = reference;
  EXPECT_THAT(Message(Coarsen(reference, current, 0)), HasSubstr("at least 1"));
}

// Shares 0.5, 0.3, 0.2 against 0.3, 0.3, 0.4:
// (0.3 - 0.5) ln(0.3 / 0.5) + 0 + (0.4 - 0.2) ln(0.4 / 0.2) = 0.102165 + 0.138629.
TEST(PopulationStabilityIndex, FollowsTheFormula) {
  const Histogram reference = Of({1, 2}, {50, 30, 20});
  const Histogram current = Of({1, 2}, {300, 300, 400});
  EXPECT_NEAR(PopulationStabilityIndex(reference, current), 0.240794561, 1e-9);
  EXPECT_DOUBLE_EQ(PopulationStabilityIndex(reference, reference), 0);
}

// An empty bin counts as 1e-4: (1e-4 - 0.5) ln(1e-4 / 0.5) + (1 - 0.5) ln(1 / 0.5).
TEST(PopulationStabilityIndex, AnEmptyBinStaysFinite) {
  const Histogram reference = Of({1}, {1, 1});
  const Histogram current = Of({1}, {0, 7});
  EXPECT_NEAR(PopulationStabilityIndex(reference, current),
              (1e-4 - 0.5) * std::log(1e-4 / 0.5) + 0.5 * std::log(2.0), 1e-12);
  EXPECT_TRUE(std::isfinite(PopulationStabilityIndex(reference, Of({1}, {0, 0}))));
}

// Cumulative shares 0.5, 0.8 against 0.3, 0.6.
TEST(KolmogorovSmirnov, IsTheLargestDistanceOfCumulativeShares) {
  EXPECT_NEAR(KolmogorovSmirnov(Of({1, 2}, {50, 30, 20}), Of({1, 2}, {3, 3, 4})), 0.2, 1e-12);
  EXPECT_NEAR(KolmogorovSmirnov(Of({1}, {5, 0}), Of({1}, {0, 9})), 1, 1e-12);
}

// With the middle (0.75, 0.25): 0.5 (log2(1 / 0.75)) + 0.5 (0.5 log2(0.5 / 0.75) + 0.5 log2(2)).
TEST(JensenShannon, FollowsTheFormula) {
  const double expected =
      0.5 * std::log2(1 / 0.75) + 0.5 * (0.5 * std::log2(0.5 / 0.75) + 0.5 * std::log2(2.0));
  EXPECT_NEAR(JensenShannon(Of({1}, {4, 0}), Of({1}, {3, 3})), expected, 1e-12);
  EXPECT_NEAR(JensenShannon(Of({1}, {4, 0}), Of({1}, {0, 2})), 1, 1e-12);
  EXPECT_DOUBLE_EQ(JensenShannon(Of({1}, {4, 2}), Of({1}, {4, 2})), 0);
}

// Every pair of a positive and a negative, a tie counted half.
std::optional<double> PairwiseAuc(const std::vector<Scored>& scored) {
  double right = 0;
  double pairs = 0;
  for (const Scored& positive : scored) {
    for (const Scored& negative : scored) {
      if (positive.label != 1 || negative.label != 0) continue;
      ++pairs;
      if (positive.score > negative.score) right += 1;
      if (positive.score == negative.score) right += 0.5;
    }
  }
  if (pairs == 0) return std::nullopt;
  return right / pairs;
}

TEST(AreaUnderCurve, EqualsTheShareOfOrderedPairs) {
  std::mt19937 random(3);
  for (int round = 0; round < 100; ++round) {
    std::vector<Scored> scored;
    const size_t rows = 2 + random() % 60;
    const unsigned levels = 1 + random() % 8;  // few, so that many are equal
    for (size_t i = 0; i < rows; ++i) {
      scored.push_back(
          {static_cast<float>(random() % levels) / 8, static_cast<float>(random() % 2)});
    }
    const std::optional<double> expected = PairwiseAuc(scored);
    const std::optional<double> found = AreaUnderCurve(scored);
    ASSERT_EQ(found.has_value(), expected.has_value());
    if (expected.has_value()) {
      EXPECT_NEAR(*found, *expected, 1e-12);
    }
  }
}

TEST(AreaUnderCurve, SaysNothingOfOneClass) {
  EXPECT_FALSE(AreaUnderCurve({}).has_value());
  EXPECT_FALSE(AreaUnderCurve({{0.1f, 1}, {0.2f, 1}}).has_value());
  EXPECT_FALSE(AreaUnderCurve({{0.1f, 0}, {0.2f, 0}}).has_value());
}

TEST(Performance, MissingScoresDoNotCount) {
  const std::vector<Scored> scored = {{kMissing, 1}, {0.9f, 1}, {0.2f, 0}, {0.5f, kMissing}};
  EXPECT_EQ(AreaUnderCurve(scored), 1.0);
  EXPECT_EQ(Accuracy(scored), 1.0);
  EXPECT_NEAR(*LogLoss(scored), -(std::log(0.9) + std::log(0.8)) / 2, 1e-6);
  EXPECT_FALSE(LogLoss({{kMissing, 1}}).has_value());
  EXPECT_FALSE(Accuracy({{kMissing, 1}}).has_value());
}

TEST(Performance, FollowsTheFormulas) {
  const std::vector<Scored> scored = {{0.9f, 1}, {0.4f, 1}, {0.3f, 0}, {0.5f, 0}};
  EXPECT_NEAR(*LogLoss(scored),
              -(std::log(0.9) + std::log(0.4) + std::log(0.7) + std::log(0.5)) / 4, 1e-6);
  EXPECT_EQ(Accuracy(scored), 0.5);                        // a half is a yes
  EXPECT_NEAR(*LogLoss({{1, 0}}), -std::log(1e-15), 0.2);  // certain and wrong stays finite
}

TEST(Performance, IsFoundByName) {
  const std::vector<Scored> scored = {{0.9f, 1}, {0.2f, 0}};
  EXPECT_EQ(**Performance("auc", scored), 1.0);
  EXPECT_EQ(**Performance("accuracy", scored), 1.0);
  EXPECT_TRUE((*Performance("logloss", scored)).has_value());
  EXPECT_THAT(Message(Performance("f1", scored).status()),
              HasSubstr("the performance metric is 'f1'; auc, logloss and accuracy are accepted"));
  EXPECT_TRUE(HigherIsBetter("auc"));
  EXPECT_FALSE(HigherIsBetter("logloss"));
}

}  // namespace
}  // namespace caisson::monitoring
