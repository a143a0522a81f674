// The entities of tracking and registry as messages of MLflow's interface.
#pragma once

#include <string_view>
#include <vector>

#include "base/json.h"
#include "lifecycle/registry/registry.h"
#include "lifecycle/tracking/entities.h"
#include "protocols/mlflow/internal/json_writer.h"
#include "protocols/mlflow/internal/message.h"

namespace caisson::mlflow::internal {

// The members of a message, into an object that is open.
void WriteExperiment(JsonWriter& writer, const tracking::Experiment& experiment);
void WriteRunInfo(JsonWriter& writer, const tracking::RunInfo& info);
enum class RunParts { kCreated, kAll };
void WriteRun(JsonWriter& writer, const tracking::Run& run, RunParts parts);
void WriteMetric(JsonWriter& writer, const tracking::Metric& metric, std::string_view run_id = "");
void WriteLoggedModel(JsonWriter& writer, const tracking::LoggedModel& model);
void WriteModelVersion(JsonWriter& writer, const registry::ModelVersion& version,
                       bool with_aliases);
void WriteRegisteredModel(JsonWriter& writer, const registry::RegisteredModel& model);
void WriteTags(JsonWriter& writer, std::string_view name, const std::vector<tracking::Tag>& tags);

// The same way back.
std::vector<tracking::Tag> ReadTags(const Json& array);
std::vector<tracking::Param> ReadParams(const Json& array);

// The shapes of nested messages.
const Message& KeyValueMessage();
const Message& MetricMessage();

}  // namespace caisson::mlflow::internal
