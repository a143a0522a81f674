// What a loaded model says of itself.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engines/onnxruntime/internal/onnxruntime_api.h"
#include "engines/onnxruntime/onnxruntime.h"

namespace caisson::onnxruntime {

// Where the size of an output's dimension comes from.
struct DimensionSource {
  int64_t fixed = -1;  // the size, when the model states it
  // Otherwise the dimension of an input that bears the same name ("batch"); -1 when nothing is
  // known before the run.
  int input = -1;
  int dimension = -1;
};

struct ModelInfo {
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;
  std::vector<std::vector<DimensionSource>> output_shapes;  // for each output
  std::vector<std::pair<std::string, std::string>> metadata;
};

// InvalidArgument for inputs and outputs that are not tensors or have an element type without a
// name in the Open Inference Protocol; it says how to export the model otherwise.
Result<ModelInfo> ReadModelInfo(const Api& api, const OrtSession* session);

}  // namespace caisson::onnxruntime
