#include "lifecycle/training/trainer.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/json.h"
#include "engines/duckdb/duckdb.h"

namespace caisson::training {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const Context kContext = Context::Background();

// A question that trees can answer well, not perfectly: 2,000 rows of training and 1,000 of
// validation, with a column of times, one of text, missing values, and a wrong label in every
// twelfth row.
constexpr const char* kRows = R"(
  SELECT TIMESTAMP '2001-01-01' + INTERVAL (i) MINUTE AS date, 'row ' || i AS id,
         x, CASE WHEN i % 10 = 3 THEN NULL ELSE y END AS y, k::TINYINT AS k, (i % 3 = 0) AS third,
         ((x + y * k > 3) <> (i % 12 = 0))::TINYINT AS late
  FROM (SELECT i, (hash(i * 3 + 1) % 1000 / 1000.0)::FLOAT AS x, (hash(i * 3 + 2) % 1000 / 1000.0)::DOUBLE AS y,
               (hash(i * 3 + 3) % 8)::INTEGER AS k FROM range({}, {}) AS r(i)))";

class TrainerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto database = duckdb::Database::Open({.threads = 1});
    ASSERT_TRUE(database.ok()) << database.status();
    database_ = *std::move(database);
    request_.train_path = WriteTable("train", fmt::format(fmt::runtime(kRows), 0, 2000));
    request_.valid_path = WriteTable("valid", fmt::format(fmt::runtime(kRows), 2000, 3000));
    request_.target = "late";
    request_.output_folder = JoinPath(folder_.path(), "model");
    request_.spec =
        Spec(R"({"seed": 7, "drop": ["id"], "evaluate_every": 5, "xgboost": {"num_boost_round": 20},
                             "grid": {"max_depth": [1, 4]}})");
  }

  static TrainSpec Spec(const std::string& json) {
    const auto spec = ParseTrainSpec(*ParseJson(json), "params.yaml: train");
    EXPECT_TRUE(spec.ok()) << spec.status();
    return spec.ok() ? *spec : TrainSpec();
  }

  std::string WriteTable(const std::string& name, const std::string& query) {
    const std::string path = JoinPath(folder_.path(), name + ".parquet");
    const Status status = database_->Execute(
        kContext, "COPY (" + query + ") TO " + duckdb::QuoteText(path) + " (FORMAT parquet)");
    EXPECT_TRUE(status.ok()) << status;
    return path;
  }

  // The message of a training whose table has one expression more or another one.
  std::string ErrorWith(const std::string& select) {
    request_.train_path = WriteTable(
        "changed", "SELECT " + select + " FROM (" + fmt::format(fmt::runtime(kRows), 0, 500) + ")");
    const auto candidates = Train(kContext, request_);
    EXPECT_FALSE(candidates.ok()) << select;
    EXPECT_FALSE(FileExists(request_.output_folder));
    return Message(candidates.status());
  }

  Json ReadJson(const std::string& name) {
    const auto text = ReadFile(JoinPath(request_.output_folder, name));
    EXPECT_TRUE(text.ok()) << text.status();
    return text.ok() ? *ParseJson(*text) : Json();
  }

  TemporaryDirectory folder_ = *TemporaryDirectory::Create();
  std::unique_ptr<duckdb::Database> database_;
  TrainRequest request_;
};

TEST_F(TrainerTest, TriesTheGridAndKeepsTheBest) {
  size_t reports = 0;
  request_.on_progress = [&](const TrainProgress& progress) {
    ++reports;
    EXPECT_EQ(progress.candidates, 2u);
    EXPECT_EQ(progress.rounds, 20);
    EXPECT_EQ(progress.metrics.count("valid/auc"), 1u);
  };
  const auto candidates = Train(kContext, request_);
  ASSERT_TRUE(candidates.ok()) << candidates.status();
  ASSERT_EQ(candidates->size(), 2u);
  EXPECT_EQ(reports, 10u);  // rounds 0, 5, 10, 15 and the last one, twice
  const Candidate& best = (*candidates)[1];
  EXPECT_TRUE(best.best);
  EXPECT_FALSE((*candidates)[0].best);
  EXPECT_EQ(best.name, "max_depth=4");
  EXPECT_EQ(best.params.at("max_depth"), "4");
  EXPECT_EQ(best.params.at("num_boost_round"), "20");
  EXPECT_GT(best.metrics.at("auc"), 0.85);
  EXPECT_GT(best.metrics.at("auc"), (*candidates)[0].metrics.at("auc"));
  EXPECT_EQ(best.metrics.at("rows"), 1000);
  EXPECT_GT(best.metrics.at("p99_ms"), 0);
  ASSERT_EQ(best.curves.size(), 4u);
  EXPECT_EQ(best.curves[2].key, "valid/auc");
  EXPECT_EQ(best.curves[2].steps, (std::vector<int64_t>{0, 5, 10, 15, 19}));
  EXPECT_NEAR(best.curves[2].values.back(), best.metrics.at("auc"), 1e-6);

  const auto read = ReadCandidates(request_.output_folder);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ((*read)[1].metrics, best.metrics);
  EXPECT_EQ((*read)[1].params, best.params);
  EXPECT_EQ((*read)[0].metrics, (*candidates)[0].metrics);
}

