// Logged models.
#include "protocols/mlflow/internal/endpoint.h"
#include "protocols/mlflow/internal/entities_json.h"

namespace caisson::mlflow::internal {
namespace {

const std::vector<std::string_view> kStatuses = {"LOGGED_MODEL_STATUS_UNSPECIFIED",
                                                 "LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY",
                                                 "LOGGED_MODEL_UPLOAD_FAILED"};
const RequestShape kCreate{{{{"experiment_id"},
                             {"name"},
                             {"model_type"},
                             {"source_run_id"},
                             {"params", FieldKind::kMessage, true, &KeyValueMessage()},
                             {"tags", FieldKind::kMessage, true, &KeyValueMessage()}}},
                           {{"experiment_id", {Check::kString, Check::kRequired}},
                            {"name", {Check::kString}},
                            {"model_type", {Check::kString}},
                            {"source_run_id", {Check::kString}},
                            {"params", {Check::kArray}},
                            {"tags", {Check::kArray}}}};
const RequestShape kFinalize{
    {{{"model_id"}, {"status", FieldKind::kEnum, false, nullptr, &kStatuses}}},
    {{"model_id", {Check::kString, Check::kRequired}},
     {"status", {Check::kInt, Check::kRequired}}}};
const RequestShape kTags{{{{"tags", FieldKind::kMessage, true, &KeyValueMessage()}}},
                         {{"tags", {Check::kArray}}}};
const RequestShape kParams{
    {{{"model_id"}, {"params", FieldKind::kMessage, true, &KeyValueMessage()}}},
    {{"model_id", {Check::kString, Check::kRequired}}, {"params", {Check::kArray}}}};
const Message kDatasetFilter{{{"dataset_name"}, {"dataset_digest"}}};
const Message kOrderBy{
    {{"field_name"}, {"ascending", FieldKind::kBool}, {"dataset_name"}, {"dataset_digest"}}};
const RequestShape kSearch{
    {{{"experiment_ids", FieldKind::kString, true},
      {"filter"},
      {"datasets", FieldKind::kMessage, true, &kDatasetFilter},
      {"max_results", FieldKind::kInt},
      {"order_by", FieldKind::kMessage, true, &kOrderBy},
      {"page_token"}}},
    {{"experiment_ids", {Check::kArray, Check::kStringItems, Check::kRequired}},
     {"filter", {Check::kString}},
     {"datasets", {Check::kArray}},
     {"max_results", {Check::kInt}},
     {"order_by", {Check::kArray}},
     {"page_token", {Check::kString}}}};

std::string OneModel(const tracking::LoggedModel& model) {
  JsonWriter writer;
  writer.BeginObject("model");
  WriteLoggedModel(writer, model);
  writer.EndObject();
  return writer.Finish();
}

std::string ModelId(const Call& call) { return std::string(call.request.Path("model_id")); }

Result<std::string> Create(const Call& call) {
  tracking::CreateLoggedModelRequest request;
  request.experiment_id = call.message["experiment_id"].AsString();
  request.name = call.message["name"].AsString();
  request.model_type = call.message["model_type"].AsString();
  request.source_run_id = call.message["source_run_id"].AsString();
  request.params = ReadParams(call.message["params"]);
  request.tags = ReadTags(call.message["tags"]);
  CAISSON_ASSIGN(const tracking::LoggedModel model,
                 call.services.tracking.CreateLoggedModel(call.context, request));
  return OneModel(model);
}

Result<std::string> Get(const Call& call) {
  CAISSON_ASSIGN(const tracking::LoggedModel model,
                 call.services.tracking.GetLoggedModel(call.context, ModelId(call)));
  return OneModel(model);
}

Result<std::string> Finalize(const Call& call) {
  const auto status = tracking::ParseLoggedModelStatus(call.message["status"].AsString());
  CAISSON_ASSIGN(
      const tracking::LoggedModel model,
      call.services.tracking.FinalizeLoggedModel(
          call.context, ModelId(call), status.value_or(tracking::LoggedModelStatus::kUnspecified)));
  return OneModel(model);
}

Result<std::string> Delete(const Call& call) {
  CAISSON_TRY(call.services.tracking.DeleteLoggedModel(call.context, ModelId(call)));
  return JsonWriter().Finish();
}

Result<std::string> SetTags(const Call& call) {
  CAISSON_TRY(call.services.tracking.SetLoggedModelTags(call.context, ModelId(call),
                                                        ReadTags(call.message["tags"])));
  return JsonWriter().Finish();
}

Result<std::string> DeleteTag(const Call& call) {
  CAISSON_TRY(call.services.tracking.DeleteLoggedModelTag(
      call.context, ModelId(call), std::string(call.request.Path("tag_key"))));
  return JsonWriter().Finish();
}

Result<std::string> LogParams(const Call& call) {
  CAISSON_TRY(call.services.tracking.LogLoggedModelParams(call.context, ModelId(call),
                                                          ReadParams(call.message["params"])));
  return JsonWriter().Finish();
}

Result<std::string> Search(const Call& call) {
  tracking::SearchLoggedModelsRequest request;
  request.experiment_ids = Strings(call.message["experiment_ids"]);
  request.filter = call.message["filter"].AsString();
  for (const Json& item : call.message["datasets"].array()) {
    request.datasets.push_back(
        {item["dataset_name"].AsString(), item["dataset_digest"].AsString()});
  }
  for (const Json& item : call.message["order_by"].array()) {
    tracking::SearchLoggedModelsRequest::Order order;
    order.field_name = item["field_name"].AsString();
    if (const Json* ascending = item.Find("ascending")) order.ascending = ascending->AsBool();
    order.dataset_name = item["dataset_name"].AsString();
    order.dataset_digest = item["dataset_digest"].AsString();
    request.order_by.push_back(std::move(order));
  }
  request.max_results = call.message["max_results"].AsInt(50);
  request.page_token = call.message["page_token"].AsString();
  CAISSON_ASSIGN(const tracking::Page<tracking::LoggedModel> page,
                 call.services.tracking.SearchLoggedModels(call.context, request));
  JsonWriter writer;
  if (!page.items.empty()) {
    writer.BeginArray("models");
    for (const tracking::LoggedModel& model : page.items) {
      writer.BeginItem();
      WriteLoggedModel(writer, model);
      writer.EndObject();
    }
    writer.EndArray();
  }
  writer.TextIfAny("next_page_token", page.next_page_token);
  return writer.Finish();
}

}  // namespace

std::vector<Endpoint> LoggedModelEndpoints() {
  using http::Method;
  return {
      {Method::kPost, "/mlflow/logged-models", Create, &kCreate, "Create a logged model"},
      {Method::kPost, "/mlflow/logged-models/search", Search, &kSearch, "Search logged models"},
      {Method::kGet, "/mlflow/logged-models/{model_id}", Get, nullptr, "Get a logged model"},
      {Method::kPatch, "/mlflow/logged-models/{model_id}", Finalize, &kFinalize,
       "Say that a logged model is ready or failed"},
      {Method::kDelete, "/mlflow/logged-models/{model_id}", Delete, nullptr,
       "Delete a logged model"},
      {Method::kPatch, "/mlflow/logged-models/{model_id}/tags", SetTags, &kTags,
       "Set tags of a logged model"},
      {Method::kDelete, "/mlflow/logged-models/{model_id}/tags/{tag_key}", DeleteTag, nullptr,
       "Delete a tag of a logged model"},
      {Method::kPost, "/mlflow/logged-models/{model_id}/params", LogParams, &kParams,
       "Log params of a logged model"},
  };
}

}  // namespace caisson::mlflow::internal
