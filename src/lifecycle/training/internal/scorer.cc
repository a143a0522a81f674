#include "lifecycle/training/internal/scorer.h"

#include <algorithm>
#include <chrono>

#include "base/json.h"
#include "lifecycle/training/internal/onnx_export.h"

namespace caisson::training {
namespace {

constexpr size_t kBatchRows = 8192;
constexpr size_t kWarmUpRuns = 50;
constexpr size_t kMeasuredRuns = 1000;

// Which tensors to use.
struct Ports {
  std::string input;
  std::string output;
  size_t output_columns = 1;
};

Result<Ports> FindPorts(const onnxruntime::Session& session, size_t features) {
  Ports ports;
  const auto& inputs = session.inputs();
  if (inputs.size() != 1 || inputs[0].type != onnxruntime::DataType::kFp32 ||
      inputs[0].shape.size() != 2) {
    return InvalidArgument(
        "the model must have one input, FP32 of shape [-1, {}], to be judged on a table", features);
  }
  if (inputs[0].shape[1] >= 0 && inputs[0].shape[1] != static_cast<int64_t>(features)) {
    return InvalidArgument("the model's input '{}' takes {} features, the table has {}",
                           inputs[0].name, inputs[0].shape[1], features);
  }
  ports.input = inputs[0].name;
  for (const auto& output : session.outputs()) {
    const bool flat = output.shape.size() == 1;
    const bool wide = output.shape.size() == 2 && (output.shape[1] == 1 || output.shape[1] == 2);
    if (output.type != onnxruntime::DataType::kFp32 || !(flat || wide)) continue;
    ports.output = output.name;
    ports.output_columns = flat ? 1 : static_cast<size_t>(output.shape[1]);
    return ports;
  }
  return InvalidArgument(
      "the model has no FP32 output of shape [-1, 1], [-1] or [-1, 2] that could be a probability");
}

onnxruntime::Tensor RowsTensor(const std::string& name, const FeatureTable& table, size_t first,
                               size_t count) {
  onnxruntime::Tensor tensor;
  tensor.name = name;
  tensor.type = onnxruntime::DataType::kFp32;
  tensor.shape = {static_cast<int64_t>(count), static_cast<int64_t>(table.columns())};
  tensor.bytes.assign(reinterpret_cast<const char*>(table.row(first)),
                      count * table.columns() * sizeof(float));
  return tensor;
}

}  // namespace

Result<std::vector<std::string>> FeatureNamesOf(const onnxruntime::Session& session) {
  std::vector<std::string> names;
  for (const auto& [key, value] : session.metadata()) {
    if (key != kFeatureNamesKey) continue;
    const Result<Json> json = ParseJson(value);
    if (!json.ok() || !json->is_array()) {
      return InvalidArgument("the model's metadata {} is '{}', no JSON array of names",
                             kFeatureNamesKey, value);
    }
    for (const Json& name : json->array()) names.push_back(name.AsString());
  }
  return names;
}

Result<std::vector<float>> Score(const Context& context, const onnxruntime::Session& session,
                                 const FeatureTable& table) {
  CAISSON_ASSIGN(const Ports ports, FindPorts(session, table.columns()));
  std::vector<float> scores;
  scores.reserve(table.rows());
  for (size_t first = 0; first < table.rows(); first += kBatchRows) {
    CAISSON_TRY(context.Check());
    const size_t count = std::min(kBatchRows, table.rows() - first);
    CAISSON_ASSIGN(const auto outputs,
                   session.Run({RowsTensor(ports.input, table, first, count)}, {ports.output}));
    if (outputs[0].element_count() != static_cast<int64_t>(count * ports.output_columns)) {
      return InvalidArgument("the model answers {} rows with {} values", count,
                             outputs[0].element_count());
    }
    const float* values = outputs[0].floats();
    for (size_t row = 0; row < count; ++row) {
      scores.push_back(values[row * ports.output_columns + ports.output_columns - 1]);
    }
  }
  return scores;
}

Result<Latency> MeasureLatency(const Context& context, const onnxruntime::Session& session,
                               const FeatureTable& table) {
  using Clock = std::chrono::steady_clock;
  CAISSON_ASSIGN(const Ports ports, FindPorts(session, table.columns()));
  std::vector<double> milliseconds;
  milliseconds.reserve(kMeasuredRuns);
  for (size_t run = 0; run < kWarmUpRuns + kMeasuredRuns; ++run) {
    CAISSON_TRY(context.Check());
    const std::vector<onnxruntime::Tensor> inputs = {
        RowsTensor(ports.input, table, run * table.rows() / (kWarmUpRuns + kMeasuredRuns), 1)};
    const std::vector<std::string> wanted = {ports.output};
    const Clock::time_point start = Clock::now();
    CAISSON_TRY(session.Run(inputs, wanted));
    const double taken = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    if (run >= kWarmUpRuns) milliseconds.push_back(taken);
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  return Latency{milliseconds[kMeasuredRuns / 2], milliseconds[kMeasuredRuns * 99 / 100]};
}

}  // namespace caisson::training
