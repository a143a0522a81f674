// Batches: the call that training loops make thousands of times.
#include <utility>

#include <simdjson.h>

#include "protocols/mlflow/internal/endpoint.h"
#include "protocols/mlflow/internal/entities_json.h"
#include "protocols/mlflow/internal/errors.h"

namespace caisson::mlflow::internal {
namespace {

// Larger bodies are rare, and the fast reader keeps its buffers.
constexpr size_t kFastBodyBytes = 1'000'000;

const RequestShape kShape{{{{"run_id"},
                            {"metrics", FieldKind::kMessage, true, &MetricMessage()},
                            {"params", FieldKind::kMessage, true, &KeyValueMessage()},
                            {"tags", FieldKind::kMessage, true, &KeyValueMessage()}}},
                          {{"run_id", {Check::kString, Check::kRequired}},
                           {"metrics", {Check::kArray, Check::kMetricFields}},
                           {"params", {Check::kArray, Check::kKeyFields}},
                           {"tags", {Check::kArray, Check::kKeyFields}}}};

struct BatchRequest {
  std::string run_id;
  tracking::Batch batch;
};

bool ReadText(simdjson::dom::object object, const char* name, std::string& out) {
  std::string_view text;
  if (object[name].get(text) != simdjson::SUCCESS) return false;
  out = text;
  return true;
}

bool ReadMetric(simdjson::dom::element item, tracking::Metric& metric) {
  simdjson::dom::object object;
  if (item.get(object) != simdjson::SUCCESS) return false;
  int fields = 0;
  for (const auto& [key, value] : object) {
    if (key == "key") {
      std::string_view text;
      if (value.get(text) != simdjson::SUCCESS || text.empty()) return false;
      metric.key = text;
      fields |= 1;
    } else if (key == "value") {
      if (value.get(metric.value) != simdjson::SUCCESS) return false;
      fields |= 2;
    } else if (key == "timestamp") {
      if (value.get(metric.timestamp) != simdjson::SUCCESS) return false;
      fields |= 4;
    } else if (key == "step") {
      if (value.get(metric.step) != simdjson::SUCCESS) return false;
    } else {
      return false;  // model_id and other rare fields take the slow way
    }
  }
  return fields == 7;
}

template <typename Pair>
bool ReadPairs(simdjson::dom::element array, std::vector<Pair>& pairs) {
  simdjson::dom::array items;
  if (array.get(items) != simdjson::SUCCESS) return false;
  for (const simdjson::dom::element item : items) {
    simdjson::dom::object object;
    Pair pair;
    if (item.get(object) != simdjson::SUCCESS || object.size() != 2) return false;
    if (!ReadText(object, "key", pair.key) || pair.key.empty() ||
        !ReadText(object, "value", pair.value))
      return false;
    pairs.push_back(std::move(pair));
  }
  return true;
}

// Reads the bodies that MLflow's own clients send. False for everything else, also for what is
// wrong: the slow way then finds the right words for it.
bool ReadFast(std::string_view body, BatchRequest& request) {
  // The parser's buffers are kept from call to call; they are scratch space, not state.
  thread_local simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(body.data(), body.size()).get(object) != simdjson::SUCCESS) return false;
  for (const auto& [key, value] : object) {
    if (key == "run_id") {
      std::string_view text;
      if (value.get(text) != simdjson::SUCCESS) return false;
      request.run_id = text;
    } else if (key == "metrics") {
      simdjson::dom::array items;
      if (value.get(items) != simdjson::SUCCESS) return false;
      request.batch.metrics.reserve(items.size());
      for (const simdjson::dom::element item : items) {
        if (!ReadMetric(item, request.batch.metrics.emplace_back())) return false;
      }
    } else if (key == "params") {
      if (!ReadPairs(value, request.batch.params)) return false;
    } else if (key == "tags") {
      if (!ReadPairs(value, request.batch.tags)) return false;
    } else {
      return false;
    }
  }
  return !request.run_id.empty();
}

Result<BatchRequest> ReadSlow(const http::Request& request) {
  CAISSON_ASSIGN(const Json message, ReadRequest(request, kShape));
  BatchRequest batch;
  batch.run_id = message["run_id"].AsString();
  for (const Json& item : message["metrics"].array()) {
    tracking::Metric metric;
    metric.key = item["key"].AsString();
    metric.value = item["value"].AsDouble();
    metric.timestamp = item["timestamp"].AsInt();
    metric.step = item["step"].AsInt();
    metric.model_id = item["model_id"].AsString();
    metric.dataset_name = item["dataset_name"].AsString();
    metric.dataset_digest = item["dataset_digest"].AsString();
    batch.batch.metrics.push_back(std::move(metric));
  }
  batch.batch.params = ReadParams(message["params"]);
  batch.batch.tags = ReadTags(message["tags"]);
  return batch;
}

bool IsPlainJson(std::string_view content_type) {
  return content_type.substr(0, content_type.find(';')) == "application/json";
}

http::Response LogBatch(tracking::Store& tracking, const http::Request& request) {
  BatchRequest batch;
  if (!IsPlainJson(request.headers.Get("content-type")) || request.body.size() > kFastBodyBytes ||
      !ReadFast(request.body, batch)) {
    Result<BatchRequest> slow = ReadSlow(request);
    if (!slow.ok()) return ErrorAnswer(slow.status());
    batch = *std::move(slow);
  }
  const Status status = tracking.LogBatch(request.context, batch.run_id, batch.batch);
  return status.ok() ? JsonAnswer("{}") : ErrorAnswer(status);
}

}  // namespace

std::vector<http::Route> BatchRoutes(const MlflowDependencies& services,
                                     const MlflowOptions& options) {
  std::vector<http::Route> routes;
  if (options.artifacts_only) return routes;
  for (const std::string& pattern : Twins("/mlflow/runs/log-batch", options)) {
    http::Route route;
    route.method = http::Method::kPost;
    route.pattern = pattern;
    route.summary = "Log metrics, params and tags in one step";
    route.tag = "mlflow";
    route.on_error = ErrorAnswer;
    route.handler = [&tracking = services.tracking](http::Request& request) {
      return LogBatch(tracking, request);
    };
    routes.push_back(std::move(route));
  }
  return routes;
}

}  // namespace caisson::mlflow::internal