TEST_F(TrainerTest, LeavesTheFolderThatTheFormatPageDescribes) {
  ASSERT_TRUE(Train(kContext, request_).ok());
  const Json signature = ReadJson("signature.json");
  EXPECT_EQ(WriteJson(signature["inputs"][0]["columns"]), R"(["x","y","k","third"])");
  EXPECT_EQ(WriteJson(signature["inputs"][0]["shape"]), "[-1,4]");
  EXPECT_EQ(signature["target"].AsString(), "late");
  EXPECT_EQ(WriteJson(signature["left_out"]), R"(["date"])");
  const Json reference = ReadJson("reference.json");
  EXPECT_EQ(reference["rows"].AsInt(), 2000);
  EXPECT_EQ(reference["features"].size(), 4u);
  EXPECT_NEAR(reference["features"][1]["missing"].AsDouble(), 0.1, 1e-9);
  const Json metrics = ReadJson("metrics.json");
  EXPECT_EQ(reference["metrics"]["auc"], metrics["auc"]);
  EXPECT_TRUE(reference["metrics"]["p99_ms"].is_null());
  EXPECT_TRUE(metrics["p99_ms"].is_number());
  EXPECT_EQ(ReadJson("evaluation.json")["thresholds"].size(), 19u);
  EXPECT_TRUE(ReadJson("model.json")["learner"].is_object());
}

TEST_F(TrainerTest, EqualInputGivesEqualBytes) {
  request_.spec = Spec(
      R"({"seed": 7, "rows": 900, "drop": ["id"], "xgboost": {"num_boost_round": 10, "subsample": 0.7}})");
  ASSERT_TRUE(Train(kContext, request_).ok());
  const std::string first = request_.output_folder;
  request_.output_folder = JoinPath(folder_.path(), "again");
  ASSERT_TRUE(Train(kContext, request_).ok());
  for (const char* name : {"model.onnx", "model.json", "candidates.json", "signature.json",
                           "reference.json", "evaluation.json"}) {
    const auto bytes = ReadFile(JoinPath(first, name));
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    EXPECT_EQ(*bytes, *ReadFile(JoinPath(request_.output_folder, name))) << name;
  }
  request_.spec.seed = 8;
  request_.output_folder = JoinPath(folder_.path(), "other");
  ASSERT_TRUE(Train(kContext, request_).ok());
  EXPECT_NE(*ReadFile(JoinPath(first, "model.onnx")),
            *ReadFile(JoinPath(request_.output_folder, "model.onnx")));
}

TEST_F(TrainerTest, EvaluateGivesTheTrainersOwnMetrics) {
  const auto candidates = Train(kContext, request_);
  ASSERT_TRUE(candidates.ok());
  const std::string model = JoinPath(request_.output_folder, "model.onnx");
  auto metrics = Evaluate(kContext, model, request_.valid_path, "late");
  ASSERT_TRUE(metrics.ok()) << metrics.status();
  auto expected = (*candidates)[1].metrics;
  EXPECT_GT(metrics->at("p50_ms"), 0);
  for (const char* name : {"p50_ms", "p99_ms"}) {
    metrics->erase(name);
    expected.erase(name);
  }
  EXPECT_EQ(*metrics, expected);

  // By name, whatever the order of the columns and however many there are.
  const std::string other = WriteTable("other", "SELECT 1 AS more, late, third, k, x, y FROM " +
                                                    duckdb::QuoteText(request_.valid_path));
  EXPECT_EQ(Evaluate(kContext, model, other, "late")->at("auc"), expected.at("auc"));
  const std::string lacking = WriteTable(
      "lacking", "SELECT late, third, k, x FROM " + duckdb::QuoteText(request_.valid_path));
  EXPECT_THAT(Message(Evaluate(kContext, model, lacking, "late").status()), HasSubstr("'y'"));
  EXPECT_EQ(Evaluate(kContext, model + "x", other, "late").status().code(), StatusCode::kNotFound);
}

TEST_F(TrainerTest, SamplesAboutAsManyRowsAsAsked) {
  request_.spec = Spec(R"({"rows": 500, "drop": ["id"], "xgboost": {"num_boost_round": 2}})");
  const auto candidates = Train(kContext, request_);
  ASSERT_TRUE(candidates.ok()) << candidates.status();
  const int64_t rows = ReadJson("reference.json")["rows"].AsInt();
  EXPECT_NEAR(static_cast<double>(rows), 500, 100);
  EXPECT_EQ((*candidates)[0].params.at("rows"), std::to_string(rows));
}

