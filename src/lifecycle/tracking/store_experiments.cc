// The Store's experiments.
#include "base/files.h"
#include "lifecycle/tracking/internal/store_impl.h"
#include "lifecycle/tracking/sql_builder.h"
#include "lifecycle/tracking/validation.h"

namespace caisson::tracking {
namespace {

using internal::FindExperiment;

constexpr size_t kMaxArtifactLocation = 2'048;

// A location without a scheme is a folder of this machine, relative to where the server was
// started.
std::string ResolveLocation(const std::string& location, const StoreOptions& options) {
  const size_t colon = location.find(':');
  const size_t slash = location.find('/');
  if (colon != std::string::npos && colon < slash) return location;
  if (location.starts_with('/')) return NormalizePath(location);
  return NormalizePath(options.working_directory + "/" + location);
}

Status CheckExperimentName(sql::Session& session, std::string_view project,
                           const std::string& name) {
  CAISSON_ASSIGN(const std::optional<int64_t> taken,
                 session.QueryOne<int64_t>(
                     "SELECT 1 FROM tracking_experiments WHERE project = $1 AND name = $2",
                     {project, name}, [](const sql::Row& row) { return row.Int(0); }));
  if (taken.has_value()) return AlreadyExists("Experiment(name={}) already exists.", name);
  return OkStatus();
}

Status PutExperimentTag(sql::Transaction& transaction, int64_t id, const Tag& tag) {
  CAISSON_TRY(
      transaction.Execute("INSERT INTO tracking_experiment_tags (experiment_id, key, value) VALUES "
                          "($1, $2, $3) ON CONFLICT (experiment_id, key) "
                          "DO UPDATE SET value = excluded.value",
                          {id, tag.key, tag.value}));
  return OkStatus();
}

internal::JournalEntry AuditEntry(std::string action, const std::string& id, Json detail) {
  internal::JournalEntry entry;
  entry.audit_action = std::move(action);
  entry.audit_object = "experiment/" + id;
  entry.audit_detail = std::move(detail);
  return entry;
}

// Moves an experiment and all its runs from one stage to the other.
Status MoveExperiment(sql::Transaction& transaction, internal::Relay& relay, const std::string& id,
                      LifecycleStage from, LifecycleStage to) {
  CAISSON_ASSIGN(const Experiment experiment,
                 FindExperiment(transaction, transaction.context().project(), id));
  if (experiment.lifecycle != from)
    return NotFound("No Experiment with id={} exists", experiment.id);
  CAISSON_ASSIGN(const int64_t number, ParseExperimentId(experiment.id));
  const int64_t now = transaction.now();
  CAISSON_TRY(
      transaction.Execute("UPDATE tracking_experiments SET lifecycle = $1, last_update_time = $2 "
                          "WHERE experiment_id = $3",
                          {static_cast<int>(to), now, number}));
  const std::optional<int64_t> deleted_time =
      to == LifecycleStage::kDeleted ? std::optional<int64_t>(now) : std::nullopt;
  CAISSON_TRY(transaction.Execute(
      "UPDATE tracking_runs SET lifecycle = $1, deleted_time = $2 WHERE experiment_id = $3",
      {static_cast<int>(to), deleted_time, number}));
  const std::string action =
      to == LifecycleStage::kDeleted ? "experiment.delete" : "experiment.restore";
  return internal::AppendJournal(
      transaction, relay, AuditEntry(action, experiment.id, Json::Of({{"name", experiment.name}})));
}

}  // namespace

Result<std::string> Store::CreateExperiment(const Context& context, const std::string& name,
                                            const std::string& artifact_location,
                                            const std::vector<Tag>& tags) {
  CAISSON_TRY(ValidateExperimentName(name));
  std::string location;
  if (!artifact_location.empty()) {
    location = ResolveLocation(artifact_location, impl_->options);
    if (location.size() > kMaxArtifactLocation) {
      return InvalidArgument(
          "Invalid artifact path length. The length of the artifact path cannot be greater than {} "
          "characters. To configure "
          "this limit, please set the MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH environment variable.",
          kMaxArtifactLocation);
    }
  }
  for (const Tag& tag : tags) CAISSON_TRY(ValidateExperimentTag(tag));
  return impl_->tracking.WriteFor<std::string>(
      context, [&](sql::Transaction& transaction) -> Result<std::string> {
        CAISSON_TRY(CheckExperimentName(transaction, context.project(), name));
        CAISSON_ASSIGN(const std::optional<int64_t> id,
                       transaction.QueryOne<int64_t>(
                           "SELECT COALESCE(MAX(experiment_id), 0) + 1 FROM tracking_experiments",
                           {}, [](const sql::Row& row) { return row.Int(0); }));
        const std::string text = std::to_string(id.value_or(1));
        CAISSON_TRY(transaction.Execute(
            "INSERT INTO tracking_experiments (experiment_id, project, name, artifact_location, "
            "lifecycle, creation_time, "
            "last_update_time) VALUES ($1, $2, $3, $4, 0, $5, $5)",
            {id.value_or(1), context.project(), name,
             location.empty() ? internal::AppendToUri(impl_->options.artifact_root, text)
                              : location,
             transaction.now()}));
        for (const Tag& tag : tags) CAISSON_TRY(PutExperimentTag(transaction, id.value_or(1), tag));
        CAISSON_TRY(internal::AppendJournal(
            transaction, *impl_->relay,
            AuditEntry("experiment.create", text, Json::Of({{"name", name}}))));
        return text;
      });
}

Result<Experiment> Store::GetExperiment(const Context& context, const std::string& id) {
  return impl_->tracking.ReadFor<Experiment>(context, [&](sql::Session& session) {
    return FindExperiment(session, context.project(), id);
  });
}

Result<Experiment> Store::GetExperimentByName(const Context& context, const std::string& name) {
  return impl_->tracking.ReadFor<Experiment>(
      context, [&](sql::Session& session) -> Result<Experiment> {
        CAISSON_ASSIGN(
            const std::optional<int64_t> id,
            session.QueryOne<int64_t>(
                "SELECT experiment_id FROM tracking_experiments WHERE project = $1 AND name = $2",
                {context.project(), name}, [](const sql::Row& row) { return row.Int(0); }));
        if (!id.has_value()) return NotFound("Could not find experiment with name '{}'", name);
        return FindExperiment(session, context.project(), std::to_string(*id));
      });
}

Status Store::DeleteExperiment(const Context& context, const std::string& id) {
  return impl_->tracking.Write(context, [&](sql::Transaction& transaction) {
    return MoveExperiment(transaction, *impl_->relay, id, LifecycleStage::kActive,
                          LifecycleStage::kDeleted);
  });
}

Status Store::RestoreExperiment(const Context& context, const std::string& id) {
  return impl_->tracking.Write(context, [&](sql::Transaction& transaction) {
    return MoveExperiment(transaction, *impl_->relay, id, LifecycleStage::kDeleted,
                          LifecycleStage::kActive);
  });
}

Status Store::RenameExperiment(const Context& context, const std::string& id,
                               const std::string& name) {
  CAISSON_TRY(ValidateExperimentName(name));
  return impl_->tracking.Write(context, [&](sql::Transaction& transaction) -> Status {
    CAISSON_ASSIGN(const Experiment experiment, FindExperiment(transaction, context.project(), id));
    if (experiment.lifecycle != LifecycleStage::kActive) {
      return FailedPrecondition("Cannot rename a non-active experiment.");
    }
    if (name != experiment.name)
      CAISSON_TRY(CheckExperimentName(transaction, context.project(), name));
    CAISSON_ASSIGN(const int64_t number, ParseExperimentId(experiment.id));
    CAISSON_TRY(transaction.Execute(
        "UPDATE tracking_experiments SET name = $1, last_update_time = $2 WHERE experiment_id = $3",
        {name, transaction.now(), number}));
    return internal::AppendJournal(transaction, *impl_->relay,
                                   AuditEntry("experiment.rename", experiment.id,
                                              Json::Of({{"from", experiment.name}, {"to", name}})));
  });
}

Status Store::SetExperimentTag(const Context& context, const std::string& id, const Tag& tag) {
  CAISSON_TRY(ValidateExperimentTag(tag));
  return impl_->tracking.Write(context, [&](sql::Transaction& transaction) -> Status {
    CAISSON_ASSIGN(const Experiment experiment, FindExperiment(transaction, context.project(), id));
    CAISSON_TRY(internal::CheckActive(experiment));
    CAISSON_ASSIGN(const int64_t number, ParseExperimentId(experiment.id));
    return PutExperimentTag(transaction, number, tag);
  });
}

Status Store::DeleteExperimentTag(const Context& context, const std::string& id,
                                  const std::string& key) {
  return impl_->tracking.Write(context, [&](sql::Transaction& transaction) -> Status {
    CAISSON_ASSIGN(const Experiment experiment, FindExperiment(transaction, context.project(), id));
    CAISSON_TRY(internal::CheckActive(experiment));
    CAISSON_ASSIGN(const int64_t number, ParseExperimentId(experiment.id));
    CAISSON_ASSIGN(const int64_t deleted,
                   transaction.Execute(
                       "DELETE FROM tracking_experiment_tags WHERE experiment_id = $1 AND key = $2",
                       {number, key}));
    if (deleted == 0) return NotFound("No tag with name: {} in experiment with id {}", key, id);
    return OkStatus();
  });
}

namespace {

void AddExperimentFilter(SqlBuilder& sql, const Comparison& comparison) {
  sql.Add(" AND ");
  if (comparison.entity == FilterEntity::kTag) {
    if (comparison.comparator == Comparator::kIsNull) sql.Add("NOT ");
    sql.Add(
           "EXISTS (SELECT 1 FROM tracking_experiment_tags t WHERE t.experiment_id = "
           "e.experiment_id AND t.key = ")
        .Bind(std::string_view(comparison.key));
    if (comparison.comparator != Comparator::kIsNull &&
        comparison.comparator != Comparator::kIsNotNull) {
      sql.Add(" AND ");
      AddTextCondition(sql, "t.value", comparison);
    }
    sql.Add(")");
  } else if (comparison.number.has_value()) {
    AddNumberCondition(sql, "e." + comparison.key, comparison, true);
  } else {
    AddTextCondition(sql, "e." + comparison.key, comparison);
  }
}

bool IsExperimentId(const Comparison& comparison) {
  return comparison.entity == FilterEntity::kAttribute && comparison.key == "experiment_id";
}

// Ids in a filter are texts; the column is a number.
Status AddExperimentIdFilter(SqlBuilder& sql, const Comparison& comparison) {
  std::vector<int64_t> ids;
  for (const std::string& text :
       comparison.list.empty() ? std::vector<std::string>{comparison.text} : comparison.list) {
    CAISSON_ASSIGN(const int64_t id, ParseExperimentId(text));
    ids.push_back(id);
  }
  const bool negative =
      comparison.comparator == Comparator::kNotEqual || comparison.comparator == Comparator::kNotIn;
  sql.Add(negative ? " AND e.experiment_id NOT IN " : " AND e.experiment_id IN ").BindList(ids);
  return OkStatus();
}

Result<std::vector<SortColumn>> ExperimentOrder(const std::vector<std::string>& order_by) {
  const std::vector<std::string> standard = {"creation_time DESC", "experiment_id ASC"};
  std::vector<SortColumn> columns;
  bool has_id = false;
  for (const std::string& text : order_by.empty() ? standard : order_by) {
    CAISSON_ASSIGN(const OrderKey key, ParseOrderBy(FilterDialect::kExperiments, text));
    has_id = has_id || key.key == "experiment_id";
    columns.push_back({"e." + key.key, key.ascending, key.key == "name"});
  }
  if (!has_id) columns.push_back({"e.experiment_id", false});
  return columns;
}

}  // namespace

Result<Page<Experiment>> Store::SearchExperiments(const Context& context,
                                                  const SearchExperimentsRequest& request) {
  CAISSON_TRY(ValidateMaxResults(request.max_results));
  CAISSON_ASSIGN(const std::vector<Comparison> filter,
                 ParseFilter(FilterDialect::kExperiments, request.filter));
  for (const Comparison& comparison : filter) {
    SqlBuilder checked;  // ids in the filter are looked at before the order, as MLflow does
    if (IsExperimentId(comparison)) CAISSON_TRY(AddExperimentIdFilter(checked, comparison));
  }
  CAISSON_ASSIGN(const std::vector<SortColumn> order, ExperimentOrder(request.order_by));
  SqlBuilder sql;
  sql.Add(
      "SELECT e.experiment_id, e.name, e.artifact_location, e.lifecycle, e.creation_time, "
      "e.last_update_time");
  for (const SortColumn& column : order) sql.Add(", ").Add(column.expression);
  sql.Add(" FROM tracking_experiments e WHERE e.project = ")
      .Bind(std::string_view(context.project()));
  if (request.view != ViewType::kAll) {
    sql.Add(request.view == ViewType::kActiveOnly ? " AND e.lifecycle = 0"
                                                  : " AND e.lifecycle = 1");
  }
  for (const Comparison& comparison : filter) {
    if (IsExperimentId(comparison)) {
      CAISSON_TRY(AddExperimentIdFilter(sql, comparison));
    } else {
      AddExperimentFilter(sql, comparison);
    }
  }
  if (!request.page_token.empty()) {
    CAISSON_ASSIGN(const Json token, DecodePageToken(request.page_token));
    CAISSON_TRY(AddKeysetCondition(sql, order, token["after"]));
  }
  AddOrder(sql, order);
  sql.Add(" LIMIT ").Bind(request.max_results + 1);
  return impl_->tracking.ReadFor<Page<Experiment>>(
      context, [&](sql::Session& session) -> Result<Page<Experiment>> {
        Page<Experiment> page;
        Json last;
        bool more = false;
        CAISSON_TRY(session.Query(sql.text(), sql.parameters(), [&](const sql::Row& row) {
          if (static_cast<int64_t>(page.items.size()) == request.max_results) {
            more = true;
            return OkStatus();
          }
          Experiment experiment;
          experiment.id = std::to_string(row.Int(0));
          experiment.name = row.String(1);
          experiment.artifact_location = row.String(2);
          experiment.lifecycle = static_cast<LifecycleStage>(row.Int(3));
          experiment.creation_time = row.Int(4);
          experiment.last_update_time = row.Int(5);
          last = SortValues(row, 6, order);
          page.items.push_back(std::move(experiment));
          return OkStatus();
        }));
        for (Experiment& experiment : page.items) {
          CAISSON_ASSIGN(const int64_t number, ParseExperimentId(experiment.id));
          CAISSON_ASSIGN(experiment.tags, internal::LoadExperimentTags(session, number));
        }
        if (more) page.next_page_token = EncodePageToken(Json::Of({{"after", last}}));
        return page;
      });
}

}  // namespace caisson::tracking
