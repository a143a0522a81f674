#include "lifecycle/training/trainer.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "base/json.h"
#include "engines/duckdb/duckdb.h"
#include "engines/onnxruntime/onnxruntime.h"
#include "engines/xgboost/xgboost.h"
#include "lifecycle/training/internal/grid.h"
#include "lifecycle/training/internal/judge.h"
#include "lifecycle/training/internal/model_folder.h"
#include "lifecycle/training/internal/onnx_export.h"
#include "lifecycle/training/internal/reference.h"
#include "lifecycle/training/internal/scorer.h"
#include "lifecycle/training/internal/table.h"
#include "lifecycle/training/internal/tree_model.h"

namespace caisson::training {
namespace {

constexpr double kTolerance = 1e-5;

// A table with XGBoost's copy of it.
struct Side {
  const char* name;  // "train" or "valid", as curves call it
  FeatureTable table;
  std::unique_ptr<xgboost::Dataset> dataset;

  static Result<Side> Make(const char* name, FeatureTable table) {
    CAISSON_ASSIGN(auto dataset,
                   xgboost::Dataset::Create({table.values.data(), table.rows(), table.columns()},
                                            table.labels, table.names));
    return Side{name, std::move(table), std::move(dataset)};
  }
};

// One candidate while and after it is trained.
struct Trained {
  Candidate candidate;
  std::unique_ptr<xgboost::Booster> booster;
  std::vector<float> valid_scores;
};

class Training {
 public:
  Training(const Context& context, const TrainRequest& request)
      : context_(context), request_(request) {}

  Result<std::vector<Candidate>> Run();

 private:
  Status Read();
  Result<Trained> TrainCandidate(size_t index, const Combination& combination);
  Result<Figures> MeasureRound(xgboost::Booster& booster, int round, Candidate& candidate);
  void Report(size_t index, const Candidate& candidate, int round) const;
  Result<ModelFiles> Export(Trained& best);
  std::vector<std::pair<std::string, std::string>> Metadata() const;

