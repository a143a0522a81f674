// What a training leaves behind in its output folder, and how a model is judged.
//
// The folder of the built-in trainer holds model.onnx, model.json (XGBoost's own form),
// metrics.json, candidates.json, signature.json, reference.json and evaluation.json;
// docs/formats/model_folder.md describes them. A trainer of another kind need only leave model.onnx
// and metrics.json.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/json.h"
#include "base/status.h"

namespace caisson::training {

// Values of one metric by iteration.
struct Curve {
  std::string key;  // "valid/auc"
  std::vector<double> values;
  // The iteration of each value, ascending; one for each value. Not every iteration need be there.
  std::vector<int64_t> steps;
};

// One combination of parameters that was tried.
struct Candidate {
  std::string name;  // "max_depth=6 eta=0.1"
  std::map<std::string, std::string> params;
  // Final ones on the whole validation set: auc, logloss, brier, accuracy, base_rate, ...; of the
  // best also p50_ms and p99_ms.
  std::map<std::string, double> metrics;
  std::vector<Curve> curves;
  bool best = false;
};

// Reads candidates.json, and for the best candidate metrics.json; without candidates.json, the
// numbers of metrics.json (nested keys joined with '.') become one candidate that is best. Exactly
// one candidate is best. InvalidArgument names the file and the field.
Result<std::vector<Candidate>> ReadCandidates(const std::string& model_folder);

// The metrics of a model on a table: a Parquet file with the model's feature columns and a 0/1
// target. The names are those of the trainer's final metrics.
Result<std::map<std::string, double>> Evaluate(const Context& context,
                                               const std::string& model_path,
                                               const std::string& data_path,
                                               std::string_view target);

}  // namespace caisson::training
