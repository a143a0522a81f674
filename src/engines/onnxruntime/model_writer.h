// Writes ONNX model files.
//
// The format is the protobuf message ModelProto of onnx.proto
// (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). What is written here is the part that
// an exporter of a small graph needs: nodes with plain attributes, inputs, outputs and metadata.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engines/onnxruntime/onnxruntime.h"

namespace caisson::onnxruntime {

struct ModelAttribute {
  std::string name;
  std::variant<int64_t, float, std::string, std::vector<int64_t>, std::vector<float>,
               std::vector<std::string>>
      value;
};

struct ModelNode {
  std::string operation;  // "Sigmoid"
  std::string domain;     // empty: ONNX's own operators
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::vector<ModelAttribute> attributes;
};

// A graph's input or output.
struct ModelPort {
  std::string name;
  std::optional<DataType> type;  // none: left to inference
  // A size, or the name of a free dimension: dimensions of one name have one size in a run.
  std::vector<std::variant<int64_t, std::string>> shape;
};

struct Model {
  int64_t ir_version = 8;  // of ONNX 1.10, read by every runtime since 2021
  std::vector<std::pair<std::string, int64_t>> operator_sets = {{"", 13}};  // domain and version
  std::string producer_name;
  std::string producer_version;
  std::string graph_name;
  std::vector<ModelNode> nodes;
  std::vector<ModelPort> inputs;
  std::vector<ModelPort> outputs;
  std::vector<std::pair<std::string, std::string>> metadata;
};

// The file's bytes. Equal models give equal bytes.
std::string WriteModel(const Model& model);

}  // namespace caisson::onnxruntime
