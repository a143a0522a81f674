#include "lifecycle/training/internal/onnx_export.h"

#include <cstdint>
#include <utility>

#include "engines/onnxruntime/model_writer.h"

namespace caisson::training {
namespace {

using onnxruntime::ModelAttribute;

// The attributes of a tree ensemble: arrays with an element for each node, and others with one for
// each leaf.
struct EnsembleArrays {
  std::vector<int64_t> tree_ids;
  std::vector<int64_t> node_ids;
  std::vector<int64_t> features;
  std::vector<std::string> modes;
  std::vector<float> values;
  std::vector<int64_t> true_ids;
  std::vector<int64_t> false_ids;
  std::vector<int64_t> missing_true;
  std::vector<int64_t> leaf_trees;
  std::vector<int64_t> leaf_nodes;
  std::vector<int64_t> leaf_targets;
  std::vector<float> leaf_weights;

  void Add(int64_t tree_id, int64_t node_id, const TreeNode& node) {
    tree_ids.push_back(tree_id);
    node_ids.push_back(node_id);
    features.push_back(node.feature);
    modes.emplace_back(node.is_leaf ? "LEAF" : "BRANCH_LT");
    values.push_back(node.is_leaf ? 0.0f : node.value);
    true_ids.push_back(static_cast<int64_t>(node.smaller));
    false_ids.push_back(static_cast<int64_t>(node.other));
    missing_true.push_back(node.missing_is_smaller ? 1 : 0);
    if (!node.is_leaf) return;
    leaf_trees.push_back(tree_id);
    leaf_nodes.push_back(node_id);
    leaf_targets.push_back(0);
    leaf_weights.push_back(node.value);
  }
};

std::vector<ModelAttribute> Attributes(const TreeModel& model) {
  EnsembleArrays arrays;
  for (size_t tree = 0; tree < model.trees.size(); ++tree) {
    for (size_t node = 0; node < model.trees[tree].size(); ++node) {
      arrays.Add(static_cast<int64_t>(tree), static_cast<int64_t>(node), model.trees[tree][node]);
    }
  }
  return {{"aggregate_function", std::string("SUM")},
          {"base_values", std::vector<float>{model.base_margin}},
          {"n_targets", int64_t{1}},
          {"nodes_falsenodeids", std::move(arrays.false_ids)},
          {"nodes_featureids", std::move(arrays.features)},
          {"nodes_missing_value_tracks_true", std::move(arrays.missing_true)},
          {"nodes_modes", std::move(arrays.modes)},
          {"nodes_nodeids", std::move(arrays.node_ids)},
          {"nodes_treeids", std::move(arrays.tree_ids)},
          {"nodes_truenodeids", std::move(arrays.true_ids)},
          {"nodes_values", std::move(arrays.values)},
          {"post_transform", std::string("NONE")},
          {"target_ids", std::move(arrays.leaf_targets)},
          {"target_nodeids", std::move(arrays.leaf_nodes)},
          {"target_treeids", std::move(arrays.leaf_trees)},
          {"target_weights", std::move(arrays.leaf_weights)}};
}

}  // namespace

std::string ExportOnnx(const TreeModel& model,
                       const std::vector<std::pair<std::string, std::string>>& metadata) {
  onnxruntime::Model onnx;
  onnx.operator_sets = {{"", 13}, {"ai.onnx.ml", 3}};
  onnx.producer_name = "caisson";
  onnx.graph_name = "trees";
  onnx.nodes = {
      {"TreeEnsembleRegressor", "ai.onnx.ml", {kFeaturesInput}, {"margin"}, Attributes(model)},
      {"Sigmoid", "", {"margin"}, {kProbabilityOutput}, {}}};
  onnx.inputs = {
      {kFeaturesInput, onnxruntime::DataType::kFp32, {std::string("rows"), model.feature_count}}};
  onnx.outputs = {
      {kProbabilityOutput, onnxruntime::DataType::kFp32, {std::string("rows"), int64_t{1}}}};
  onnx.metadata = metadata;
  return onnxruntime::WriteModel(onnx);
}

}  // namespace caisson::training
