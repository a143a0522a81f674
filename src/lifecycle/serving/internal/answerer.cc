#include "lifecycle/serving/internal/answerer.h"

#include <algorithm>

#include "base/strings.h"

namespace caisson::serving::internal {
namespace {

// Errors that say something about the model, not about what it was asked.
bool IsModelError(const Status& status) {
  return !status.ok() && status.code() != StatusCode::kInvalidArgument;
}

// Rows and columns of a request's first tensor when it is a table of floats; otherwise nothing is
// logged of the features.
struct FeatureTable {
  const float* values = nullptr;
  size_t rows = 0;
  size_t columns = 0;
};

FeatureTable FeaturesOf(const std::vector<onnxruntime::Tensor>& inputs) {
  if (inputs.empty()) return {};
  const onnxruntime::Tensor& tensor = inputs.front();
  const size_t rows = tensor.shape.empty() ? 1 : static_cast<size_t>(tensor.shape.front());
  if (tensor.type != onnxruntime::DataType::kFp32 || tensor.shape.size() != 2)
    return {nullptr, rows, 0};
  return {tensor.floats(), rows, static_cast<size_t>(tensor.shape[1])};
}

// The output that the score is taken from: the first of floats, since some exporters put the name
// of the class before the probabilities. Nothing when there is none.
const onnxruntime::TensorInfo* ScoreOutput(const onnxruntime::Session& session) {
  for (const onnxruntime::TensorInfo& output : session.outputs()) {
    if (output.type == onnxruntime::DataType::kFp32) return &output;
  }
  return nullptr;
}

// The first number of each row; of two, which are the probabilities of no and yes, the second.
std::vector<float> ScoresOf(const onnxruntime::Tensor* tensor, size_t rows) {
  std::vector<float> scores(rows, 0);
  if (tensor == nullptr || rows == 0) return scores;
  const size_t width = static_cast<size_t>(tensor->element_count()) / rows;
  if (width == 0) return scores;
  const size_t column = width == 2 ? 1 : 0;
  for (size_t row = 0; row < rows; ++row) scores[row] = tensor->floats()[row * width + column];
  return scores;
}

Status LogAnswer(const Clock& clock, const Route& route, const InferRequest& request,
                 const FeatureTable& features, const std::vector<float>& scores,
                 InferResponse& response) {
  if (features.rows == 0) return OkStatus();
  PredictionBatch batch;
  batch.time = clock.now();
  batch.event_time = request.event_time == 0 ? batch.time : request.event_time;
  batch.model = response.model;
  batch.version = response.version;
  batch.features = features.values;
  batch.scores = scores.data();
  batch.rows = features.rows;
  batch.columns = features.columns;
  Result<std::string> id = route.log->Append(batch, request.request_id);
  // An answer that cannot be kept is not given: it could never be explained. Clients may try again
  // when there is room.
  if (id.status().code() == StatusCode::kResourceExhausted) {
    return Unavailable("{}", Message(id.status()));
  }
  CAISSON_ASSIGN(response.prediction_id, std::move(id));
  return OkStatus();
}

}  // namespace

Answerer::Answerer(const Clock& clock, telemetry::Registry& metrics)
    : clock_(clock),
      rows_(metrics.GetCounter("caisson_predictions_total", "Rows that models answered")),
      errors_(metrics.GetCounter("caisson_prediction_errors_total",
                                 "Requests that a model could not answer")) {}

Result<InferResponse> Answerer::Answer(const Route& route, const InferRequest& request) {
  if (route.arms.empty()) {
    return Unavailable("endpoint {} has no version that answers: {}", request.endpoint,
                       route.problem);
  }
  CAISSON_ASSIGN(const Arm* arm, PickArm(route, request));
  Result<InferResponse> response = Ask(*arm, route, request);
  // A trial costs nobody an answer: where the candidate fails, the stable version is asked. If
  // that one answers, the fault was the candidate's, also when it said that the input was bad.
  const Arm& stable = route.arms.back();
  const bool trial = arm != &stable && request.version.empty();
  if (response.ok() || !trial) return response;
  // A log that is full is full for every version.
  if (response.status().code() == StatusCode::kUnavailable) return response;
  const bool counted = IsModelError(response.status());
  Result<InferResponse> instead = Ask(stable, route, request);
  if (instead.ok() && !counted) arm->counters->Count(true, 0);
  return instead;
}

Result<const Arm*> Answerer::PickArm(const Route& route, const InferRequest& request) {
  if (request.version.empty()) {
    return &ChooseArm(route, request.request_id, sequence_.fetch_add(1, std::memory_order_relaxed));
  }
  std::vector<std::string> versions;
  for (const Arm& arm : route.arms) {
    const std::string version = std::to_string(arm.version->version);
    if (version == request.version) return &arm;
    versions.push_back(version);
  }
  return NotFound("endpoint {} has no version '{}' in service; {} answer(s)", request.endpoint,
                  request.version, Join(versions, ", "));
}

// Runs an arm's model, counts and logs its answer.
Result<InferResponse> Answerer::Ask(const Arm& arm, const Route& route,
                                    const InferRequest& request) {
  const onnxruntime::Session& session = *arm.version->session;
  // The score is logged whatever outputs the client asked for.
  const onnxruntime::TensorInfo* score = ScoreOutput(session);
  std::vector<std::string> names = request.output_names;
  const bool extra = score != nullptr && !names.empty() &&
                     std::find(names.begin(), names.end(), score->name) == names.end();
  if (extra) names.push_back(score->name);
  const auto start = clock_.monotonic();
  Result<std::vector<onnxruntime::Tensor>> outputs = session.Run(request.inputs, names);
  const double seconds = std::chrono::duration<double>(clock_.monotonic() - start).count();
  if (outputs.ok() || IsModelError(outputs.status())) arm.counters->Count(!outputs.ok(), seconds);
  if (!outputs.ok()) {
    if (IsModelError(outputs.status())) errors_.Increment();
    return outputs.status();
  }
  const auto scored = std::find_if(
      outputs->begin(), outputs->end(),
      [&](const onnxruntime::Tensor& tensor) { return score && tensor.name == score->name; });
  InferResponse response;
  response.model = arm.version->model;
  response.version = arm.version->version;
  const FeatureTable features = FeaturesOf(request.inputs);
  response.rows = features.rows;
  const std::vector<float> scores =
      ScoresOf(scored == outputs->end() ? nullptr : &*scored, features.rows);
  CAISSON_TRY(LogAnswer(clock_, route, request, features, scores, response));
  if (extra) outputs->pop_back();
  response.outputs = *std::move(outputs);
  rows_.Increment(features.rows);
  return response;
}

}  // namespace caisson::serving::internal
