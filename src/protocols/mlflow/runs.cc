// Runs: life and search.
#include "protocols/mlflow/internal/endpoint.h"
#include "protocols/mlflow/internal/entities_json.h"

namespace caisson::mlflow::internal {
namespace {

const std::vector<std::string_view> kStatuses = {"",         "RUNNING", "SCHEDULED",
                                                 "FINISHED", "FAILED",  "KILLED"};
const std::vector<std::string_view> kViewTypes = {"", "ACTIVE_ONLY", "DELETED_ONLY", "ALL"};

const RequestShape kCreate{{{{"experiment_id"},
                             {"user_id"},
                             {"run_name"},
                             {"start_time", FieldKind::kInt},
                             {"tags", FieldKind::kMessage, true, &KeyValueMessage()}}},
                           {{"experiment_id", {Check::kString}},
                            {"start_time", {Check::kInt}},
                            {"run_name", {Check::kString}}}};
const RequestShape kUpdate{{{{"run_id"},
                             {"run_uuid"},
                             {"status", FieldKind::kEnum, false, nullptr, &kStatuses},
                             {"end_time", FieldKind::kInt},
                             {"run_name"}}},
                           {{"run_id", {Check::kRequired, Check::kString}},
                            {"end_time", {Check::kInt}},
                            {"status", {Check::kString}},
                            {"run_name", {Check::kString}}}};
const RequestShape kById{{{{"run_id"}}}, {{"run_id", {Check::kRequired, Check::kString}}}};
const RequestShape kGet{{{{"run_id"}, {"run_uuid"}}},
                        {{"run_id", {Check::kRequired, Check::kString}}}};
const RequestShape kSearch{{{{"experiment_ids", FieldKind::kString, true},
                             {"filter"},
                             {"run_view_type", FieldKind::kEnum, false, nullptr, &kViewTypes},
                             {"max_results", FieldKind::kInt},
                             {"order_by", FieldKind::kString, true},
                             {"page_token"}}},
                           {{"experiment_ids", {Check::kArray}},
                            {"filter", {Check::kString}},
                            {"max_results", {Check::kInt, Check::kAtMost50000}},
                            {"order_by", {Check::kArray, Check::kStringItems}}}};

Result<std::string> Create(const Call& call) {
  tracking::CreateRunRequest request;
  request.experiment_id = call.message["experiment_id"].AsString();
  request.user_id = call.message["user_id"].AsString();
  request.name = call.message["run_name"].AsString();
  request.start_time = call.message["start_time"].AsInt();
  request.tags = ReadTags(call.message["tags"]);
  CAISSON_ASSIGN(const tracking::Run run, call.services.tracking.CreateRun(call.context, request));
  JsonWriter writer;
  writer.BeginObject("run");
  WriteRun(writer, run, RunParts::kCreated);
  writer.EndObject();
  return writer.Finish();
}

Result<std::string> Update(const Call& call) {
  std::optional<tracking::RunStatus> status;
  if (const Json* value = call.message.Find("status"))
    status = tracking::ParseRunStatus(value->AsString());
  std::optional<UnixMillis> end_time;
  if (const Json* value = call.message.Find("end_time")) end_time = value->AsInt();
  std::optional<std::string> name;
  if (const Json* value = call.message.Find("run_name")) name = value->AsString();
  CAISSON_ASSIGN(const tracking::RunInfo info,
                 call.services.tracking.UpdateRun(call.context, RunId(call.message), status,
                                                  end_time, std::move(name)));
  JsonWriter writer;
  writer.BeginObject("run_info");
  WriteRunInfo(writer, info);
  writer.EndObject();
  return writer.Finish();
}

Result<std::string> Delete(const Call& call) {
  CAISSON_TRY(call.services.tracking.DeleteRun(call.context, RunId(call.message)));
  return JsonWriter().Finish();
}

Result<std::string> Restore(const Call& call) {
  CAISSON_TRY(call.services.tracking.RestoreRun(call.context, RunId(call.message)));
  return JsonWriter().Finish();
}

Result<std::string> Get(const Call& call) {
  CAISSON_ASSIGN(const tracking::Run run,
                 call.services.tracking.GetRun(call.context, RunId(call.message)));
  JsonWriter writer;
  writer.BeginObject("run");
  WriteRun(writer, run, RunParts::kAll);
  writer.EndObject();
  return writer.Finish();
}

tracking::ViewType ReadViewType(const std::string& name) {
  if (name == "DELETED_ONLY") return tracking::ViewType::kDeletedOnly;
  return name == "ALL" ? tracking::ViewType::kAll : tracking::ViewType::kActiveOnly;
}

Result<std::string> Search(const Call& call) {
  tracking::SearchRunsRequest request;
  request.experiment_ids = Strings(call.message["experiment_ids"]);
  request.filter = call.message["filter"].AsString();
  request.view = ReadViewType(call.message["run_view_type"].AsString());
  request.max_results = call.message["max_results"].AsInt(1'000);
  request.order_by = Strings(call.message["order_by"]);
  request.page_token = call.message["page_token"].AsString();
  CAISSON_ASSIGN(const tracking::Page<tracking::Run> page,
                 call.services.tracking.SearchRuns(call.context, request));
  JsonWriter writer;
  if (!page.items.empty()) {
    writer.BeginArray("runs");
    for (const tracking::Run& run : page.items) {
      writer.BeginItem();
      WriteRun(writer, run, RunParts::kAll);
      writer.EndObject();
    }
    writer.EndArray();
  }
  writer.TextIfAny("next_page_token", page.next_page_token);
  return writer.Finish();
}

}  // namespace

std::vector<Endpoint> RunEndpoints() {
  using http::Method;
  return {
      {Method::kPost, "/mlflow/runs/create", Create, &kCreate, "Create a run"},
      {Method::kPost, "/mlflow/runs/update", Update, &kUpdate,
       "Update a run's status, end time or name"},
      {Method::kPost, "/mlflow/runs/delete", Delete, &kById, "Mark a run as deleted"},
      {Method::kPost, "/mlflow/runs/restore", Restore, &kById, "Undo the deletion of a run"},
      {Method::kGet, "/mlflow/runs/get", Get, &kGet, "Get a run"},
      {Method::kPost, "/mlflow/runs/search", Search, &kSearch, "Search runs"},
  };
}

}  // namespace caisson::mlflow::internal
