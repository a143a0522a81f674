#include "lifecycle/training/internal/tree_model.h"

#include <cmath>
#include <optional>

#include "base/json.h"
#include "base/strings.h"

namespace caisson::training {
namespace {

// XGBoost writes the numbers of its parameters as strings: "5E-1".
Result<double> NumberText(const Json& json, std::string_view name) {
  const Json& value = json[name];
  if (value.is_number()) return value.AsDouble();
  const std::optional<double> number = ParseDouble(value.AsString());
  if (!number.has_value())
    return DataLoss("XGBoost's model: {} is '{}', no number", name, value.AsString());
  return *number;
}

bool Truth(const Json& json) { return json.is_bool() ? json.AsBool() : json.AsInt() != 0; }

// The parallel arrays of one tree.
struct TreeArrays {
  const Json& left;
  const Json& right;
  const Json& features;
  const Json& bounds;
  const Json& missing_left;
  const Json& kinds;  // of splits: 0 is numerical

  explicit TreeArrays(const Json& tree)
      : left(tree["left_children"]),
        right(tree["right_children"]),
        features(tree["split_indices"]),
        bounds(tree["split_conditions"]),
        missing_left(tree["default_left"]),
        kinds(tree["split_type"]) {}

  Status Check() const {
    const size_t nodes = left.size();
    for (const Json* array : {&right, &features, &bounds, &missing_left}) {
      if (array->size() != nodes)
        return DataLoss("XGBoost's model: the arrays of a tree differ in length");
    }
    if (nodes == 0) return DataLoss("XGBoost's model: a tree has no nodes");
    return OkStatus();
  }
};

// Follows the children from the root: nodes that pruning cut off stay in the arrays and are left
// behind here.
Result<Tree> ParseTree(const Json& json) {
  const TreeArrays arrays(json);
  CAISSON_TRY(arrays.Check());
  const size_t stored = arrays.left.size();
  Tree tree(1);
  std::vector<size_t> sources = {0};  // the stored index of each node of `tree`
  for (size_t i = 0; i < tree.size(); ++i) {
    const size_t source = sources[i];
    TreeNode node;
    node.value = static_cast<float>(arrays.bounds[source].AsDouble());
    const int64_t left = arrays.left[source].AsInt(-1);
    const int64_t right = arrays.right[source].AsInt(-1);
    if (left >= 0) {
      if (static_cast<size_t>(left) >= stored || right < 0 ||
          static_cast<size_t>(right) >= stored || tree.size() + 2 > stored) {
        return DataLoss("XGBoost's model: node {} of a tree has the children {} and {}", source,
                        left, right);
      }
      if (arrays.kinds[source].AsInt() != 0)
        return Unimplemented("XGBoost's model has categorical splits");
      node.is_leaf = false;
      node.feature = arrays.features[source].AsInt();
      node.missing_is_smaller = Truth(arrays.missing_left[source]);
      node.smaller = tree.size();
      node.other = tree.size() + 1;
      sources.push_back(static_cast<size_t>(left));
      sources.push_back(static_cast<size_t>(right));
      tree.resize(tree.size() + 2);
    }
    tree[i] = node;
  }
  return tree;
}

}  // namespace

Result<TreeModel> ParseTreeModel(std::string_view xgboost_json) {
  CAISSON_ASSIGN(const Json document, ParseJson(xgboost_json, {.allow_nan = true}));
  const Json& learner = document["learner"];
  const std::string objective = learner["objective"]["name"].AsString();
  if (objective != "binary:logistic")
    return Unimplemented("XGBoost's objective '{}' cannot be exported", objective);
  const std::string booster = learner["gradient_booster"]["name"].AsString();
  if (booster != "gbtree")
    return Unimplemented("XGBoost's booster '{}' cannot be exported", booster);

  TreeModel model;
  CAISSON_ASSIGN(const double base_score, NumberText(learner["learner_model_param"], "base_score"));
  if (!(base_score > 0 && base_score < 1)) {
    return DataLoss("XGBoost's model: base_score is {}, no probability", base_score);
  }
  // The logit, with XGBoost's own rounding.
  model.base_margin = -std::log(1.0f / static_cast<float>(base_score) - 1.0f);
  CAISSON_ASSIGN(const double features, NumberText(learner["learner_model_param"], "num_feature"));
  model.feature_count = static_cast<int64_t>(features);
  for (const Json& json : learner["gradient_booster"]["model"]["trees"].array()) {
    CAISSON_ASSIGN(Tree tree, ParseTree(json));
    model.trees.push_back(std::move(tree));
  }
  if (model.trees.empty()) return DataLoss("XGBoost's model has no trees");
  return model;
}

}  // namespace caisson::training
