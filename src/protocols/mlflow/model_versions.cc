// Model versions.
#include "protocols/mlflow/internal/endpoint.h"
#include "protocols/mlflow/internal/entities_json.h"

namespace caisson::mlflow::internal {
namespace {

const FieldChecks kName{"name", {Check::kString, Check::kRequired}};
const FieldChecks kVersion{"version", {Check::kString, Check::kRequired}};
const FieldChecks kKey{"key", {Check::kString, Check::kRequired}};

const RequestShape kCreate{{{{"name"},
                             {"source"},
                             {"run_id"},
                             {"tags", FieldKind::kMessage, true, &KeyValueMessage()},
                             {"run_link"},
                             {"description"},
                             {"model_id"}}},
                           {kName,
                            {"source", {Check::kString, Check::kRequired}},
                            {"run_id", {Check::kString}},
                            {"tags", {Check::kArray}},
                            {"run_link", {Check::kString}},
                            {"description", {Check::kString}},
                            {"model_id", {Check::kString}}}};
const RequestShape kOne{{{{"name"}, {"version"}}}, {kName, kVersion}};
const RequestShape kDownload{{{{"name"}, {"version"}}}, {}};
const RequestShape kUpdate{{{{"name"}, {"version"}, {"description"}}},
                           {kName, kVersion, {"description", {Check::kString}}}};
const RequestShape kTransition{
    {{{"name"}, {"version"}, {"stage"}, {"archive_existing_versions", FieldKind::kBool}}},
    {kName,
     kVersion,
     {"stage", {Check::kString, Check::kRequired}},
     {"archive_existing_versions", {Check::kBool}}}};
const RequestShape kSearch{{{{"filter"},
                             {"max_results", FieldKind::kInt},
                             {"order_by", FieldKind::kString, true},
                             {"page_token"}}},
                           {{"filter", {Check::kString}},
                            {"max_results", {Check::kInt, Check::kAtMost200000}},
                            {"order_by", {Check::kArray, Check::kStringItems}},
                            {"page_token", {Check::kString}}}};
const RequestShape kSetTag{{{{"name"}, {"version"}, {"key"}, {"value"}}},
                           {kName, kVersion, kKey, {"value", {Check::kString}}}};
const RequestShape kDeleteTag{{{{"name"}, {"version"}, {"key"}}}, {kName, kVersion, kKey}};

std::string OneVersion(const registry::ModelVersion& version) {
  JsonWriter writer;
  writer.BeginObject("model_version");
  WriteModelVersion(writer, version, true);
  writer.EndObject();
  return writer.Finish();
}

const std::string& Name(const Call& call) { return call.message["name"].AsString(); }
Result<int64_t> Version(const Call& call) {
  return registry::ParseVersionNumber(Name(call), call.message["version"].AsString());
}

Result<std::string> Create(const Call& call) {
  registry::NewVersion version;
  version.model = Name(call);
  version.source = call.message["source"].AsString();
  version.run_id = call.message["run_id"].AsString();
  version.run_link = call.message["run_link"].AsString();
  version.model_id = call.message["model_id"].AsString();
  version.description = call.message["description"].AsString();
  version.tags = ReadTags(call.message["tags"]);
  CAISSON_ASSIGN(const registry::NewVersion resolved,
                 call.services.registry.ResolveSource(call.context, std::move(version),
                                                      call.message.Find("run_id") != nullptr,
                                                      call.message.Find("model_id") != nullptr));
  CAISSON_ASSIGN(const registry::ModelVersion made,
                 call.services.registry.CreateVersion(call.context, resolved));
  return OneVersion(made);
}

Result<std::string> Get(const Call& call) {
  CAISSON_ASSIGN(const int64_t number, Version(call));
  CAISSON_ASSIGN(const registry::ModelVersion version,
                 call.services.registry.GetVersion(call.context, Name(call), number));
  return OneVersion(version);
}

Result<std::string> Update(const Call& call) {
  CAISSON_ASSIGN(const int64_t number, Version(call));
  CAISSON_ASSIGN(const registry::ModelVersion version,
                 call.services.registry.UpdateVersion(call.context, Name(call), number,
                                                      call.message["description"].AsString()));
  return OneVersion(version);
}

Result<std::string> Transition(const Call& call) {
  CAISSON_TRY(registry::CheckTransition(call.message["stage"].AsString(),
                                        call.message["archive_existing_versions"].AsBool()));
  CAISSON_ASSIGN(const int64_t number, Version(call));
  CAISSON_ASSIGN(const registry::ModelVersion version,
                 call.services.registry.TransitionStage(
                     call.context, Name(call), number, call.message["stage"].AsString(),
                     call.message["archive_existing_versions"].AsBool()));
  return OneVersion(version);
}

Result<std::string> Delete(const Call& call) {
  CAISSON_ASSIGN(const int64_t number,
                 registry::ParseVersionNumber(call.message["version"].AsString()));
  CAISSON_TRY(call.services.registry.DeleteVersion(call.context, Name(call), number));
  return JsonWriter().Finish();
}

Result<std::string> DownloadUri(const Call& call) {
  CAISSON_ASSIGN(const int64_t number, Version(call));
  CAISSON_ASSIGN(const std::string uri,
                 call.services.registry.GetDownloadUri(call.context, Name(call), number));
  JsonWriter writer;
  writer.Text("artifact_uri", uri);
  return writer.Finish();
}

Result<std::string> Search(const Call& call) {
  registry::SearchRequest request;
  request.filter = call.message["filter"].AsString();
  request.max_results = call.message["max_results"].AsInt(200'000);
  request.order_by = Strings(call.message["order_by"]);
  request.page_token = call.message["page_token"].AsString();
  CAISSON_ASSIGN(const registry::Page<registry::ModelVersion> page,
                 call.services.registry.SearchVersions(call.context, request));
  JsonWriter writer;
  if (!page.items.empty()) {
    writer.BeginArray("model_versions");
    for (const registry::ModelVersion& version : page.items) {
      writer.BeginItem();
      WriteModelVersion(writer, version, false);
      writer.EndObject();
    }
    writer.EndArray();
  }
  writer.TextIfAny("next_page_token", page.next_page_token);
  return writer.Finish();
}

Result<std::string> SetTag(const Call& call) {
  CAISSON_ASSIGN(const int64_t number, Version(call));
  CAISSON_TRY(call.services.registry.SetVersionTag(
      call.context, Name(call), number,
      {call.message["key"].AsString(), call.message["value"].AsString()}));
  return JsonWriter().Finish();
}

Result<std::string> DeleteTag(const Call& call) {
  CAISSON_ASSIGN(const int64_t number, Version(call));
  CAISSON_TRY(call.services.registry.DeleteVersionTag(call.context, Name(call), number,
                                                      call.message["key"].AsString()));
  return JsonWriter().Finish();
}

}  // namespace

std::vector<Endpoint> ModelVersionEndpoints() {
  using http::Method;
  return {
      {Method::kPost, "/mlflow/model-versions/create", Create, &kCreate, "Create a model version"},
      {Method::kGet, "/mlflow/model-versions/get", Get, &kOne, "Get a model version"},
      {Method::kPatch, "/mlflow/model-versions/update", Update, &kUpdate,
       "Describe a model version"},
      {Method::kPost, "/mlflow/model-versions/transition-stage", Transition, &kTransition,
       "Move a version to a stage"},
      {Method::kDelete, "/mlflow/model-versions/delete", Delete, &kOne, "Delete a model version"},
      {Method::kGet, "/mlflow/model-versions/get-download-uri", DownloadUri, &kDownload,
       "Where a version's files are"},
      {Method::kGet, "/mlflow/model-versions/search", Search, &kSearch, "Search model versions"},
      {Method::kPost, "/mlflow/model-versions/set-tag", SetTag, &kSetTag, "Set a tag of a version"},
      {Method::kDelete, "/mlflow/model-versions/delete-tag", DeleteTag, &kDeleteTag,
       "Delete a tag of a version"},
  };
}

}  // namespace caisson::mlflow::internal
