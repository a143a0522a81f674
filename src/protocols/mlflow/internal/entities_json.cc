#include "protocols/mlflow/internal/entities_json.h"

namespace caisson::mlflow::internal {
namespace {

template <typename Pair>
void WritePairs(JsonWriter& writer, std::string_view name, const std::vector<Pair>& pairs) {
  if (pairs.empty()) return;
  writer.BeginArray(name);
  for (const Pair& pair : pairs) {
    writer.BeginItem();
    writer.Text("key", pair.key);
    writer.Text("value", pair.value);
    writer.EndObject();
  }
  writer.EndArray();
}

void WriteInputs(JsonWriter& writer, const tracking::Run& run) {
  writer.BeginObject("inputs");
  if (!run.dataset_inputs.empty()) {
    writer.BeginArray("dataset_inputs");
    for (const tracking::DatasetInput& input : run.dataset_inputs) {
      writer.BeginItem();
      WritePairs(writer, "tags", input.tags);
      writer.BeginObject("dataset");
      writer.Text("name", input.dataset.name);
      writer.Text("digest", input.dataset.digest);
      writer.Text("source_type", input.dataset.source_type);
      writer.Text("source", input.dataset.source);
      if (input.dataset.schema.has_value()) writer.TextIfAny("schema", *input.dataset.schema);
      if (input.dataset.profile.has_value()) writer.TextIfAny("profile", *input.dataset.profile);
      writer.EndObject();
      writer.EndObject();
    }
    writer.EndArray();
  }
  if (!run.model_inputs.empty()) {
    writer.BeginArray("model_inputs");
    for (const tracking::ModelInput& input : run.model_inputs) {
      writer.BeginItem();
      writer.Text("model_id", input.model_id);
      writer.EndObject();
    }
    writer.EndArray();
  }
  writer.EndObject();
}

void WriteOutputs(JsonWriter& writer, const tracking::Run& run) {
  writer.BeginObject("outputs");
  if (!run.model_outputs.empty()) {
    writer.BeginArray("model_outputs");
    for (const tracking::ModelOutput& output : run.model_outputs) {
      writer.BeginItem();
      writer.Text("model_id", output.model_id);
      writer.Int("step", output.step);
      writer.EndObject();
    }
    writer.EndArray();
  }
  writer.EndObject();
}

}  // namespace

void WriteTags(JsonWriter& writer, std::string_view name, const std::vector<tracking::Tag>& tags) {
  WritePairs(writer, name, tags);
}

void WriteExperiment(JsonWriter& writer, const tracking::Experiment& experiment) {
  writer.Text("experiment_id", experiment.id);
  writer.Text("name", experiment.name);
  writer.Text("artifact_location", experiment.artifact_location);
  writer.Text("lifecycle_stage", tracking::LifecycleName(experiment.lifecycle));
  writer.Int("last_update_time", experiment.last_update_time);
  writer.Int("creation_time", experiment.creation_time);
  WritePairs(writer, "tags", experiment.tags);
  writer.Text("workspace", "default");
}

void WriteRunInfo(JsonWriter& writer, const tracking::RunInfo& info) {
  writer.Text("run_uuid", info.run_id);
  writer.Text("experiment_id", info.experiment_id);
  writer.Text("run_name", info.run_name);
  writer.Text("user_id", info.user_id);
  writer.Text("status", tracking::RunStatusName(info.status));
  writer.Int("start_time", info.start_time);
  // MLflow takes 0 for "not yet".
  if (info.end_time.value_or(0) != 0) writer.Int("end_time", *info.end_time);
  writer.Text("artifact_uri", info.artifact_uri);
  writer.Text("lifecycle_stage", tracking::LifecycleName(info.lifecycle));
  writer.Text("run_id", info.run_id);
}

void WriteRun(JsonWriter& writer, const tracking::Run& run, RunParts parts) {
  writer.BeginObject("info");
  WriteRunInfo(writer, run.info);
  writer.EndObject();
  writer.BeginObject("data");
  if (!run.latest_metrics.empty()) {
    writer.BeginArray("metrics");
    for (const tracking::Metric& metric : run.latest_metrics) {
      writer.BeginItem();
      WriteMetric(writer, metric);
      writer.EndObject();
    }
    writer.EndArray();
  }
  WritePairs(writer, "params", run.params);
  WritePairs(writer, "tags", run.tags);
  writer.EndObject();
  WriteInputs(writer, run);
  if (parts == RunParts::kAll) WriteOutputs(writer, run);
}

void WriteMetric(JsonWriter& writer, const tracking::Metric& metric, std::string_view run_id) {
  writer.Text("key", metric.key);
  writer.Double("value", metric.value);
  writer.Int("timestamp", metric.timestamp);
  writer.Int("step", metric.step);
  writer.TextIfAny("dataset_name", metric.dataset_name);
  writer.TextIfAny("dataset_digest", metric.dataset_digest);
  writer.TextIfAny("model_id", metric.model_id);
  writer.TextIfAny("run_id", run_id);
}

void WriteLoggedModel(JsonWriter& writer, const tracking::LoggedModel& model) {
  writer.BeginObject("info");
  writer.Text("model_id", model.model_id);
  writer.Text("experiment_id", model.experiment_id);
  writer.Text("name", model.name);
  writer.Int("creation_timestamp_ms", model.creation_time);
  writer.Int("last_updated_timestamp_ms", model.last_update_time);
  writer.Text("artifact_uri", model.artifact_uri);
  writer.Text("status", tracking::LoggedModelStatusName(model.status));
  writer.Text("model_type", model.model_type);
  writer.Text("source_run_id", model.source_run_id);
  writer.TextIfAny("status_message", model.status_message);
  WritePairs(writer, "tags", model.tags);
  writer.EndObject();
  writer.BeginObject("data");
  WritePairs(writer, "params", model.params);
  if (!model.metrics.empty()) {
    writer.BeginArray("metrics");
    for (const tracking::LoggedModel::ModelMetric& metric : model.metrics) {
      writer.BeginItem();
      WriteMetric(writer, metric.metric, metric.run_id);
      writer.EndObject();
    }
    writer.EndArray();
  }
  writer.EndObject();
}

void WriteModelVersion(JsonWriter& writer, const registry::ModelVersion& version,
                       bool with_aliases) {
  writer.Text("name", version.model);
  writer.Text("version", std::to_string(version.version));
  writer.Int("creation_timestamp", version.creation_time);
  writer.Int("last_updated_timestamp", version.last_update_time);
  writer.Text("current_stage", version.stage);
  writer.Text("description", version.description);
  writer.Text("source", version.source);
  writer.Text("run_id", version.run_id);
  writer.Text("status", version.status);
  writer.TextIfAny("status_message", version.status_message);
  WritePairs(writer, "tags", version.tags);
  writer.Text("run_link", version.run_link);
  if (with_aliases && !version.aliases.empty()) {
    writer.BeginArray("aliases");
    for (const std::string& alias : version.aliases) writer.TextItem(alias);
    writer.EndArray();
  }
  writer.TextIfAny("model_id", version.model_id);
}

void WriteRegisteredModel(JsonWriter& writer, const registry::RegisteredModel& model) {
  writer.Text("name", model.name);
  writer.Int("creation_timestamp", model.creation_time);
  writer.Int("last_updated_timestamp", model.last_update_time);
  writer.TextIfAny("description", model.description);
  if (!model.latest_versions.empty()) {
    writer.BeginArray("latest_versions");
    for (const registry::ModelVersion& version : model.latest_versions) {
      writer.BeginItem();
      WriteModelVersion(writer, version, false);
      writer.EndObject();
    }
    writer.EndArray();
  }
  WritePairs(writer, "tags", model.tags);
  if (!model.aliases.empty()) {
    writer.BeginArray("aliases");
    for (const registry::Alias& alias : model.aliases) {
      writer.BeginItem();
      writer.Text("alias", alias.name);
      writer.Text("version", std::to_string(alias.version));
      writer.EndObject();
    }
    writer.EndArray();
  }
}

std::vector<tracking::Tag> ReadTags(const Json& array) {
  std::vector<tracking::Tag> tags;
  for (const Json& item : array.array())
    tags.push_back({item["key"].AsString(), item["value"].AsString()});
  return tags;
}

std::vector<tracking::Param> ReadParams(const Json& array) {
  std::vector<tracking::Param> params;
  for (const Json& item : array.array())
    params.push_back({item["key"].AsString(), item["value"].AsString()});
  return params;
}

const Message& KeyValueMessage() {
  static const Message message{{{"key"}, {"value"}}};
  return message;
}

const Message& MetricMessage() {
  static const Message message{{{"key"},
                                {"value", FieldKind::kDouble},
                                {"timestamp", FieldKind::kInt},
                                {"step", FieldKind::kInt},
                                {"dataset_name"},
                                {"dataset_digest"},
                                {"model_id"},
                                {"run_id"}}};
  return message;
}

}  // namespace caisson::mlflow::internal
