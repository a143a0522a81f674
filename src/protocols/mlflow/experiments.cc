// Experiments.
#include "protocols/mlflow/internal/endpoint.h"
#include "protocols/mlflow/internal/entities_json.h"

namespace caisson::mlflow::internal {
namespace {

const RequestShape kCreate{
    {{{"name"}, {"artifact_location"}, {"tags", FieldKind::kMessage, true, &KeyValueMessage()}}},
    {{"name", {Check::kRequired, Check::kString}},
     {"artifact_location", {Check::kString}},
     {"tags", {Check::kArray}}}};
const RequestShape kById{{{{"experiment_id"}}},
                         {{"experiment_id", {Check::kRequired, Check::kString}}}};
const RequestShape kByName{{{{"experiment_name"}}},
                           {{"experiment_name", {Check::kRequired, Check::kString}}}};
const RequestShape kUpdate{{{{"experiment_id"}, {"new_name"}}},
                           {{"experiment_id", {Check::kRequired, Check::kString}},
                            {"new_name", {Check::kString, Check::kRequired}}}};
const RequestShape kSetTag{{{{"experiment_id"}, {"key"}, {"value"}}},
                           {{"experiment_id", {Check::kRequired, Check::kString}},
                            {"key", {Check::kRequired, Check::kString}},
                            {"value", {Check::kString}}}};
const RequestShape kDeleteTag{{{{"experiment_id"}, {"key"}}},
                              {{"experiment_id", {Check::kRequired, Check::kString}},
                               {"key", {Check::kRequired, Check::kString}}}};
const std::vector<std::string_view> kViewTypes = {"", "ACTIVE_ONLY", "DELETED_ONLY", "ALL"};
const RequestShape kSearch{{{{"max_results", FieldKind::kInt},
                             {"page_token"},
                             {"filter"},
                             {"order_by", FieldKind::kString, true},
                             {"view_type", FieldKind::kEnum, false, nullptr, &kViewTypes}}},
                           {{"view_type", {Check::kInt}},
                            {"max_results", {Check::kInt}},
                            {"order_by", {Check::kArray}},
                            {"filter", {Check::kString}},
                            {"page_token", {Check::kString}}}};

Result<std::string> Create(const Call& call) {
  CAISSON_ASSIGN(const std::string id,
                 call.services.tracking.CreateExperiment(
                     call.context, call.message["name"].AsString(),
                     call.message["artifact_location"].AsString(), ReadTags(call.message["tags"])));
  JsonWriter writer;
  writer.Text("experiment_id", id);
  return writer.Finish();
}

std::string OneExperiment(const tracking::Experiment& experiment) {
  JsonWriter writer;
  writer.BeginObject("experiment");
  WriteExperiment(writer, experiment);
  writer.EndObject();
  return writer.Finish();
}

Result<std::string> Get(const Call& call) {
  CAISSON_ASSIGN(
      const tracking::Experiment experiment,
      call.services.tracking.GetExperiment(call.context, call.message["experiment_id"].AsString()));
  return OneExperiment(experiment);
}

Result<std::string> GetByName(const Call& call) {
  CAISSON_ASSIGN(const tracking::Experiment experiment,
                 call.services.tracking.GetExperimentByName(
                     call.context, call.message["experiment_name"].AsString()));
  return OneExperiment(experiment);
}

Result<std::string> Delete(const Call& call) {
  CAISSON_TRY(call.services.tracking.DeleteExperiment(call.context,
                                                      call.message["experiment_id"].AsString()));
  return JsonWriter().Finish();
}

Result<std::string> Restore(const Call& call) {
  CAISSON_TRY(call.services.tracking.RestoreExperiment(call.context,
                                                       call.message["experiment_id"].AsString()));
  return JsonWriter().Finish();
}

Result<std::string> Update(const Call& call) {
  CAISSON_TRY(call.services.tracking.RenameExperiment(
      call.context, call.message["experiment_id"].AsString(), call.message["new_name"].AsString()));
  return JsonWriter().Finish();
}

Result<std::string> SetTag(const Call& call) {
  CAISSON_TRY(call.services.tracking.SetExperimentTag(
      call.context, call.message["experiment_id"].AsString(),
      {call.message["key"].AsString(), call.message["value"].AsString()}));
  return JsonWriter().Finish();
}

Result<std::string> DeleteTag(const Call& call) {
  CAISSON_TRY(call.services.tracking.DeleteExperimentTag(
      call.context, call.message["experiment_id"].AsString(), call.message["key"].AsString()));
  return JsonWriter().Finish();
}

tracking::ViewType ReadViewType(const std::string& name) {
  if (name == "DELETED_ONLY") return tracking::ViewType::kDeletedOnly;
  return name == "ALL" ? tracking::ViewType::kAll : tracking::ViewType::kActiveOnly;
}

Result<std::string> Search(const Call& call) {
  tracking::SearchExperimentsRequest request;
  request.filter = call.message["filter"].AsString();
  request.view = ReadViewType(call.message["view_type"].AsString());
  request.max_results = call.message["max_results"].AsInt(0);
  request.order_by = Strings(call.message["order_by"]);
  request.page_token = call.message["page_token"].AsString();
  CAISSON_ASSIGN(const tracking::Page<tracking::Experiment> page,
                 call.services.tracking.SearchExperiments(call.context, request));
  JsonWriter writer;
  if (!page.items.empty()) {
    writer.BeginArray("experiments");
    for (const tracking::Experiment& experiment : page.items) {
      writer.BeginItem();
      WriteExperiment(writer, experiment);
      writer.EndObject();
    }
    writer.EndArray();
  }
  writer.TextIfAny("next_page_token", page.next_page_token);
  return writer.Finish();
}

}  // namespace

std::vector<Endpoint> ExperimentEndpoints() {
  using http::Method;
  return {
      {Method::kPost, "/mlflow/experiments/create", Create, &kCreate, "Create an experiment"},
      {Method::kGet, "/mlflow/experiments/get", Get, &kById, "Get an experiment"},
      {Method::kGet, "/mlflow/experiments/get-by-name", GetByName, &kByName,
       "Get an experiment by its name"},
      {Method::kPost, "/mlflow/experiments/delete", Delete, &kById,
       "Mark an experiment and its runs as deleted"},
      {Method::kPost, "/mlflow/experiments/restore", Restore, &kById,
       "Undo the deletion of an experiment"},
      {Method::kPost, "/mlflow/experiments/update", Update, &kUpdate, "Rename an experiment"},
      {Method::kPost, "/mlflow/experiments/set-experiment-tag", SetTag, &kSetTag,
       "Set a tag of an experiment"},
      {Method::kPost, "/mlflow/experiments/delete-experiment-tag", DeleteTag, &kDeleteTag,
       "Delete a tag of an experiment"},
      {Method::kPost, "/mlflow/experiments/search", Search, &kSearch, "Search experiments"},
      {Method::kGet, "/mlflow/experiments/search", Search, &kSearch, "Search experiments"},
  };
}

}  // namespace caisson::mlflow::internal
