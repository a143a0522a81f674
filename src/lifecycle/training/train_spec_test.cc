#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/yaml.h"
#include "lifecycle/training/internal/grid.h"
#include "lifecycle/training/trainer.h"

namespace caisson::training {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Result<TrainSpec> Parse(const std::string& yaml) {
  const auto document = ParseYaml(yaml, "params.yaml");
  EXPECT_TRUE(document.ok()) << document.status();
  return ParseTrainSpec(document->value, "params.yaml: train");
}

std::string Error(const std::string& yaml) {
  const auto spec = Parse(yaml);
  EXPECT_FALSE(spec.ok()) << yaml;
  EXPECT_EQ(spec.status().code(), StatusCode::kInvalidArgument);
  return Message(spec.status());
}

TEST(ParseTrainSpec, ReadsEverything) {
  const auto spec = Parse(R"(
seed: 7
rows: 300000
metric: logloss
evaluate_every: 5
early_stopping_rounds: 20
drop: [id, name]
xgboost:
  objective: binary:logistic
  num_boost_round: 50
  max_bin: 64
  subsample: 0.8
grid:
  max_depth: [4, 6]
  eta: [0.1, 0.2]
)");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->seed, 7);
  EXPECT_EQ(spec->rows, 300000);
  EXPECT_EQ(spec->metric, "logloss");
  EXPECT_EQ(spec->rounds, 50);
  EXPECT_EQ(spec->early_stopping_rounds, 20);
  EXPECT_THAT(spec->drop, ElementsAre("id", "name"));
  EXPECT_EQ(spec->xgboost.at("subsample"), "0.8");
  EXPECT_EQ(spec->xgboost.at("tree_method"), "hist");
  EXPECT_EQ(spec->xgboost.count("num_boost_round"), 0u);
}

TEST(ParseTrainSpec, NothingGivesTheDefaults) {
  const auto spec = ParseTrainSpec(nullptr, "params.yaml: train");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->rounds, 100);
  EXPECT_EQ(spec->metric, "auc");
  EXPECT_EQ(spec->xgboost.at("objective"), "binary:logistic");
}

TEST(ParseTrainSpec, ErrorsNameTheField) {
  EXPECT_THAT(Error("sed: 7"), AllOf(HasSubstr("sed"), HasSubstr("seed")));
  EXPECT_THAT(Error("rows: -1"), HasSubstr("train.rows is -1"));
  EXPECT_THAT(Error("seed: -1"), HasSubstr("train.seed is -1"));
  EXPECT_THAT(Error("metric: acc"), AllOf(HasSubstr("'acc'"), HasSubstr("auc")));
  EXPECT_THAT(Error("evaluate_every: 0"), HasSubstr("evaluate_every is 0"));
  EXPECT_THAT(Error("early_stopping_rounds: -5"), HasSubstr("early_stopping_rounds"));
  EXPECT_THAT(Error("xgboost: 3"), HasSubstr("train.xgboost is integer"));
  EXPECT_THAT(Error("xgboost: {max_depth: [4, 6]}"),
              AllOf(HasSubstr("xgboost.max_depth"), HasSubstr("grid")));
  EXPECT_THAT(Error("xgboost: {num_boost_round: 0}"), HasSubstr("num_boost_round is 0"));
  EXPECT_THAT(Error("xgboost: {objective: reg:squarederror}"),
              AllOf(HasSubstr("reg:squarederror"), HasSubstr("binary:logistic")));
  EXPECT_THAT(Error("xgboost: {booster: dart}"), HasSubstr("'dart'"));
  EXPECT_THAT(Error("xgboost: {seed: 3}"), HasSubstr("train.seed"));
  EXPECT_THAT(Error("grid: {max_depth: []}"), HasSubstr("grid.max_depth is an empty list"));
  EXPECT_THAT(Error("grid: {max_depth: [{a: 1}]}"), HasSubstr("grid.max_depth holds object"));
  EXPECT_THAT(Error("xgboost: {eta: 0.1}\ngrid: {eta: [0.1]}"), HasSubstr("eta is both"));
  EXPECT_THAT(Error("grid: {objective: [binary:logistic]}"), HasSubstr("cannot vary"));
  EXPECT_THAT(Error("grid: {a: [1,2,3,4,5,6,7,8,9,10], b: [1,2,3,4,5,6,7,8,9,10], c: "
                    "[1,2,3,4,5,6,7,8,9,10], d: [1,2]}"),
              HasSubstr("more than 1000 combinations"));
}

TEST(Combinations, TurnTheLastAxisFastest) {
  const auto spec = Parse("seed: 3\ngrid: {max_depth: [4, 6], eta: [0.1, 0.2]}");
  ASSERT_TRUE(spec.ok());
  const auto combinations = Combinations(*spec);
  ASSERT_EQ(combinations.size(), 4u);
  EXPECT_EQ(combinations[0].name, "max_depth=4 eta=0.1");
  EXPECT_EQ(combinations[1].name, "max_depth=4 eta=0.2");
  EXPECT_EQ(combinations[3].name, "max_depth=6 eta=0.2");
  EXPECT_EQ(combinations[3].parameters.at("max_depth"), "6");
  EXPECT_EQ(combinations[3].parameters.at("seed"), "3");
}

TEST(Combinations, WithoutAGridThereIsOne) {
  const auto combinations = Combinations(*Parse("{}"));
  ASSERT_EQ(combinations.size(), 1u);
  EXPECT_EQ(combinations[0].name, "default");
}

}  // namespace
}  // namespace caisson::training
