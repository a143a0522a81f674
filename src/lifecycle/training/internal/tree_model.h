// XGBoost's saved model, as trees.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace caisson::training {

struct TreeNode {
  bool is_leaf = true;
  float value = 0;  // a leaf's contribution, or the bound: smaller values go to `smaller`
  int64_t feature = 0;
  size_t smaller = 0;               // index of the child for value < bound
  size_t other = 0;                 // index of the child for the rest
  bool missing_is_smaller = false;  // where a missing value goes
};

// The node 0 is the root, and every node is reached from it.
using Tree = std::vector<TreeNode>;

// The margin of a row is base_margin plus a leaf of each tree; its probability is the logistic
// function of the margin.
struct TreeModel {
  std::vector<Tree> trees;
  float base_margin = 0;
  int64_t feature_count = 0;
};

// Reads XGBoost's JSON
// (https://xgboost.readthedocs.io/en/release_1.7.0/tutorials/saving_model.html). Unimplemented for
// what the trainer does not make: other objectives than binary:logistic, other boosters than
// gbtree, categorical splits. DataLoss for arrays that do not fit together.
Result<TreeModel> ParseTreeModel(std::string_view xgboost_json);

}  // namespace caisson::training
