#include "engines/xgboost/xgboost.h"

#include <cmath>
#include <limits>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/json.h"
#include "engines/xgboost/internal/xgboost_api.h"

namespace caisson::xgboost {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A question with an answer: is a + b > 1, where every tenth value is missing and one feature is
// noise.
struct Table {
  explicit Table(uint32_t seed, size_t rows = 2000) : rows(rows) {
    std::minstd_rand random(seed);
    const auto next = [&] { return static_cast<float>(random() % 10'000) / 10'000; };
    for (size_t i = 0; i < rows; ++i) {
      const float a = next();
      const float b = next();
      values.insert(values.end(),
                    {i % 10 == 0 ? std::numeric_limits<float>::quiet_NaN() : a, b, next()});
      labels.push_back(a + b > 1 ? 1.0f : 0.0f);
    }
  }
  Matrix matrix() const { return {values.data(), rows, 3}; }

  size_t rows;
  std::vector<float> values;
  std::vector<float> labels;
};

const std::vector<std::string> kNames = {"a", "b", "noise"};
const std::map<std::string, std::string> kParameters = {{"objective", "binary:logistic"},
                                                        {"max_depth", "3"},
                                                        {"eta", "0.3"},
                                                        {"tree_method", "hist"},
                                                        {"seed", "1"}};

std::unique_ptr<Dataset> Make(const Table& table) {
  auto dataset = Dataset::Create(table.matrix(), table.labels, kNames);
  EXPECT_TRUE(dataset.ok()) << dataset.status();
  return dataset.ok() ? *std::move(dataset) : nullptr;
}

std::unique_ptr<Booster> Train(const Dataset& train, int rounds,
                               const std::map<std::string, std::string>& parameters = kParameters) {
  auto booster = Booster::Create(parameters, {&train});
  EXPECT_TRUE(booster.ok()) << booster.status();
  for (int i = 0; i < rounds; ++i) EXPECT_TRUE((*booster)->Update(i, train).ok());
  return *std::move(booster);
}

TEST(Xgboost, SaysItsVersion) { EXPECT_THAT(*Version(), StartsWith("1.7.")); }

TEST(Booster, LearnsWithMissingValues) {
  const Table table(1);
  const auto train = Make(table);
  const auto booster = Train(*train, 30);
  const Table other(2);
  const auto valid = Make(other);
  const auto predictions = booster->Predict(*valid);
  ASSERT_TRUE(predictions.ok());
  ASSERT_EQ(predictions->size(), other.rows);
  size_t right = 0;
  for (size_t i = 0; i < other.rows; ++i)
    right += ((*predictions)[i] > 0.5f) == (other.labels[i] > 0.5f) ? 1 : 0;
  EXPECT_GT(right, other.rows * 9 / 10);
  const auto importance = *booster->Importance();
  ASSERT_EQ(importance.count("a"), 1u);
  EXPECT_GT(importance.at("a"), importance.count("noise") > 0 ? importance.at("noise") * 5 : 0.0);
}

TEST(Booster, EqualDataAndParametersGiveEqualBytes) {
  const Table table(1);
  const auto train = Make(table);
  EXPECT_EQ(*Train(*train, 10)->SaveJson(), *Train(*train, 10)->SaveJson());
}

TEST(Booster, GoesThroughJson) {
  const Table table(1);
  const auto train = Make(table);
  const auto booster = Train(*train, 10);
  const std::string json = *booster->SaveJson();
  EXPECT_TRUE(ParseJson(json).ok());
  const auto loaded = Booster::LoadJson(json);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(*(*loaded)->Predict(*train), *booster->Predict(*train));
  EXPECT_FALSE(Booster::LoadJson("{\"learner\":").ok());
  EXPECT_FALSE(Booster::LoadJson("{}").ok());
}

TEST(Booster, ASliceIsTheModelAsItWasAfterSoManyRounds) {
  const Table table(1);
  const auto train = Make(table);
  const auto booster = Train(*train, 12);
  const auto slice = booster->Slice(5);
  ASSERT_TRUE(slice.ok()) << slice.status();
  EXPECT_EQ(*(*slice)->Predict(*train), *Train(*train, 5)->Predict(*train));
  EXPECT_FALSE(booster->Slice(99).ok());
  EXPECT_EQ((*slice)->Importance()->count("a"), 1u);
}

TEST(Booster, EvaluatesEachMetricOnEachDataset) {
  const Table table(1);
  const Table other(2);
  const auto train = Make(table);
  const auto valid = Make(other);
  auto parameters = kParameters;
  parameters["eval_metric"] = "logloss";
  const auto booster = Train(*train, 10, parameters);
  const auto metrics = booster->Evaluate(9, {train.get(), valid.get()});
  ASSERT_TRUE(metrics.ok()) << metrics.status();
  ASSERT_EQ(metrics->size(), 2u);
  const auto predictions = *booster->Predict(*valid);
  double logloss = 0;
  for (size_t i = 0; i < other.rows; ++i) {
    logloss -= std::log(other.labels[i] > 0.5f ? predictions[i] : 1 - predictions[i]);
  }
  EXPECT_NEAR((*metrics)[1].at("logloss"), logloss / static_cast<double>(other.rows), 1e-5);
  EXPECT_NE((*metrics)[0].at("logloss"), (*metrics)[1].at("logloss"));
}

TEST(Booster, WrongParametersAreNamed) {
  const Table table(1);
  const auto train = Make(table);
  const auto error = [&](const std::string& name, const std::string& value) {
    auto parameters = kParameters;
    parameters[name] = value;
    const auto booster = Booster::Create(parameters, {train.get()});
    EXPECT_FALSE(booster.ok()) << name;
    EXPECT_EQ(booster.status().code(), StatusCode::kInvalidArgument);
    return Message(booster.status());
  };
  EXPECT_THAT(error("max_dept", "3"), AllOf(HasSubstr("'max_dept'"), HasSubstr("max_depth")));
  EXPECT_THAT(error("max_depth", "deep"),
              AllOf(HasSubstr("max_depth"), HasSubstr("deep"), Not(HasSubstr("Stack"))));
  EXPECT_THAT(error("objective", "binary:logistics"), HasSubstr("binary:logistics"));
  for (const char* name :
       {"eta", "learning_rate", "subsample", "colsample_bytree", "min_child_weight", "lambda",
        "alpha", "gamma", "max_bin", "scale_pos_weight", "max_leaves", "grow_policy"}) {
    auto parameters = kParameters;
    parameters[name] = std::string(name) == "grow_policy" ? "lossguide" : "1";
    if (std::string(name) == "max_bin") parameters[name] = "64";
    EXPECT_TRUE(Booster::Create(parameters, {train.get()}).ok())
        << Booster::Create(parameters, {train.get()}).status();
  }
}

TEST(Dataset, WrongSizesAreRefused) {
  const Table table(1, 10);
  EXPECT_FALSE(Dataset::Create({nullptr, 0, 3}, {}, kNames).ok());
  EXPECT_FALSE(Dataset::Create(table.matrix(), {1.0f}, kNames).ok());
  EXPECT_FALSE(Dataset::Create(table.matrix(), table.labels, {"a"}).ok());
}

TEST(Dataset, InfiniteValuesAreRefused) {
  Table table(1, 10);
  table.values[4] = std::numeric_limits<float>::infinity();
  const Status status = Dataset::Create(table.matrix(), table.labels, kNames).status();
  EXPECT_THAT(Message(status),
              AllOf(HasSubstr("inf"), Not(HasSubstr("Stack")), Not(HasSubstr(".cc"))));
}

TEST(Booster, OneThreadIsReallyOne) {
  const Table table(1);
  const size_t before = ListDirectory("/proc/self/task")->size();
  const auto train = Make(table);
  const auto booster = Train(*train, 3);
  EXPECT_TRUE(booster->Predict(*train).ok());
  EXPECT_EQ(ListDirectory("/proc/self/task")->size(), before);
}

TEST(CleanError, LeavesTheSentence) {
  EXPECT_EQ(
      CleanError(
          "[12:34:56] ./src/data/data.cc:1104: Check failed: valid: Input data contains `inf`\n"
          "Stack trace:\n  [bt] (0) x"),
      "Check failed: valid: Input data contains `inf`");
  EXPECT_EQ(CleanError("plain words"), "plain words");
  EXPECT_EQ(CleanError(""), "unknown error");
}

}  // namespace
}  // namespace caisson::xgboost
