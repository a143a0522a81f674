// The built-in trainer: gradient-boosted trees for a yes/no question over a table.
//
// It learns with XGBoost, tries each combination of a small grid, and leaves a model that any ONNX
// runtime answers with. Any other trainer is a command that the pipeline runs; see results.h for
// what is expected of it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/context.h"
#include "base/json.h"
#include "base/status.h"
#include "lifecycle/training/results.h"

namespace caisson::training {

// How to train; the section `train` of params.yaml:
//
//   seed: 7                      # sampling, and XGBoost's own
//   rows: 300000                 # a fixed sample of the training rows; 0, the default, takes all
//   metric: auc                  # on the validation rows, decides which candidate wins: auc,
//   logloss, brier or accuracy evaluate_every: 10           # rounds between two points of a curve
//   early_stopping_rounds: 0     # stop when the metric has not improved for so many rounds; 0
//   never drop: [id]                   # columns that are no features xgboost: # XGBoost's own
//   names and values
//     objective: binary:logistic # the only one
//     num_boost_round: 100
//   grid:                        # one candidate for each combination, in this order
//     max_depth: [4, 6]
//     eta: [0.1, 0.2]
struct TrainSpec {
  int64_t seed = 0;
  int64_t rows = 0;
  std::string metric = "auc";
  int evaluate_every = 10;
  int early_stopping_rounds = 0;
  int rounds = 100;  // xgboost.num_boost_round
  std::vector<std::string> drop;
  std::map<std::string, std::string> xgboost;
  std::vector<std::pair<std::string, std::vector<std::string>>> grid;
};

// `where` is how the user would find the section: "params.yaml: train". Unknown fields, an empty
// axis, a parameter that is both in xgboost and in grid, and another objective are errors that name
// the field.
Result<TrainSpec> ParseTrainSpec(const Json& json, const std::string& where);

// Where a training stands; reported after each measured round.
struct TrainProgress {
  size_t candidate = 0;  // from 0
  size_t candidates = 0;
  std::string name;  // of the candidate
  int round = 0;     // finished ones
  int rounds = 0;
  std::map<std::string, double> metrics;  // the newest point of each curve
};

struct TrainRequest {
  TrainSpec spec;
  std::string train_path;  // Parquet, CSV or JSON, as DuckDB reads them
  std::string valid_path;  // with the same feature columns
  std::string target;      // a column of 0 and 1, or a boolean
  std::string output_folder;
  std::function<void(const TrainProgress&)> on_progress;  // on the calling thread; may be empty
};

// Trains, chooses, exports and judges; the result is what ReadCandidates reads from the output
// folder afterwards. The features are the numeric columns without the target, in the order of the
// training file; columns of times are left out, a column of text that is not dropped is an error.
// Nulls and NaN in features are missing values; in the target they are an error.
//
// The exported model's answers are compared with XGBoost's on every validation row; a difference
// above 1e-5 is Internal, and nothing is written. Equal data and parameters give equal bytes in
// every file but metrics.json, which holds measured times. One thread, about 4 bytes for each value
// of the sample and of the validation rows. The context ends it between two rounds.
Result<std::vector<Candidate>> Train(const Context& context, const TrainRequest& request);

}  // namespace caisson::training
