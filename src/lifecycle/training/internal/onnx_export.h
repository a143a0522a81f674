// Trees as an ONNX model.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lifecycle/training/internal/tree_model.h"

namespace caisson::training {

inline constexpr const char* kFeaturesInput = "features";
inline constexpr const char* kProbabilityOutput = "probability";
// A key of the model's metadata: the feature names in order, as a JSON array.
inline constexpr const char* kFeatureNamesKey = "feature_names";

// The file's bytes: input `features` FP32 [rows, n] with NaN for missing values, output
// `probability` FP32 [rows, 1], the probability of the positive class. One TreeEnsembleRegressor of
// ai.onnx.ml 3 sums the leaves, and a Sigmoid follows: the ensemble's own logistic transform is not
// applied by ONNX Runtime to a single target.
std::string ExportOnnx(const TreeModel& model,
                       const std::vector<std::pair<std::string, std::string>>& metadata);

}  // namespace caisson::training