  const Context& context_;
  const TrainRequest& request_;
  const TrainSpec& spec_ = request_.spec;
  TableColumns columns_;
  std::optional<Side> train_;
  std::optional<Side> valid_;
  size_t combinations_ = 0;
};

Status Training::Read() {
  CAISSON_ASSIGN(const auto database, duckdb::Database::Open({.threads = 1}));
  CAISSON_ASSIGN(columns_, ChooseColumns(context_, *database, request_.train_path, request_.target,
                                         spec_.drop));
  std::vector<std::string> names;
  for (const FeatureColumn& feature : columns_.features) names.push_back(feature.name);
  CAISSON_ASSIGN(const TableColumns valid_columns,
                 FindColumns(context_, *database, request_.valid_path, request_.target, names));
  CAISSON_ASSIGN(FeatureTable train, ReadTable(context_, *database, request_.train_path, columns_,
                                               {.rows = spec_.rows, .seed = spec_.seed}));
  CAISSON_ASSIGN(FeatureTable valid,
                 ReadTable(context_, *database, request_.valid_path, valid_columns, {}));
  CAISSON_ASSIGN(train_, Side::Make("train", std::move(train)));
  CAISSON_ASSIGN(valid_, Side::Make("valid", std::move(valid)));
  return OkStatus();
}

// Adds a point to each curve; the result is the validation side's.
Result<Figures> Training::MeasureRound(xgboost::Booster& booster, int round, Candidate& candidate) {
  Figures valid_figures;
  size_t curve = 0;
  for (const Side* side : {&*train_, &*valid_}) {
    CAISSON_ASSIGN(const std::vector<float> scores, booster.Predict(*side->dataset));
    valid_figures = Judge(scores, side->table.labels);
    for (const char* metric : {"auc", "logloss"}) {
      if (candidate.curves.size() == curve)
        candidate.curves.push_back({fmt::format("{}/{}", side->name, metric), {}, {}});
      candidate.curves[curve].values.push_back(valid_figures.Get(metric));
      candidate.curves[curve].steps.push_back(round);
      ++curve;
    }
  }
  return valid_figures;
}

void Training::Report(size_t index, const Candidate& candidate, int round) const {
  if (!request_.on_progress) return;
  TrainProgress progress;
  progress.candidate = index;
  progress.candidates = combinations_;
  progress.name = candidate.name;
  progress.round = round + 1;
  progress.rounds = spec_.rounds;
  for (const Curve& curve : candidate.curves) progress.metrics[curve.key] = curve.values.back();
  request_.on_progress(progress);
}

Result<Trained> Training::TrainCandidate(size_t index, const Combination& combination) {
  Trained trained;
  Candidate& candidate = trained.candidate;
  candidate.name = combination.name;
  candidate.params = combination.parameters;
  candidate.params["num_boost_round"] = std::to_string(spec_.rounds);
  candidate.params["rows"] = std::to_string(train_->table.rows());
  CAISSON_ASSIGN(trained.booster,
                 xgboost::Booster::Create(combination.parameters,
                                          {train_->dataset.get(), valid_->dataset.get()}));
  int best_round = 0;
  double best_value = 0;
  for (int round = 0; round < spec_.rounds; ++round) {
    CAISSON_TRY(context_.Check());
    CAISSON_TRY(trained.booster->Update(round, *train_->dataset));
    if (round % spec_.evaluate_every != 0 && round + 1 != spec_.rounds) continue;
    CAISSON_ASSIGN(const Figures figures, MeasureRound(*trained.booster, round, candidate));
    Report(index, candidate, round);
    const double value = figures.Get(spec_.metric);
    if (round == 0 || IsBetter(spec_.metric, value, best_value)) {
      best_round = round;
      best_value = value;
    } else if (spec_.early_stopping_rounds > 0 &&
               round - best_round >= spec_.early_stopping_rounds) {
      break;
    }
  }
  if (spec_.early_stopping_rounds > 0) {
    CAISSON_ASSIGN(trained.booster, trained.booster->Slice(best_round + 1));
    candidate.params["early_stopping_rounds"] = std::to_string(spec_.early_stopping_rounds);
    candidate.params["best_round"] = std::to_string(best_round);
  }
  CAISSON_ASSIGN(trained.valid_scores, trained.booster->Predict(*valid_->dataset));
  candidate.metrics = FinalMetrics(trained.valid_scores, valid_->table.labels);
  return trained;
}

std::vector<std::pair<std::string, std::string>> Training::Metadata() const {
  Json names = Json::MakeArray();
  for (const FeatureColumn& feature : columns_.features) names.Append(feature.name);
  return {{kFeatureNamesKey, WriteJson(names)},
          {"target", request_.target},
          {"objective", "binary:logistic"},
          {"trainer", "xgboost " + xgboost::Version().value_or("unknown")}};
}

// The exported model must say what the trained one says, on every row that judges it.
Status CompareScores(const std::vector<float>& ours, const std::vector<float>& theirs) {
  double largest = 0;
  size_t where = 0;
  for (size_t i = 0; i < ours.size(); ++i) {
    const double difference = std::abs(static_cast<double>(ours[i]) - theirs[i]);
    if (difference <= largest) continue;
    largest = difference;
    where = i;
  }
  if (largest <= kTolerance) return OkStatus();
  return Internal(
      "the exported model differs from XGBoost's by {:.3g} in validation row {}: {} instead of {}",
      largest, where + 1, ours[where], theirs[where]);
}

Result<ModelFiles> Training::Export(Trained& best) {
  ModelFiles files;
  CAISSON_ASSIGN(files.xgboost_json, best.booster->SaveJson());
  CAISSON_ASSIGN(const TreeModel trees, ParseTreeModel(files.xgboost_json));
  files.onnx = ExportOnnx(trees, Metadata());
  CAISSON_ASSIGN(const auto session, onnxruntime::Session::LoadBytes(files.onnx));
  CAISSON_ASSIGN(const std::vector<float> scores, Score(context_, *session, valid_->table));
  CAISSON_TRY(CompareScores(scores, best.valid_scores));
  CAISSON_ASSIGN(const Latency latency, MeasureLatency(context_, *session, valid_->table));

  // The figures of what will be served, so that a later Evaluate of the same file gives the same.
  best.candidate.metrics = FinalMetrics(scores, valid_->table.labels);
  files.reference = MakeReference(train_->table, scores, best.candidate.metrics);
  files.evaluation = JudgementTables(scores, valid_->table.labels);
  files.signature = SignatureJson(columns_);
  files.metrics = files.reference["metrics"];
  files.metrics.Set("p50_ms", latency.p50_ms);
  files.metrics.Set("p99_ms", latency.p99_ms);
  return files;
}

Result<std::vector<Candidate>> Training::Run() {
  CAISSON_TRY(Read());
  const std::vector<Combination> combinations = Combinations(spec_);
  combinations_ = combinations.size();
  std::vector<Candidate> candidates;
  std::optional<Trained> best;
  size_t best_index = 0;
  for (size_t i = 0; i < combinations.size(); ++i) {
    CAISSON_ASSIGN(Trained trained, TrainCandidate(i, combinations[i]));
    candidates.push_back(trained.candidate);
    const bool better =
        !best.has_value() || IsBetter(spec_.metric, trained.candidate.metrics[spec_.metric],
                                      best->candidate.metrics[spec_.metric]);
    if (!better) continue;
    best = std::move(trained);
    best_index = i;
  }
  CAISSON_ASSIGN(ModelFiles files, Export(*best));
  candidates[best_index] = best->candidate;
  candidates[best_index].best = true;
  files.candidates = CandidatesToJson(candidates);
  CAISSON_TRY(WriteModelFiles(request_.output_folder, files));
  for (const char* name : {"p50_ms", "p99_ms"})
    candidates[best_index].metrics[name] = files.metrics[name].AsDouble();
  return candidates;
}

}  // namespace

Result<std::vector<Candidate>> Train(const Context& context, const TrainRequest& request) {
  return Training(context, request).Run();
}

}  // namespace caisson::training
