// What is logged to runs, one item a call; batches are in log_batch.cc.
#include "protocols/mlflow/internal/endpoint.h"
#include "protocols/mlflow/internal/entities_json.h"

namespace caisson::mlflow::internal {
namespace {

const RequestShape kLogMetric{{{{"run_id"},
                                {"run_uuid"},
                                {"key"},
                                {"value", FieldKind::kDouble},
                                {"timestamp", FieldKind::kInt},
                                {"step", FieldKind::kInt},
                                {"model_id"},
                                {"dataset_name"},
                                {"dataset_digest"}}},
                              {{"run_id", {Check::kRequired, Check::kString}},
                               {"key", {Check::kRequired, Check::kString}},
                               {"value", {Check::kRequired, Check::kDouble}},
                               {"timestamp", {Check::kInt, Check::kRequired}},
                               {"step", {Check::kInt}},
                               {"model_id", {Check::kString}},
                               {"dataset_name", {Check::kString}},
                               {"dataset_digest", {Check::kString}}}};
const RequestShape kKeyValue{{{{"run_id"}, {"run_uuid"}, {"key"}, {"value"}}},
                             {{"run_id", {Check::kRequired, Check::kString}},
                              {"key", {Check::kRequired, Check::kString}},
                              {"value", {Check::kString}}}};
const RequestShape kDeleteTag{
    {{{"run_id"}, {"key"}}},
    {{"run_id", {Check::kRequired, Check::kString}}, {"key", {Check::kRequired, Check::kString}}}};
const RequestShape kLogModel{{{{"run_id"}, {"model_json"}}},
                             {{"run_id", {Check::kString, Check::kRequired}},
                              {"model_json", {Check::kString, Check::kRequired}}}};
const Message kDataset{
    {{"name"}, {"digest"}, {"source_type"}, {"source"}, {"schema"}, {"profile"}}};
const Message kDatasetInput{{{"tags", FieldKind::kMessage, true, &KeyValueMessage()},
                             {"dataset", FieldKind::kMessage, false, &kDataset}}};
const Message kModelInput{{{"model_id"}}};
const Message kModelOutput{{{"model_id"}, {"step", FieldKind::kInt}}};
const RequestShape kLogInputs{{{{"run_id"},
                                {"datasets", FieldKind::kMessage, true, &kDatasetInput},
                                {"models", FieldKind::kMessage, true, &kModelInput}}},
                              {{"run_id", {Check::kRequired, Check::kString}},
                               {"datasets", {Check::kArray}},
                               {"models", {Check::kArray}}}};
const RequestShape kLogOutputs{{{{"run_id"}, {"models", FieldKind::kMessage, true, &kModelOutput}}},
                               {{"run_id", {Check::kRequired, Check::kString}},
                                {"models", {Check::kRequired, Check::kArray}}}};
const RequestShape kSearchDatasets{{{{"experiment_ids", FieldKind::kString, true}}}, {}};

Result<std::string> LogMetric(const Call& call) {
  tracking::Metric metric;
  metric.key = call.message["key"].AsString();
  metric.value = call.message["value"].AsDouble();
  metric.timestamp = call.message["timestamp"].AsInt();
  metric.step = call.message["step"].AsInt();
  metric.model_id = call.message["model_id"].AsString();
  metric.dataset_name = call.message["dataset_name"].AsString();
  metric.dataset_digest = call.message["dataset_digest"].AsString();
  CAISSON_TRY(call.services.tracking.LogMetric(call.context, RunId(call.message), metric));
  return JsonWriter().Finish();
}

Result<std::string> LogParam(const Call& call) {
  CAISSON_TRY(call.services.tracking.LogParam(
      call.context, RunId(call.message),
      {call.message["key"].AsString(), call.message["value"].AsString()}));
  return JsonWriter().Finish();
}

Result<std::string> SetTag(const Call& call) {
  CAISSON_TRY(call.services.tracking.SetTag(
      call.context, RunId(call.message),
      {call.message["key"].AsString(), call.message["value"].AsString()}));
  return JsonWriter().Finish();
}

Result<std::string> DeleteTag(const Call& call) {
  CAISSON_TRY(call.services.tracking.DeleteTag(call.context, RunId(call.message),
                                               call.message["key"].AsString()));
  return JsonWriter().Finish();
}

Result<std::string> LogModel(const Call& call) {
  const std::string& text = call.message["model_json"].AsString();
  const Result<Json> model = ParseJson(text);
  if (!model.ok())
    return InvalidArgument("Malformed model info. \n {} \n is not a valid JSON.", text);
  std::string missing;
  for (const std::string_view field : {"artifact_path", "flavors", "utc_time_created", "run_id"}) {
    if (model->Find(field) == nullptr)
      missing += fmt::format("{}'{}'", missing.empty() ? "" : ", ", field);
  }
  if (!missing.empty())
    return InvalidArgument("Model json is missing mandatory fields: {{{}}}", missing);
  CAISSON_TRY(call.services.tracking.RecordLoggedModel(call.context, RunId(call.message), text));
  return JsonWriter().Finish();
}

std::optional<std::string> OptionalText(const Json& json, std::string_view name) {
  const Json* value = json.Find(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value->AsString());
}

Result<std::string> LogInputs(const Call& call) {
  std::vector<tracking::DatasetInput> datasets;
  for (const Json& item : call.message["datasets"].array()) {
    const Json& dataset = item["dataset"];
    datasets.push_back({{dataset["name"].AsString(), dataset["digest"].AsString(),
                         dataset["source_type"].AsString(), dataset["source"].AsString(),
                         OptionalText(dataset, "schema"), OptionalText(dataset, "profile")},
                        ReadTags(item["tags"])});
  }
  std::vector<tracking::ModelInput> models;
  for (const Json& item : call.message["models"].array())
    models.push_back({item["model_id"].AsString()});
  CAISSON_TRY(
      call.services.tracking.LogInputs(call.context, RunId(call.message), datasets, models));
  return JsonWriter().Finish();
}

Result<std::string> LogOutputs(const Call& call) {
  std::vector<tracking::ModelOutput> models;
  for (const Json& item : call.message["models"].array())
    models.push_back({item["model_id"].AsString(), item["step"].AsInt()});
  CAISSON_TRY(call.services.tracking.LogOutputs(call.context, RunId(call.message), models));
  return JsonWriter().Finish();
}

Result<std::string> SearchDatasets(const Call& call) {
  constexpr size_t kMaxExperiments = 20;
  const std::vector<std::string> ids = Strings(call.message["experiment_ids"]);
  if (ids.empty())
    return InvalidArgument("SearchDatasets request must specify at least one experiment_id.");
  if (ids.size() > kMaxExperiments) {
    return InvalidArgument(
        "SearchDatasets request cannot specify more than {} experiment_ids. Received {} "
        "experiment_ids.",
        kMaxExperiments, ids.size());
  }
  CAISSON_ASSIGN(const std::vector<tracking::DatasetSummary> summaries,
                 call.services.tracking.SearchDatasets(call.context, ids));
  JsonWriter writer;
  if (!summaries.empty()) {
    writer.BeginArray("dataset_summaries");
    for (const tracking::DatasetSummary& summary : summaries) {
      writer.BeginItem();
      writer.Text("experiment_id", summary.experiment_id);
      writer.Text("name", summary.name);
      writer.Text("digest", summary.digest);
      writer.TextIfAny("context", summary.context);
      writer.EndObject();
    }
    writer.EndArray();
  }
  return writer.Finish();
}

}  // namespace

std::vector<Endpoint> LoggingEndpoints() {
  using http::Method;
  return {
      {Method::kPost, "/mlflow/runs/log-metric", LogMetric, &kLogMetric,
       "Log one point of a metric"},
      {Method::kPost, "/mlflow/runs/log-parameter", LogParam, &kKeyValue, "Log a param"},
      {Method::kPost, "/mlflow/runs/set-tag", SetTag, &kKeyValue, "Set a tag"},
      {Method::kPost, "/mlflow/runs/delete-tag", DeleteTag, &kDeleteTag, "Delete a tag"},
      {Method::kPost, "/mlflow/runs/log-model", LogModel, &kLogModel,
       "Record a logged model (clients before 3.0)"},
      {Method::kPost, "/mlflow/runs/log-inputs", LogInputs, &kLogInputs,
       "Log datasets and models that a run reads"},
      {Method::kPost, "/mlflow/runs/outputs", LogOutputs, &kLogOutputs,
       "Log models that a run makes"},
      {Method::kPost, "/mlflow/experiments/search-datasets", SearchDatasets, &kSearchDatasets,
       "Datasets of experiments"},
  };
}

}  // namespace caisson::mlflow::internal