TEST_F(TrainerTest, StopsEarlyAndKeepsTheBestRound) {
  request_.spec =
      Spec(R"({"drop": ["id"], "evaluate_every": 1, "early_stopping_rounds": 5, "metric": "logloss",
                           "xgboost": {"num_boost_round": 400, "eta": 0.9, "max_depth": 8}})");
  const auto candidates = Train(kContext, request_);
  ASSERT_TRUE(candidates.ok()) << candidates.status();
  const Candidate& only = (*candidates)[0];
  const Curve& logloss = only.curves[3];
  ASSERT_EQ(logloss.key, "valid/logloss");
  ASSERT_LT(logloss.values.size(), 100u);
  const auto best = std::min_element(logloss.values.begin(), logloss.values.end());
  EXPECT_EQ(only.params.at("best_round"), std::to_string(best - logloss.values.begin()));
  EXPECT_NEAR(only.metrics.at("logloss"), *best, 1e-6);
  EXPECT_EQ(ReadJson("model.json")["learner"]["gradient_booster"]["model"]["trees"].size(),
            static_cast<size_t>(best - logloss.values.begin()) + 1);
}

TEST_F(TrainerTest, BadTablesAreRefusedWithTheColumnAndTheRow) {
  EXPECT_THAT(ErrorWith("* REPLACE (CASE WHEN x > 0.99 THEN NULL ELSE late END AS late)"),
              AllOf(HasSubstr("'late' is missing"), HasSubstr("rows, the first of them row")));
  EXPECT_THAT(
      ErrorWith("* REPLACE (CASE WHEN id = 'row 41' THEN 'nan'::DOUBLE ELSE late END AS late)"),
      AllOf(HasSubstr("'late' is missing"), HasSubstr("in row 42")));
  EXPECT_THAT(ErrorWith("* REPLACE (late * 2 AS late)"),
              AllOf(HasSubstr("'late' is 2"), HasSubstr("only 0 and 1")));
  EXPECT_THAT(ErrorWith("* REPLACE ('yes' AS late)"), AllOf(HasSubstr("'late' is VARCHAR")));
  EXPECT_THAT(ErrorWith("* REPLACE (1 AS late)"), HasSubstr("'late' is 1 in all"));
  EXPECT_THAT(ErrorWith("* EXCLUDE (late), late AS was_late"), HasSubstr("no column 'late'"));
  EXPECT_THAT(ErrorWith("*, 'text' AS origin"),
              AllOf(HasSubstr("'origin' is VARCHAR"), HasSubstr("drop:")));
  EXPECT_THAT(ErrorWith("*, [1] AS list"), HasSubstr("'list' is INTEGER[]"));
  EXPECT_THAT(ErrorWith("* REPLACE ('inf'::FLOAT AS x)"),
              AllOf(HasSubstr("'x' is infinite"), HasSubstr("500 rows")));
  EXPECT_THAT(ErrorWith("* EXCLUDE (x, y, k, third)"), HasSubstr("no column is left"));
  EXPECT_THAT(ErrorWith("* EXCLUDE (id)"), HasSubstr("no column 'id' to drop"));
  EXPECT_THAT(ErrorWith("*, 1 AS extra"), AllOf(HasSubstr("valid.parquet"), HasSubstr("'extra'")));
}

TEST_F(TrainerTest, EmptyMissingAndBrokenFilesAreRefused) {
  request_.train_path = WriteTable("empty", fmt::format(fmt::runtime(kRows), 0, 0));
  EXPECT_THAT(Message(Train(kContext, request_).status()),
              AllOf(HasSubstr("empty.parquet"), HasSubstr("no rows")));
  request_.train_path = JoinPath(folder_.path(), "absent.parquet");
  EXPECT_EQ(Train(kContext, request_).status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(WriteFileAtomic(request_.train_path, "PAR1 not really").ok());
  EXPECT_THAT(Message(Train(kContext, request_).status()), HasSubstr("absent.parquet"));
}

TEST_F(TrainerTest, AParameterThatXgboostDoesNotKnowIsRefused) {
  request_.spec = Spec(R"({"drop": ["id"], "xgboost": {"max_dept": 3}})");
  EXPECT_THAT(Message(Train(kContext, request_).status()),
              AllOf(HasSubstr("max_dept"), HasSubstr("max_depth")));
}

TEST_F(TrainerTest, TheContextEndsItBetweenRounds) {
  CancelSource source;
  int rounds = 0;
  request_.on_progress = [&](const TrainProgress& progress) {
    rounds = progress.round;
    source.Cancel();
  };
  EXPECT_EQ(Train(kContext.WithCancel(source), request_).status().code(), StatusCode::kCancelled);
  EXPECT_EQ(rounds, 1);
  EXPECT_FALSE(FileExists(request_.output_folder));
}

}  // namespace
}  // namespace caisson::training
