// XGBoost: the built-in trainer's engine. Loaded on first use.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/status.h"

namespace caisson::xgboost {

// A dense matrix in row-major order; NaN is missing. Borrowed for the call.
struct Matrix {
  const float* values = nullptr;
  size_t rows = 0;
  size_t columns = 0;
};

// What XGBoost knows about its data: a copy in its own form. One thread at a time. Outlives the
// boosters made with it.
class Dataset {
 public:
  // InvalidArgument for no rows, for numbers of labels or names that do not fit, and for infinite
  // values. Without labels it serves for predictions only.
  static Result<std::unique_ptr<Dataset>> Create(const Matrix& features,
                                                 const std::vector<float>& labels,
                                                 const std::vector<std::string>& feature_names);
  ~Dataset();

 private:
  friend class Booster;
  class Impl;
  explicit Dataset(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// A gradient-boosted ensemble. One thread at a time.
class Booster {
 public:
  // Parameters by XGBoost's own names ("max_depth", "eta", "objective", "seed", "nthread"); a name
  // that XGBoost does not know is InvalidArgument with a did-you-mean. One thread unless "nthread"
  // says otherwise. Deterministic for equal data, parameters and thread count. Predictions for the
  // given datasets are kept, so that each round only adds its tree to them.
  static Result<std::unique_ptr<Booster>> Create(
      const std::map<std::string, std::string>& parameters,
      const std::vector<const Dataset*>& datasets);
  static Result<std::unique_ptr<Booster>> LoadJson(std::string_view model);
  ~Booster();
  // A copy that ends after so many rounds.
  Result<std::unique_ptr<Booster>> Slice(int rounds) const;

  Status Update(int iteration, const Dataset& train);
  // The values of the metrics in "eval_metric" by name, for each dataset in order, e.g. {{"auc",
  // 0.71}}; XGBoost gives them with six digits.
  Result<std::vector<std::map<std::string, double>>> Evaluate(
      int iteration, const std::vector<const Dataset*>& datasets);
  // Probabilities (binary:logistic) or values, one a row (or a row and class).
  Result<std::vector<float>> Predict(const Dataset& dataset);
  // The whole model as XGBoost's JSON; the form is documented in XGBoost's "Introduction to Model
  // IO".
  Result<std::string> SaveJson();
  // Total gain by feature name.
  Result<std::map<std::string, double>> Importance();

 private:
  class Impl;
  explicit Booster(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

Result<std::string> Version();

}  // namespace caisson::xgboost
