#include "lifecycle/training/internal/tree_model.h"

#include <cmath>
#include <limits>
#include <memory>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engines/onnxruntime/onnxruntime.h"
#include "engines/xgboost/xgboost.h"
#include "lifecycle/training/internal/onnx_export.h"
#include "lifecycle/training/internal/scorer.h"

namespace caisson::training {
namespace {

using ::testing::HasSubstr;

constexpr size_t kFeatures = 4;
const std::vector<std::string> kNames = {"a", "b", "c", "d"};

// Rows where values repeat, are negative, tiny, huge and missing.
FeatureTable MakeTable(uint32_t seed, size_t rows) {
  std::minstd_rand random(seed);
  FeatureTable table;
  table.names = kNames;
  for (size_t row = 0; row < rows; ++row) {
    const float a = static_cast<float>(random() % 1000) / 7 - 60;
    const float b = static_cast<float>(random() % 12);
    const float c =
        std::ldexp(static_cast<float>(random() % 1000) + 1, static_cast<int>(random() % 60) - 40);
    const float d = static_cast<float>(random() % 1'000'000) * 1e3f;
    const bool missing = random() % 5 == 0;
    table.values.insert(table.values.end(),
                        {missing ? std::numeric_limits<float>::quiet_NaN() : a, b, c, d});
    const bool yes = (missing ? b > 4 : a + 5 * b > 0) != (random() % 10 == 0);
    table.labels.push_back(yes ? 1.0f : 0.0f);
  }
  return table;
}

std::unique_ptr<xgboost::Dataset> ToDataset(const FeatureTable& table) {
  return *xgboost::Dataset::Create({table.values.data(), table.rows(), kFeatures}, table.labels,
                                   kNames);
}

// The same rows, and for each bound of each tree rows that lie on it, just below it and just above
// it.
FeatureTable WithBounds(const FeatureTable& table, const TreeModel& model) {
  FeatureTable extended = table;
  const float infinity = std::numeric_limits<float>::infinity();
  for (const Tree& tree : model.trees) {
    for (const TreeNode& node : tree) {
      if (node.is_leaf) continue;
      for (const float value : {node.value, std::nextafter(node.value, -infinity),
                                std::nextafter(node.value, infinity)}) {
        const size_t source = extended.rows() % table.rows();
        std::vector<float> row(table.row(source), table.row(source) + kFeatures);
        row[static_cast<size_t>(node.feature)] = value;
        extended.values.insert(extended.values.end(), row.begin(), row.end());
        extended.labels.push_back(0);
      }
    }
  }
  return extended;
}

void ExpectAgreement(const std::map<std::string, std::string>& parameters, int rounds) {
  const FeatureTable table = MakeTable(3, 3000);
  const auto train = ToDataset(table);
  auto all = parameters;
  all["objective"] = "binary:logistic";
  const auto booster = *xgboost::Booster::Create(all, {train.get()});
  for (int i = 0; i < rounds; ++i) ASSERT_TRUE(booster->Update(i, *train).ok());
  const auto model = ParseTreeModel(*booster->SaveJson());
  ASSERT_TRUE(model.ok()) << model.status();
  const FeatureTable judged = WithBounds(table, *model);
  ASSERT_GT(judged.rows(), table.rows());
  const std::vector<float> expected = *booster->Predict(*ToDataset(judged));
  const auto session = onnxruntime::Session::LoadBytes(ExportOnnx(*model, {}));
  ASSERT_TRUE(session.ok()) << session.status();
  const auto scores = Score(Context::Background(), **session, judged);
  ASSERT_TRUE(scores.ok()) << scores.status();
  ASSERT_EQ(scores->size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR((*scores)[i], expected[i], 2e-6) << "row " << i << " of " << judged.rows();
  }
}

TEST(OnnxExport, AgreesOnAndAroundEveryBound) {
  ExpectAgreement({{"tree_method", "hist"}, {"max_depth", "6"}, {"eta", "0.3"}}, 60);
}

TEST(OnnxExport, AgreesWithExactSplitsAndPrunedNodes) {
  ExpectAgreement({{"tree_method", "exact"}, {"max_depth", "5"}, {"gamma", "2"}}, 20);
}

TEST(OnnxExport, AgreesWithAnotherBaseScore) {
  ExpectAgreement({{"tree_method", "hist"}, {"base_score", "0.2"}}, 5);
}

TEST(OnnxExport, AgreesWithLeafWiseGrowthAndParallelTrees) {
  ExpectAgreement({{"tree_method", "hist"},
                   {"grow_policy", "lossguide"},
                   {"max_leaves", "20"},
                   {"max_depth", "0"},
                   {"num_parallel_tree", "3"},
                   {"subsample", "0.5"}},
                  10);
}

// A tree that is a single leaf: nothing was worth a split.
TEST(OnnxExport, AgreesWithoutAnySplit) {
  const FeatureTable table = MakeTable(3, 200);
  const auto train = ToDataset(table);
  const auto booster = *xgboost::Booster::Create(
      {{"objective", "binary:logistic"}, {"gamma", "1e9"}}, {train.get()});
  ASSERT_TRUE(booster->Update(0, *train).ok());
  const auto model = ParseTreeModel(*booster->SaveJson());
  ASSERT_TRUE(model.ok()) << model.status();
  ASSERT_EQ(model->trees[0].size(), 1u);
  const auto session = onnxruntime::Session::LoadBytes(ExportOnnx(*model, {}));
  ASSERT_TRUE(session.ok()) << session.status();
  EXPECT_NEAR((*Score(Context::Background(), **session, table))[0], (*booster->Predict(*train))[0],
              1e-6);
}

TEST(OnnxExport, CarriesItsMetadata) {
  TreeModel model;
  model.feature_count = 2;
  model.trees = {{TreeNode{}}};
  const auto session =
      *onnxruntime::Session::LoadBytes(ExportOnnx(model, {{kFeatureNamesKey, R"(["a","b"])"}}));
  EXPECT_EQ(*FeatureNamesOf(*session), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(session->inputs()[0].name, "features");
  EXPECT_EQ(session->inputs()[0].shape, (std::vector<int64_t>{-1, 2}));
  EXPECT_EQ(session->outputs()[0].name, "probability");
  EXPECT_EQ(session->outputs()[0].shape, (std::vector<int64_t>{-1, 1}));
}

TEST(ParseTreeModel, RefusesWhatItDoesNotKnow) {
  const auto error = [](const char* json) { return Message(ParseTreeModel(json).status()); };
  EXPECT_THAT(error("{"), HasSubstr("line 1"));
  EXPECT_THAT(error(R"({"learner": {"objective": {"name": "multi:softprob"}}})"),
              HasSubstr("multi:softprob"));
  EXPECT_THAT(
      error(
          R"({"learner": {"objective": {"name": "binary:logistic"}, "gradient_booster": {"name": "dart"}}})"),
      HasSubstr("dart"));
}

// Children that point outside, or back at their parents, must not be followed.
TEST(ParseTreeModel, RefusesBrokenTrees) {
  const auto error = [](const std::string& tree) {
    return Message(
        ParseTreeModel(
            R"({"learner": {"objective": {"name": "binary:logistic"}, "learner_model_param":
        {"base_score": "5E-1", "num_feature": "1"}, "gradient_booster": {"name": "gbtree", "model": {"trees": [)" +
            tree + "]}}}}")
            .status());
  };
  EXPECT_THAT(
      error(
          R"({"left_children": [1], "right_children": [2], "split_indices": [0], "split_conditions": [1],
                        "default_left": [0], "split_type": [0]})"),
      HasSubstr("children 1 and 2"));
  EXPECT_THAT(
      error(
          R"({"left_children": [0, -1, -1], "right_children": [0, -1, -1], "split_indices": [0, 0, 0],
                        "split_conditions": [1, 1, 1], "default_left": [0, 0, 0], "split_type": [0, 0, 0]})"),
      HasSubstr("children 0 and 0"));
  EXPECT_THAT(error(R"({"left_children": [-1], "right_children": []})"),
              HasSubstr("differ in length"));
  EXPECT_THAT(
      error(
          R"({"left_children": [1, -1, -1], "right_children": [2, -1, -1], "split_indices": [0, 0, 0],
                        "split_conditions": [1, 1, 1], "default_left": [0, 0, 0], "split_type": [1, 0, 0]})"),
      HasSubstr("categorical"));
}

}  // namespace
}  // namespace caisson::training
