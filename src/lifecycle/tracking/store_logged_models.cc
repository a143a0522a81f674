// The Store's logged models (MLflow 3).
#include <algorithm>

#include "base/ids.h"
#include "base/strings.h"
#include "lifecycle/tracking/internal/store_impl.h"
#include "lifecycle/tracking/python_text.h"
#include "lifecycle/tracking/sql_builder.h"
#include "lifecycle/tracking/validation.h"

namespace caisson::tracking {
namespace {

constexpr std::string_view kColumns =
    "l.model_id, l.experiment_id, l.name, l.artifact_uri, l.creation_time, l.last_update_time, "
    "l.status, "
    "l.status_message, l.model_type, l.source_run_id";

LoggedModel ReadModel(const sql::Row& row) {
  LoggedModel model;
  model.model_id = row.String(0);
  model.experiment_id = std::to_string(row.Int(1));
  model.name = row.String(2);
  model.artifact_uri = row.String(3);
  model.creation_time = row.Int(4);
  model.last_update_time = row.Int(5);
  model.status = static_cast<LoggedModelStatus>(row.Int(6));
  model.status_message = row.String(7);
  model.model_type = row.String(8);
  model.source_run_id = row.String(9);
  return model;
}

Status LoadParts(sql::Session& session, LoggedModel& model) {
  CAISSON_ASSIGN(
      model.params,
      session.QueryAll<Param>(
          "SELECT key, value FROM tracking_logged_model_params WHERE model_id = $1 ORDER BY key",
          {model.model_id}, [](const sql::Row& row) {
            return Param{row.String(0), row.String(1)};
          }));
  CAISSON_ASSIGN(
      model.tags,
      session.QueryAll<Tag>(
          "SELECT key, value FROM tracking_logged_model_tags WHERE model_id = $1 ORDER BY key",
          {model.model_id}, [](const sql::Row& row) {
            return Tag{row.String(0), row.String(1)};
          }));
  CAISSON_ASSIGN(
      model.metrics,
      session.QueryAll<LoggedModel::ModelMetric>(
          "SELECT key, value, is_nan, timestamp, step, dataset_name, dataset_digest, run_id FROM "
          "tracking_logged_model_metrics WHERE model_id = $1 ORDER BY key, timestamp, step, run_id",
          {model.model_id}, [&](const sql::Row& row) {
            Metric metric;
            metric.key = row.String(0);
            metric.value = internal::FromStored(row.Double(1), row.Int(2) != 0);
            metric.timestamp = row.Int(3);
            metric.step = row.Int(4);
            metric.dataset_name = row.String(5);
            metric.dataset_digest = row.String(6);
            metric.model_id = model.model_id;
            return LoggedModel::ModelMetric{std::move(metric), row.String(7)};
          }));
  return OkStatus();
}

Result<LoggedModel> FindModel(sql::Session& session, const std::string& model_id,
                              bool with_deleted) {
  static const std::string kText = fmt::format(
      "SELECT {}, l.lifecycle FROM tracking_logged_models l WHERE l.model_id = $1", kColumns);
  bool deleted = false;
  CAISSON_ASSIGN(std::optional<LoggedModel> model,
                 session.QueryOne<LoggedModel>(kText, {model_id}, [&](const sql::Row& row) {
                   deleted = row.Int(10) != 0;
                   return ReadModel(row);
                 }));
  if (!model.has_value() || (deleted && !with_deleted)) {
    return NotFound("Logged model with ID '{}' not found.", model_id);
  }
  CAISSON_TRY(LoadParts(session, *model));
  return *std::move(model);
}

Status PutModelTags(sql::Transaction& transaction, const std::string& model_id,
                    const std::vector<Tag>& tags) {
  for (const Tag& tag : tags) {
    CAISSON_TRY(
        transaction.Execute("INSERT INTO tracking_logged_model_tags (model_id, key, value) VALUES "
                            "($1, $2, $3) ON CONFLICT (model_id, key) DO "
                            "UPDATE SET value = excluded.value",
                            {model_id, tag.key, tag.value}));
  }
  return OkStatus();
}

Status PutModelParams(sql::Transaction& transaction, const std::string& model_id,
                      const std::vector<Param>& params) {
  for (const Param& param : params) {
    CAISSON_ASSIGN(const int64_t inserted,
                   transaction.Execute("INSERT INTO tracking_logged_model_params (model_id, key, "
                                       "value) VALUES ($1, $2, $3) ON "
                                       "CONFLICT DO NOTHING",
                                       {model_id, param.key, param.value}));
    if (inserted > 0) continue;
    CAISSON_ASSIGN(
        const std::optional<std::string> old,
        transaction.QueryOne<std::string>(
            "SELECT value FROM tracking_logged_model_params WHERE model_id = $1 AND key = $2",
            {model_id, param.key}, [](const sql::Row& row) { return row.String(0); }));
    if (old != param.value) {
      return InvalidArgument(
          "Changing param values is not allowed. Param with key='{}' was already logged with "
          "value='{}' for "
          "model ID='{}'. Attempted logging new value '{}'.",
          param.key, old.value_or(""), model_id, param.value);
    }
  }
  return OkStatus();
}

}  // namespace

Result<LoggedModel> Store::CreateLoggedModel(const Context& context,
                                             const CreateLoggedModelRequest& request) {
  CAISSON_TRY(ValidateLoggedModelName(request.name));
  const std::string model_id = "m-" + RandomHex(16);
  return impl_->tracking.WriteFor<LoggedModel>(
      context, [&](sql::Transaction& transaction) -> Result<LoggedModel> {
        CAISSON_ASSIGN(
            const Experiment experiment,
            internal::FindExperiment(transaction, context.project(), request.experiment_id));
        CAISSON_TRY(internal::CheckActive(experiment));
        CAISSON_ASSIGN(const int64_t experiment_id, ParseExperimentId(experiment.id));
        const std::string name =
            request.name.empty() ? internal::MakeUpName(model_id) : request.name;
        const std::string uri = internal::AppendToUri(experiment.artifact_location,
                                                      "models/" + model_id + "/artifacts");
        CAISSON_TRY(
            transaction.Execute("INSERT INTO tracking_logged_models (model_id, experiment_id, "
                                "name, artifact_uri, creation_time, last_update_time, "
                                "status, model_type, source_run_id, lifecycle) VALUES ($1, $2, $3, "
                                "$4, $5, $5, $6, $7, $8, 0)",
                                {model_id, experiment_id, name, uri, transaction.now(),
                                 static_cast<int>(LoggedModelStatus::kPending), request.model_type,
                                 request.source_run_id}));
        CAISSON_TRY(PutModelParams(transaction, model_id, request.params));
        CAISSON_TRY(PutModelTags(transaction, model_id, request.tags));
        internal::JournalEntry entry;
        entry.node = {"logged_model", model_id};
        entry.attributes = Json::Of({{"name", name}, {"artifact_uri", uri}});
        if (!request.source_run_id.empty())
          entry.edges.push_back({"produced_by", {"run", request.source_run_id}});
        CAISSON_TRY(internal::AppendJournal(transaction, *impl_->relay, entry));
        return FindModel(transaction, model_id, false);
      });
}

Result<LoggedModel> Store::GetLoggedModel(const Context& context, const std::string& model_id) {
  return impl_->tracking.ReadFor<LoggedModel>(
      context, [&](sql::Session& session) { return FindModel(session, model_id, false); });
}

Result<LoggedModel> Store::FinalizeLoggedModel(const Context& context, const std::string& model_id,
                                               LoggedModelStatus status) {
  return impl_->tracking.WriteFor<
      LoggedModel>(context, [&](sql::Transaction& transaction) -> Result<LoggedModel> {
    CAISSON_TRY(FindModel(transaction, model_id, true));
    CAISSON_TRY(transaction.Execute(
        "UPDATE tracking_logged_models SET status = $1, last_update_time = $2 WHERE model_id = $3",
        {static_cast<int>(status), transaction.now(), model_id}));
    return FindModel(transaction, model_id, true);
  });
}

Status Store::DeleteLoggedModel(const Context& context, const std::string& model_id) {
  return impl_->tracking.Write(context, [&](sql::Transaction& transaction) -> Status {
    CAISSON_TRY(FindModel(transaction, model_id, true));
    CAISSON_TRY(
        transaction.Execute("UPDATE tracking_logged_models SET lifecycle = 1, last_update_time = "
                            "$1 WHERE model_id = $2",
                            {transaction.now(), model_id}));
    internal::JournalEntry entry;
    entry.audit_action = "logged_model.delete";
    entry.audit_object = "logged_model/" + model_id;
    return internal::AppendJournal(transaction, *impl_->relay, entry);
  });
}

Status Store::SetLoggedModelTags(const Context& context, const std::string& model_id,
                                 const std::vector<Tag>& tags) {
  return impl_->tracking.Write(context, [&](sql::Transaction& transaction) -> Status {
    CAISSON_TRY(FindModel(transaction, model_id, true));
    return PutModelTags(transaction, model_id, tags);
  });
}

Status Store::DeleteLoggedModelTag(const Context& context, const std::string& model_id,
                                   const std::string& key) {
  return impl_->tracking.Write(context, [&](sql::Transaction& transaction) -> Status {
    CAISSON_TRY(FindModel(transaction, model_id, true));
    CAISSON_ASSIGN(const int64_t deleted,
                   transaction.Execute(
                       "DELETE FROM tracking_logged_model_tags WHERE model_id = $1 AND key = $2",
                       {model_id, key}));
    if (deleted == 0) {
      return NotFound("No tag with key {} found for model with ID {}.", PythonRepr(key),
                      PythonRepr(model_id));
    }
    return OkStatus();
  });
}

Status Store::LogLoggedModelParams(const Context& context, const std::string& model_id,
                                   const std::vector<Param>& params) {
  return impl_->tracking.Write(context, [&](sql::Transaction& transaction) -> Status {
    CAISSON_TRY(FindModel(transaction, model_id, true));
    return PutModelParams(transaction, model_id, params);
  });
}

namespace {

void AddDatasetFilter(SqlBuilder& sql,
                      const std::vector<SearchLoggedModelsRequest::DatasetFilter>& datasets) {
  sql.Add(" AND (");
  for (size_t i = 0; i < datasets.size(); ++i) {
    sql.Add(i == 0 ? "(" : " OR (")
        .Add("f.dataset_name = ")
        .Bind(std::string_view(datasets[i].name));
    if (!datasets[i].digest.empty())
      sql.Add(" AND f.dataset_digest = ").Bind(std::string_view(datasets[i].digest));
    sql.Add(")");
  }
  sql.Add(")");
}

std::string_view ModelColumn(std::string_view key) {
  if (key == "creation_timestamp_ms" || key == "creation_timestamp" || key == "creation_time")
    return "l.creation_time";
  if (key == "last_updated_timestamp_ms" || key == "last_updated_timestamp")
    return "l.last_update_time";
  if (key == "name") return "l.name";
  if (key == "model_id") return "l.model_id";
  if (key == "model_type") return "l.model_type";
  if (key == "source_run_id") return "l.source_run_id";
  if (key == "status") return "l.status";
  return "l.experiment_id";
}

void AddModelFilter(SqlBuilder& sql, const Comparison& comparison,
                    const std::vector<SearchLoggedModelsRequest::DatasetFilter>& datasets) {
  sql.Add(" AND ");
  if (comparison.entity == FilterEntity::kAttribute) {
    if (comparison.number.has_value()) {
      AddNumberCondition(sql, ModelColumn(comparison.key), comparison, true);
    } else {
      AddTextCondition(sql, ModelColumn(comparison.key), comparison);
    }
    return;
  }
  const std::string_view table =
      comparison.entity == FilterEntity::kMetric      ? "tracking_logged_model_metrics"
      : comparison.entity == FilterEntity::kParameter ? "tracking_logged_model_params"
                                                      : "tracking_logged_model_tags";
  sql.Add("EXISTS (SELECT 1 FROM ").Add(table).Add(" f WHERE f.model_id = l.model_id AND f.key = ");
  sql.Bind(std::string_view(comparison.key)).Add(" AND ");
  if (comparison.entity == FilterEntity::kMetric) {
    AddNumberCondition(sql, "f.value", comparison, false);
    if (!datasets.empty()) AddDatasetFilter(sql, datasets);
  } else {
    AddTextCondition(sql, "f.value", comparison);
  }
  sql.Add(")");
}

// The two columns of one order_by clause: what is missing comes last, then the value.
Status AddModelOrder(const SearchLoggedModelsRequest::Order& order,
                     std::vector<SortColumn>& columns) {
  const bool ascending = order.ascending.value_or(true);
  const size_t dot = order.field_name.find('.');
  if (dot == std::string::npos) {
    static constexpr std::string_view kKnown[] = {
        "name",          "model_id",      "model_type",         "status",
        "source_run_id", "creation_time", "creation_timestamp", "last_updated_timestamp"};
    if (std::find(std::begin(kKnown), std::end(kKnown), order.field_name) == std::end(kKnown)) {
      return InvalidArgument("Invalid order by field name: {}", order.field_name);
    }
    const std::string_view column = ModelColumn(order.field_name);
    const bool text =
        column != "l.creation_time" && column != "l.last_update_time" && column != "l.status";
    columns.push_back(
        {fmt::format("COALESCE({}, {})", column, text ? "''" : "0"), ascending, text});
    return OkStatus();
  }
  if (order.field_name.substr(0, dot) != "metrics") {
    return InvalidArgument("Invalid order by field name: {}. Only metrics are supported.",
                           order.field_name);
  }
  // The newest value of the metric. Names were checked by no one, so that they go in as SQL text
  // with their quotes doubled.
  const auto quote = [](std::string_view text) { return "'" + ReplaceAll(text, "'", "''") + "'"; };
  std::string value = fmt::format(
      "(SELECT o.value FROM tracking_logged_model_metrics o WHERE o.model_id = l.model_id AND "
      "o.key = {}",
      quote(order.field_name.substr(dot + 1)));
  if (!order.dataset_name.empty()) value += " AND o.dataset_name = " + quote(order.dataset_name);
  if (!order.dataset_digest.empty())
    value += " AND o.dataset_digest = " + quote(order.dataset_digest);
  value += " ORDER BY o.timestamp DESC, o.step DESC, o.run_id LIMIT 1)";
  columns.push_back({fmt::format("CASE WHEN {} IS NULL THEN 1 ELSE 0 END", value), true});
  columns.push_back({fmt::format("COALESCE({}, 0)", value), ascending, false, true});
  return OkStatus();
}

// A token only continues the search that it came from.
Json QueryIdentity(const SearchLoggedModelsRequest& request) {
  Json order = Json::MakeArray();
  for (const auto& item : request.order_by) {
    order.Append(
        Json::Of({{"field", item.field_name}, {"ascending", item.ascending.value_or(true)}}));
  }
  return Json::Of({{"experiment_ids", Json::ArrayOf(request.experiment_ids)},
                   {"filter", request.filter},
                   {"order_by", order}});
}

Status CheckToken(const Json& token, const SearchLoggedModelsRequest& request) {
  const Json identity = QueryIdentity(request);
  const Json& found = token["query"];
  if (found["experiment_ids"] != identity["experiment_ids"]) {
    return InvalidArgument(
        "Experiment IDs in the page token do not match the requested experiment IDs. Expected: {}. "
        "Found: {}",
        WriteJson(identity["experiment_ids"]), WriteJson(found["experiment_ids"]));
  }
  if (found["filter"] != identity["filter"]) {
    return InvalidArgument(
        "Filter string in the page token does not match the requested filter string. Expected: {}. "
        "Found: {}",
        request.filter, found["filter"].AsString());
  }
  if (found["order_by"] != identity["order_by"]) {
    return InvalidArgument(
        "Order by in the page token does not match the requested order by. Expected: {}. Found: {}",
        WriteJson(identity["order_by"]), WriteJson(found["order_by"]));
  }
  return OkStatus();
}

}  // namespace

Result<Page<LoggedModel>> Store::SearchLoggedModels(const Context& context,
                                                    const SearchLoggedModelsRequest& request) {
  for (const auto& dataset : request.datasets) {
    if (dataset.name.empty())
      return InvalidArgument("`dataset_name` in the `datasets` clause must be specified.");
  }
  CAISSON_ASSIGN(const std::vector<Comparison> filter,
                 ParseFilter(FilterDialect::kLoggedModels, request.filter));
  std::vector<SortColumn> order;
  for (const auto& clause : request.order_by) CAISSON_TRY(AddModelOrder(clause, order));
  order.push_back({"l.creation_time", false});
  order.push_back({"l.model_id", true, true});
  std::vector<int64_t> experiment_ids;
  for (const std::string& id : request.experiment_ids) {
    CAISSON_ASSIGN(const int64_t number, ParseExperimentId(id));
    experiment_ids.push_back(number);
  }
  SqlBuilder sql;
  sql.Add("SELECT ").Add(kColumns);
  for (const SortColumn& column : order) sql.Add(", ").Add(column.expression);
  sql.Add(" FROM tracking_logged_models l WHERE l.lifecycle = 0 AND l.experiment_id IN ")
      .BindList(experiment_ids);
  bool has_metric_filter = false;
  for (const Comparison& comparison : filter) {
    has_metric_filter = has_metric_filter || comparison.entity == FilterEntity::kMetric;
    AddModelFilter(sql, comparison, request.datasets);
  }
  if (!request.datasets.empty() && !has_metric_filter) {
    sql.Add(
        " AND EXISTS (SELECT 1 FROM tracking_logged_model_metrics f WHERE f.model_id = l.model_id");
    AddDatasetFilter(sql, request.datasets);
    sql.Add(")");
  }
  if (!request.page_token.empty()) {
    CAISSON_ASSIGN(const Json token, DecodePageToken(request.page_token));
    CAISSON_TRY(CheckToken(token, request));
    CAISSON_TRY(AddKeysetCondition(sql, order, token["after"]));
  }
  AddOrder(sql, order);
  const int64_t limit = request.max_results > 0 ? request.max_results : 100;
  sql.Add(" LIMIT ").Bind(limit + 1);
  return impl_->tracking.ReadFor<Page<LoggedModel>>(
      context, [&](sql::Session& session) -> Result<Page<LoggedModel>> {
        Page<LoggedModel> page;
        Json last;
        bool more = false;
        CAISSON_TRY(session.Query(sql.text(), sql.parameters(), [&](const sql::Row& row) {
          if (static_cast<int64_t>(page.items.size()) == limit) {
            more = true;
            return OkStatus();
          }
          page.items.push_back(ReadModel(row));
          last = SortValues(row, 10, order);
          return OkStatus();
        }));
        for (LoggedModel& model : page.items) CAISSON_TRY(LoadParts(session, model));
        if (more)
          page.next_page_token =
              EncodePageToken(Json::Of({{"after", last}, {"query", QueryIdentity(request)}}));
        return page;
      });
}

}  // namespace caisson::tracking
