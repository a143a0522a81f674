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

// What XGBoost knows about its data: a copy in its own form. One thread at a time.
class Dataset {
 public:
  static Result<std::unique_ptr<Dataset>> Create(const Matrix& features, const std::vector<float>& labels,
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
  // Parameters by XGBoost's own names ("max_depth", "eta", "objective", "seed", "nthread"). Deterministic for equal data,
  // parameters and thread count.
  static Result<std::unique_ptr<Booster>> Create(const std::map<std::string, std::string>& parameters,
                                                 const std::vector<const Dataset*>& datasets);
  static Result<std::unique_ptr<Booster>> LoadJson(std::string_view model);
  ~Booster();

  Status Update(int iteration, const Dataset& train);
  // Metric values by name, for each dataset in order, e.g. {{"auc", 0.71}}.
  Result<std::vector<std::map<std::string, double>>> Evaluate(int iteration, const std::vector<const Dataset*>& datasets,
                                                             const std::vector<std::string>& names);
  // Probabilities (binary:logistic) or values, one a row (or a row and class).
  Result<std::vector<float>> Predict(const Dataset& dataset);
  // The whole model as XGBoost's JSON; the form is documented in XGBoost's "Introduction to Model IO".
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
