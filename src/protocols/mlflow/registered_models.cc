// Registered models and their aliases.
#include "protocols/mlflow/internal/endpoint.h"
#include "protocols/mlflow/internal/entities_json.h"

namespace caisson::mlflow::internal {
namespace {

const FieldChecks kName{"name", {Check::kString, Check::kRequired}};
const FieldChecks kKey{"key", {Check::kString, Check::kRequired}};
const FieldChecks kAlias{"alias", {Check::kString, Check::kRequired}};

const RequestShape kCreate{
    {{{"name"}, {"tags", FieldKind::kMessage, true, &KeyValueMessage()}, {"description"}}},
    {kName, {"tags", {Check::kArray}}, {"description", {Check::kString}}}};
const RequestShape kByName{{{{"name"}}}, {kName}};
const RequestShape kUpdate{{{{"name"}, {"description"}}},
                           {kName, {"description", {Check::kString}}}};
const RequestShape kRename{{{{"name"}, {"new_name"}}},
                           {kName, {"new_name", {Check::kString, Check::kRequired}}}};
const RequestShape kSearch{{{{"filter"},
                             {"max_results", FieldKind::kInt},
                             {"order_by", FieldKind::kString, true},
                             {"page_token"}}},
                           {{"filter", {Check::kString}},
                            {"max_results", {Check::kInt, Check::kAtMost1000}},
                            {"order_by", {Check::kArray, Check::kStringItems}},
                            {"page_token", {Check::kString}}}};
const RequestShape kLatest{{{{"name"}, {"stages", FieldKind::kString, true}}},
                           {kName, {"stages", {Check::kArray, Check::kStringItems}}}};
const RequestShape kSetTag{{{{"name"}, {"key"}, {"value"}}},
                           {kName, kKey, {"value", {Check::kString}}}};
const RequestShape kDeleteTag{{{{"name"}, {"key"}}}, {kName, kKey}};
const RequestShape kSetAlias{{{{"name"}, {"alias"}, {"version"}}},
                             {kName, kAlias, {"version", {Check::kString, Check::kRequired}}}};
const RequestShape kByAlias{{{{"name"}, {"alias"}}}, {kName, kAlias}};

std::string OneModel(const registry::RegisteredModel& model) {
  JsonWriter writer;
  writer.BeginObject("registered_model");
  WriteRegisteredModel(writer, model);
  writer.EndObject();
  return writer.Finish();
}

const std::string& Name(const Call& call) { return call.message["name"].AsString(); }

Result<std::string> Create(const Call& call) {
  CAISSON_ASSIGN(const registry::RegisteredModel model,
                 call.services.registry.CreateModel(call.context, Name(call),
                                                    call.message["description"].AsString(),
                                                    ReadTags(call.message["tags"])));
  return OneModel(model);
}

Result<std::string> Get(const Call& call) {
  CAISSON_ASSIGN(const registry::RegisteredModel model,
                 call.services.registry.GetModel(call.context, Name(call)));
  return OneModel(model);
}

Result<std::string> Update(const Call& call) {
  CAISSON_ASSIGN(const registry::RegisteredModel model,
                 call.services.registry.UpdateModel(call.context, Name(call),
                                                    call.message["description"].AsString()));
  return OneModel(model);
}

Result<std::string> Rename(const Call& call) {
  CAISSON_ASSIGN(const registry::RegisteredModel model,
                 call.services.registry.RenameModel(call.context, Name(call),
                                                    call.message["new_name"].AsString()));
  return OneModel(model);
}

Result<std::string> Delete(const Call& call) {
  CAISSON_TRY(call.services.registry.DeleteModel(call.context, Name(call)));
  return JsonWriter().Finish();
}

Result<std::string> Search(const Call& call) {
  registry::SearchRequest request;
  request.filter = call.message["filter"].AsString();
  request.max_results = call.message["max_results"].AsInt(100);
  request.order_by = Strings(call.message["order_by"]);
  request.page_token = call.message["page_token"].AsString();
  CAISSON_ASSIGN(const registry::Page<registry::RegisteredModel> page,
                 call.services.registry.SearchModels(call.context, request));
  JsonWriter writer;
  if (!page.items.empty()) {
    writer.BeginArray("registered_models");
    for (const registry::RegisteredModel& model : page.items) {
      writer.BeginItem();
      WriteRegisteredModel(writer, model);
      writer.EndObject();
    }
    writer.EndArray();
  }
  writer.TextIfAny("next_page_token", page.next_page_token);
  return writer.Finish();
}

Result<std::string> Latest(const Call& call) {
  CAISSON_ASSIGN(const std::vector<registry::ModelVersion> versions,
                 call.services.registry.GetLatestVersions(call.context, Name(call),
                                                          Strings(call.message["stages"])));
  JsonWriter writer;
  if (!versions.empty()) {
    writer.BeginArray("model_versions");
    for (const registry::ModelVersion& version : versions) {
      writer.BeginItem();
      WriteModelVersion(writer, version, true);
      writer.EndObject();
    }
    writer.EndArray();
  }
  return writer.Finish();
}

Result<std::string> SetTag(const Call& call) {
  CAISSON_TRY(call.services.registry.SetModelTag(
      call.context, Name(call),
      {call.message["key"].AsString(), call.message["value"].AsString()}));
  return JsonWriter().Finish();
}

Result<std::string> DeleteTag(const Call& call) {
  CAISSON_TRY(call.services.registry.DeleteModelTag(call.context, Name(call),
                                                    call.message["key"].AsString()));
  return JsonWriter().Finish();
}

Result<std::string> SetAlias(const Call& call) {
  CAISSON_TRY(registry::ValidateAliasFor(Name(call), call.message["alias"].AsString()));
  CAISSON_ASSIGN(const int64_t version,
                 registry::ParseVersionNumber(Name(call), call.message["version"].AsString()));
  CAISSON_TRY(call.services.registry.SetAlias(call.context, Name(call),
                                              call.message["alias"].AsString(), version));
  return JsonWriter().Finish();
}

Result<std::string> DeleteAlias(const Call& call) {
  CAISSON_TRY(call.services.registry.DeleteAlias(call.context, Name(call),
                                                 call.message["alias"].AsString()));
  return JsonWriter().Finish();
}

Result<std::string> GetByAlias(const Call& call) {
  CAISSON_ASSIGN(const registry::ModelVersion version,
                 call.services.registry.GetVersionByAlias(call.context, Name(call),
                                                          call.message["alias"].AsString()));
  JsonWriter writer;
  writer.BeginObject("model_version");
  WriteModelVersion(writer, version, true);
  writer.EndObject();
  return writer.Finish();
}

}  // namespace

std::vector<Endpoint> RegisteredModelEndpoints() {
  using http::Method;
  return {
      {Method::kPost, "/mlflow/registered-models/create", Create, &kCreate,
       "Create a registered model"},
      {Method::kGet, "/mlflow/registered-models/get", Get, &kByName, "Get a registered model"},
      {Method::kPatch, "/mlflow/registered-models/update", Update, &kUpdate,
       "Describe a registered model"},
      {Method::kPost, "/mlflow/registered-models/rename", Rename, &kRename,
       "Rename a registered model"},
      {Method::kDelete, "/mlflow/registered-models/delete", Delete, &kByName,
       "Delete a registered model"},
      {Method::kGet, "/mlflow/registered-models/search", Search, &kSearch,
       "Search registered models"},
      {Method::kPost, "/mlflow/registered-models/get-latest-versions", Latest, &kLatest,
       "The newest version of each stage"},
      {Method::kGet, "/mlflow/registered-models/get-latest-versions", Latest, &kLatest,
       "The newest version of each stage"},
      {Method::kPost, "/mlflow/registered-models/set-tag", SetTag, &kSetTag,
       "Set a tag of a registered model"},
      {Method::kDelete, "/mlflow/registered-models/delete-tag", DeleteTag, &kDeleteTag,
       "Delete a tag of a registered model"},
      {Method::kPost, "/mlflow/registered-models/alias", SetAlias, &kSetAlias,
       "Point an alias at a version"},
      {Method::kDelete, "/mlflow/registered-models/alias", DeleteAlias, &kByAlias,
       "Delete an alias"},
      {Method::kGet, "/mlflow/registered-models/alias", GetByAlias, &kByAlias,
       "The version that an alias names"},
  };
}

}  // namespace caisson::mlflow::internal
