// The Store's runs.
#include "base/ids.h"
#include "lifecycle/tracking/internal/store_impl.h"
#include "lifecycle/tracking/validation.h"

namespace caisson::tracking {
namespace {

using internal::FindActiveRun;
using internal::FindRun;
using internal::RunRow;

lineage::NodeId RunNode(const std::string& run_id) { return {"run", run_id}; }

internal::JournalEntry RunEntry(const RunInfo& info) {
  internal::JournalEntry entry;
  entry.node = RunNode(info.run_id);
  entry.attributes = Json::Of({{"name", info.run_name},
                               {"experiment_id", info.experiment_id},
                               {"status", std::string(RunStatusName(info.status))},
                               {"start_time", FormatTime(info.start_time)}});
  if (info.end_time.has_value()) entry.attributes.Set("end_time", FormatTime(*info.end_time));
  return entry;
}

Status MoveRun(sql::Transaction& transaction, internal::Relay& relay, const std::string& run_id,
               LifecycleStage to) {
  CAISSON_ASSIGN(const RunRow run, FindRun(transaction, run_id));
  const bool deleted = to == LifecycleStage::kDeleted;
  CAISSON_TRY(transaction.Execute(
      "UPDATE tracking_runs SET lifecycle = $1, deleted_time = $2 WHERE run_key = $3",
      {static_cast<int>(to), deleted ? std::optional<int64_t>(transaction.now()) : std::nullopt,
       run.key}));
  internal::JournalEntry entry;
  entry.audit_action = deleted ? "run.delete" : "run.restore";
  entry.audit_object = "run/" + run_id;
  entry.audit_detail =
      Json::Of({{"name", run.info.run_name}, {"experiment_id", run.info.experiment_id}});
  return internal::AppendJournal(transaction, relay, entry);
}

// The tags of a new run and its name, which is the argument, the tag, or made up.
struct NamedTags {
  std::string name;
  std::vector<Tag> tags;
};
Result<NamedTags> NameRun(const CreateRunRequest& request, const std::string& run_id) {
  NamedTags named;
  std::string tag_name;
  for (const Tag& tag : request.tags) {
    if (tag.key == internal::kRunNameTag) tag_name = tag.value;
    named.tags.push_back(tag);
  }
  if (!request.name.empty() && !tag_name.empty() && request.name != tag_name) {
    return InvalidArgument(
        "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different "
        "values (run_name='{}', "
        "mlflow.runName='{}').",
        request.name, tag_name);
  }
  named.name = !request.name.empty() ? request.name
               : !tag_name.empty()   ? tag_name
                                     : internal::MakeUpName(run_id);
  if (tag_name.empty()) named.tags.push_back({std::string(internal::kRunNameTag), named.name});
  return named;
}

}  // namespace

Result<Run> Store::CreateRun(const Context& context, const CreateRunRequest& request) {
  const std::string run_id = RandomHex(16);
  CAISSON_ASSIGN(const NamedTags named, NameRun(request, run_id));
  return impl_->tracking.WriteFor<Run>(context, [&](sql::Transaction& transaction) -> Result<Run> {
    CAISSON_ASSIGN(const Experiment experiment,
                   internal::FindExperiment(transaction, context.project(), request.experiment_id));
    CAISSON_TRY(internal::CheckActive(experiment));
    CAISSON_ASSIGN(const int64_t experiment_id, ParseExperimentId(experiment.id));
    Run run;
    run.info.run_id = run_id;
    run.info.experiment_id = experiment.id;
    run.info.run_name = named.name;
    run.info.user_id = request.user_id;
    run.info.start_time = request.start_time;
    run.info.artifact_uri =
        internal::AppendToUri(experiment.artifact_location, run_id + "/artifacts");
    run.tags = named.tags;
    CAISSON_TRY(transaction.Execute(
        "INSERT INTO tracking_runs (run_id, experiment_id, name, user_id, status, start_time, "
        "lifecycle, artifact_uri) VALUES "
        "($1, $2, $3, $4, $5, $6, 0, $7)",
        {run_id, experiment_id, named.name, request.user_id, static_cast<int>(RunStatus::kRunning),
         request.start_time, run.info.artifact_uri}));
    CAISSON_ASSIGN(const RunRow row, FindRun(transaction, run_id));
    for (const Tag& tag : named.tags)
      CAISSON_TRY(internal::PutTag(transaction, impl_->keys, row, tag));
    CAISSON_TRY(internal::AppendJournal(transaction, *impl_->relay, RunEntry(run.info)));
    return run;
  });
}

Result<Run> Store::GetRun(const Context& context, const std::string& run_id) {
  return impl_->tracking.ReadFor<Run>(context, [&](sql::Session& session) -> Result<Run> {
    CAISSON_ASSIGN(RunRow row, FindRun(session, run_id));
    Run run;
    run.info = std::move(row.info);
    CAISSON_TRY(internal::LoadRunData(session, row.key, run));
    CAISSON_ASSIGN(run.model_inputs, internal::LoadModelInputs(session, row.key));
    CAISSON_ASSIGN(run.model_outputs, internal::LoadModelOutputs(session, row.key));
    return run;
  });
}

Result<RunInfo> Store::UpdateRun(const Context& context, const std::string& run_id,
                                 std::optional<RunStatus> status,
                                 std::optional<UnixMillis> end_time,
                                 std::optional<std::string> name) {
  return impl_->tracking.WriteFor<RunInfo>(
      context, [&](sql::Transaction& transaction) -> Result<RunInfo> {
        CAISSON_ASSIGN(RunRow run, FindActiveRun(transaction, run_id));
        if (status.has_value()) run.info.status = *status;
        if (end_time.has_value()) run.info.end_time = end_time;
        if (name.has_value() && !name->empty()) {
          run.info.run_name = *name;
          CAISSON_TRY(internal::PutTag(transaction, impl_->keys, run,
                                       {std::string(internal::kRunNameTag), *name}));
        }
        CAISSON_TRY(transaction.Execute(
            "UPDATE tracking_runs SET status = $1, end_time = $2, name = $3 WHERE run_key = $4",
            {static_cast<int>(run.info.status), run.info.end_time, run.info.run_name, run.key}));
        CAISSON_TRY(internal::AppendJournal(transaction, *impl_->relay, RunEntry(run.info)));
        return run.info;
      });
}

Status Store::DeleteRun(const Context& context, const std::string& run_id) {
  return impl_->tracking.Write(context, [&](sql::Transaction& transaction) {
    return MoveRun(transaction, *impl_->relay, run_id, LifecycleStage::kDeleted);
  });
}

Status Store::RestoreRun(const Context& context, const std::string& run_id) {
  return impl_->tracking.Write(context, [&](sql::Transaction& transaction) {
    return MoveRun(transaction, *impl_->relay, run_id, LifecycleStage::kActive);
  });
}

Status Store::SetTag(const Context& context, const std::string& run_id, const Tag& tag) {
  CAISSON_ASSIGN(const Tag valid, ValidateTag(tag, ""));
  return impl_->tracking.Write(context, [&](sql::Transaction& transaction) -> Status {
    CAISSON_ASSIGN(const RunRow run, FindActiveRun(transaction, run_id));
    return internal::PutTag(transaction, impl_->keys, run, valid);
  });
}

Status Store::DeleteTag(const Context& context, const std::string& run_id, const std::string& key) {
  return impl_->tracking.Write(context, [&](sql::Transaction& transaction) -> Status {
    CAISSON_ASSIGN(const RunRow run, FindActiveRun(transaction, run_id));
    CAISSON_ASSIGN(const int64_t key_id, impl_->keys.Find(transaction, key));
    CAISSON_ASSIGN(
        const int64_t deleted,
        transaction.Execute("DELETE FROM tracking_tags WHERE run_key = $1 AND key_id = $2",
                            {run.key, key_id}));
    if (deleted == 0) return NotFound("No tag with name: {} in run with id {}", key, run_id);
    return OkStatus();
  });
}

Status Store::RecordLoggedModel(const Context& context, const std::string& run_id,
                                const std::string& model_json) {
  static constexpr std::string_view kHistoryTag = "mlflow.log-model.history";
  CAISSON_ASSIGN(const Json model, ParseJson(model_json));
  return impl_->tracking.Write(context, [&](sql::Transaction& transaction) -> Status {
    CAISSON_ASSIGN(const RunRow run, FindActiveRun(transaction, run_id));
    CAISSON_ASSIGN(const int64_t key_id, impl_->keys.GetOrCreate(transaction, kHistoryTag));
    CAISSON_ASSIGN(const std::optional<std::string> previous,
                   transaction.QueryOne<std::string>(
                       "SELECT value FROM tracking_tags WHERE run_key = $1 AND key_id = $2",
                       {run.key, key_id}, [](const sql::Row& row) { return row.String(0); }));
    Json history = Json::MakeArray();
    if (previous.has_value()) {
      Result<Json> parsed = ParseJson(*previous);
      if (parsed.ok() && parsed->is_array()) history = *std::move(parsed);
    }
    history.Append(model);
    CAISSON_ASSIGN(
        const Tag tag,
        ValidateTag({std::string(kHistoryTag), WriteJson(history, {.python_spacing = true})}, ""));
    return internal::PutTag(transaction, impl_->keys, run, tag);
  });
}

}  // namespace caisson::tracking
