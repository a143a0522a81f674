#include "lifecycle/training/internal/reference.h"

#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace caisson::training {
namespace {

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

int64_t Total(const Json& counts) {
  int64_t total = 0;
  for (const Json& count : counts.array()) total += count.AsInt();
  return total;
}

TEST(DescribeValues, TwentyBinsOfEqualCounts) {
  std::vector<float> values;
  for (int i = 999; i >= 0; --i) values.push_back(static_cast<float>(i));
  const Json description = DescribeValues("x", values);
  EXPECT_EQ(description["name"].AsString(), "x");
  ASSERT_EQ(description["edges"].size(), 19u);
  ASSERT_EQ(description["counts"].size(), 20u);
  EXPECT_EQ(description["edges"][0].AsDouble(), 50);
  for (const Json& count : description["counts"].array()) EXPECT_EQ(count.AsInt(), 50);
  EXPECT_DOUBLE_EQ(description["mean"].AsDouble(), 499.5);
  EXPECT_EQ(description["missing"].AsDouble(), 0);
}

TEST(DescribeValues, FewValuesHaveABinEach) {
  const Json description = DescribeValues("day", {1, 1, 1, 2, 2, 3, 3, 3, 3, 3});
  ASSERT_EQ(description["edges"].size(), 2u);
  EXPECT_EQ(description["edges"][0].AsDouble(), 2);
  EXPECT_EQ(description["counts"][0].AsInt(), 3);
  EXPECT_EQ(description["counts"][1].AsInt(), 2);
  EXPECT_EQ(description["counts"][2].AsInt(), 5);
}

TEST(DescribeValues, MissingValuesAreInNoBin) {
  const Json description = DescribeValues("x", {1, kMissing, 2, kMissing});
  EXPECT_DOUBLE_EQ(description["missing"].AsDouble(), 0.5);
  EXPECT_EQ(Total(description["counts"]), 2);
  EXPECT_DOUBLE_EQ(description["mean"].AsDouble(), 1.5);
  const Json nothing = DescribeValues("x", {kMissing, kMissing});
  EXPECT_EQ(nothing["edges"].size(), 0u);
  EXPECT_EQ(Total(nothing["counts"]), 0);
  EXPECT_TRUE(nothing["mean"].is_null());
}

TEST(DescribeValues, AConstantHasOneBin) {
  const Json description = DescribeValues("x", std::vector<float>(100, 7.0f));
  EXPECT_EQ(description["edges"].size(), 0u);
  ASSERT_EQ(description["counts"].size(), 1u);
  EXPECT_EQ(description["counts"][0].AsInt(), 100);
}

TEST(MakeReference, DescribesTrainingRowsAndValidationScores) {
  FeatureTable train;
  train.names = {"a", "b"};
  train.values = {1, 10, 2, 20, 3, 30};
  train.labels = {0, 1, 0};
  const Json reference = MakeReference(train, {0.2f, 0.4f}, {{"auc", 0.7}, {"base_rate", 0.25}});
  EXPECT_EQ(reference["rows"].AsInt(), 3);
  EXPECT_EQ(reference["features"][1]["name"].AsString(), "b");
  EXPECT_DOUBLE_EQ(reference["features"][1]["mean"].AsDouble(), 20);
  EXPECT_EQ(Total(reference["score"]["counts"]), 2);
  EXPECT_DOUBLE_EQ(reference["label_rate"].AsDouble(), 0.25);
  EXPECT_DOUBLE_EQ(reference["metrics"]["auc"].AsDouble(), 0.7);
}

}  // namespace
}  // namespace caisson::training
