// Reading what several of the Store's files need.
#include <cmath>
#include <limits>

#include "base/hash.h"
#include "lifecycle/tracking/internal/store_impl.h"
#include "lifecycle/tracking/validation.h"

namespace caisson::tracking::internal {

StoredValue ToStored(double value) {
  if (std::isnan(value)) return {0, true};
  if (std::isinf(value)) {
    return {value > 0 ? std::numeric_limits<double>::max() : std::numeric_limits<double>::lowest(),
            false};
  }
  return {value, false};
}

double FromStored(double value, bool is_nan) {
  return is_nan ? std::numeric_limits<double>::quiet_NaN() : value;
}

int64_t ValueHash(std::string_view value) { return static_cast<int64_t>(Xxh3(value)); }

std::string AppendToUri(std::string_view uri, std::string_view path) {
  const size_t query = uri.find('?');
  std::string_view base = uri.substr(0, query);
  const std::string_view rest = query == std::string_view::npos ? "" : uri.substr(query);
  while (base.size() > 1 && base.ends_with('/')) base.remove_suffix(1);
  return fmt::format("{}/{}{}", base == "/" ? "" : base, path, rest);
}

Result<RunRow> FindRun(sql::Session& session, std::string_view run_id) {
  CAISSON_ASSIGN(
      std::optional<RunRow> run,
      session.QueryOne<RunRow>("SELECT run_key, experiment_id, name, user_id, status, start_time, "
                               "end_time, lifecycle, artifact_uri "
                               "FROM tracking_runs WHERE run_id = $1",
                               {run_id}, [&](const sql::Row& row) {
                                 RunRow found;
                                 found.key = row.Int(0);
                                 found.experiment_id = row.Int(1);
                                 found.info.run_id = std::string(run_id);
                                 found.info.experiment_id = std::to_string(found.experiment_id);
                                 found.info.run_name = row.String(2);
                                 found.info.user_id = row.String(3);
                                 found.info.status = static_cast<RunStatus>(row.Int(4));
                                 found.info.start_time = row.Int(5);
                                 found.info.end_time = row.OptionalInt(6);
                                 found.info.lifecycle = static_cast<LifecycleStage>(row.Int(7));
                                 found.info.artifact_uri = row.String(8);
                                 return found;
                               }));
  if (!run.has_value()) return NotFound("Run with id={} not found", run_id);
  return *std::move(run);
}

Status CheckActive(const RunRow& run) {
  if (run.info.lifecycle == LifecycleStage::kActive) return OkStatus();
  return InvalidArgument("The run {} must be in the 'active' state. Current state is {}.",
                         run.info.run_id, LifecycleName(run.info.lifecycle));
}

Result<RunRow> FindActiveRun(sql::Session& session, std::string_view run_id) {
  CAISSON_ASSIGN(RunRow run, FindRun(session, run_id));
  CAISSON_TRY(CheckActive(run));
  return run;
}

Status LoadRunData(sql::Session& session, int64_t run_key, Run& run) {
  CAISSON_ASSIGN(
      run.latest_metrics,
      session.QueryAll<Metric>("SELECT k.key, m.value, m.is_nan, m.timestamp, m.step FROM "
                               "tracking_latest_metrics m JOIN tracking_keys k "
                               "ON k.key_id = m.key_id WHERE m.run_key = $1 ORDER BY m.key_id",
                               {run_key}, [](const sql::Row& row) {
                                 Metric metric;
                                 metric.key = row.String(0);
                                 metric.value = FromStored(row.Double(1), row.Int(2) != 0);
                                 metric.timestamp = row.Int(3);
                                 metric.step = row.Int(4);
                                 return metric;
                               }));
  CAISSON_ASSIGN(run.params, session.QueryAll<Param>("SELECT k.key, p.value FROM tracking_params p "
                                                     "JOIN tracking_keys k ON k.key_id = p.key_id "
                                                     "WHERE p.run_key = $1 ORDER BY p.key_id",
                                                     {run_key}, [](const sql::Row& row) {
                                                       return Param{row.String(0), row.String(1)};
                                                     }));
  CAISSON_ASSIGN(
      run.tags,
      session.QueryAll<Tag>(
          "SELECT k.key, t.value FROM tracking_tags t JOIN tracking_keys k ON k.key_id = t.key_id "
          "WHERE t.run_key = $1 ORDER BY t.key_id",
          {run_key}, [](const sql::Row& row) {
            return Tag{row.String(0), row.String(1)};
          }));
  std::vector<int64_t> input_keys;
  CAISSON_TRY(session.Query(
      "SELECT i.input_key, d.name, d.digest, d.source_type, d.source, d.schema, d.profile FROM "
      "tracking_inputs i JOIN "
      "tracking_datasets d ON d.dataset_key = i.dataset_key WHERE i.run_key = $1 ORDER BY "
      "i.input_key",
      {run_key}, [&](const sql::Row& row) {
        input_keys.push_back(row.Int(0));
        run.dataset_inputs.push_back({{row.String(1), row.String(2), row.String(3), row.String(4),
                                       row.OptionalString(5), row.OptionalString(6)},
                                      {}});
        return OkStatus();
      }));
  for (size_t i = 0; i < input_keys.size(); ++i) {
    CAISSON_ASSIGN(
        run.dataset_inputs[i].tags,
        session.QueryAll<Tag>(
            "SELECT key, value FROM tracking_input_tags WHERE input_key = $1 ORDER BY key",
            {input_keys[i]}, [](const sql::Row& row) {
              return Tag{row.String(0), row.String(1)};
            }));
  }
  return OkStatus();
}

Result<std::vector<ModelInput>> LoadModelInputs(sql::Session& session, int64_t run_key) {
  return session.QueryAll<ModelInput>(
      "SELECT model_id FROM tracking_model_links WHERE run_key = $1 AND direction = 0 ORDER BY "
      "model_id",
      {run_key}, [](const sql::Row& row) { return ModelInput{row.String(0)}; });
}

Result<std::vector<ModelOutput>> LoadModelOutputs(sql::Session& session, int64_t run_key) {
  return session.QueryAll<ModelOutput>(
      "SELECT model_id, step FROM tracking_model_links WHERE run_key = $1 AND direction = 1 ORDER "
      "BY model_id",
      {run_key}, [](const sql::Row& row) {
        return ModelOutput{row.String(0), row.Int(1)};
      });
}

Result<std::vector<Tag>> LoadExperimentTags(sql::Session& session, int64_t experiment_id) {
  return session.QueryAll<Tag>(
      "SELECT key, value FROM tracking_experiment_tags WHERE experiment_id = $1 ORDER BY key",
      {experiment_id}, [](const sql::Row& row) {
        return Tag{row.String(0), row.String(1)};
      });
}

Result<Experiment> FindExperiment(sql::Session& session, std::string_view project,
                                  std::string_view id) {
  CAISSON_ASSIGN(const int64_t number, ParseExperimentId(id.empty() ? "0" : id));
  CAISSON_ASSIGN(
      std::optional<Experiment> experiment,
      session.QueryOne<Experiment>("SELECT name, artifact_location, lifecycle, creation_time, "
                                   "last_update_time FROM tracking_experiments "
                                   "WHERE experiment_id = $1 AND project = $2",
                                   {number, project}, [&](const sql::Row& row) {
                                     Experiment found;
                                     found.id = std::to_string(number);
                                     found.name = row.String(0);
                                     found.artifact_location = row.String(1);
                                     found.lifecycle = static_cast<LifecycleStage>(row.Int(2));
                                     found.creation_time = row.Int(3);
                                     found.last_update_time = row.Int(4);
                                     return found;
                                   }));
  if (!experiment.has_value()) return NotFound("No Experiment with id={} exists", number);
  CAISSON_ASSIGN(experiment->tags, LoadExperimentTags(session, number));
  return *std::move(experiment);
}

Status CheckActive(const Experiment& experiment) {
  if (experiment.lifecycle == LifecycleStage::kActive) return OkStatus();
  return InvalidArgument("The experiment {} must be in the 'active' state. Current state is {}.",
                         experiment.id, LifecycleName(experiment.lifecycle));
}

Status PutTag(sql::Transaction& transaction, KeyCache& keys, const RunRow& run, const Tag& tag) {
  if (tag.key == kRunNameTag) {
    if (tag.value.empty()) return OkStatus();  // a run always has a name
    CAISSON_TRY(transaction.Execute("UPDATE tracking_runs SET name = $1 WHERE run_key = $2",
                                    {tag.value, run.key}));
  }
  CAISSON_ASSIGN(const int64_t key_id, keys.GetOrCreate(transaction, tag.key));
  CAISSON_TRY(
      transaction.Execute("INSERT INTO tracking_tags (run_key, key_id, value, value_hash) VALUES "
                          "($1, $2, $3, $4) ON CONFLICT (run_key, key_id) "
                          "DO UPDATE SET value = excluded.value, value_hash = excluded.value_hash",
                          {run.key, key_id, tag.value, ValueHash(tag.value)}));
  return OkStatus();
}

}  // namespace caisson::tracking::internal
