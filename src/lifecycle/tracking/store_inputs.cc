// The Store's dataset inputs and model links.
#include <set>

#include "lifecycle/tracking/internal/store_impl.h"
#include "lifecycle/tracking/sql_builder.h"
#include "lifecycle/tracking/validation.h"

namespace caisson::tracking {
namespace {

constexpr int kMaxDatasetSummaries = 1'000;

Result<int64_t> PutDataset(sql::Transaction& transaction, int64_t experiment_id,
                           const Dataset& dataset) {
  CAISSON_TRY(
      transaction.Execute("INSERT INTO tracking_datasets (experiment_id, name, digest, "
                          "source_type, source, schema, profile) VALUES ($1, $2, $3, "
                          "$4, $5, $6, $7) ON CONFLICT DO NOTHING",
                          {experiment_id, dataset.name, dataset.digest, dataset.source_type,
                           dataset.source, dataset.schema, dataset.profile}));
  CAISSON_ASSIGN(const std::optional<int64_t> key,
                 transaction.QueryOne<int64_t>("SELECT dataset_key FROM tracking_datasets WHERE "
                                               "experiment_id = $1 AND name = $2 AND digest = $3",
                                               {experiment_id, dataset.name, dataset.digest},
                                               [](const sql::Row& row) { return row.Int(0); }));
  if (!key.has_value())
    return Internal("the dataset '{}' is not there after its insertion", dataset.name);
  return *key;
}

Status PutInput(sql::Transaction& transaction, const internal::RunRow& run,
                const DatasetInput& input) {
  CAISSON_ASSIGN(const int64_t dataset_key,
                 PutDataset(transaction, run.experiment_id, input.dataset));
  CAISSON_ASSIGN(const int64_t inserted,
                 transaction.Execute("INSERT INTO tracking_inputs (run_key, dataset_key) VALUES "
                                     "($1, $2) ON CONFLICT DO NOTHING",
                                     {run.key, dataset_key}));
  if (inserted == 0) return OkStatus();  // logged before: its tags stay as they are
  CAISSON_ASSIGN(
      const std::optional<int64_t> input_key,
      transaction.QueryOne<int64_t>(
          "SELECT input_key FROM tracking_inputs WHERE run_key = $1 AND dataset_key = $2",
          {run.key, dataset_key}, [](const sql::Row& row) { return row.Int(0); }));
  for (const Tag& tag : input.tags) {
    CAISSON_TRY(
        transaction.Execute("INSERT INTO tracking_input_tags (input_key, key, value) VALUES ($1, "
                            "$2, $3) ON CONFLICT (input_key, key) DO UPDATE "
                            "SET value = excluded.value",
                            {input_key.value_or(0), tag.key, tag.value}));
  }
  return OkStatus();
}

Status PutModelLink(sql::Transaction& transaction, int64_t run_key, int direction,
                    const std::string& model_id, int64_t step) {
  CAISSON_TRY(
      transaction.Execute("INSERT INTO tracking_model_links (run_key, direction, model_id, step) "
                          "VALUES ($1, $2, $3, $4) ON CONFLICT (run_key, "
                          "direction, model_id) DO UPDATE SET step = excluded.step",
                          {run_key, direction, model_id, step}));
  return OkStatus();
}

}  // namespace

Status Store::LogInputs(const Context& context, const std::string& run_id,
                        const std::vector<DatasetInput>& datasets,
                        const std::vector<ModelInput>& models) {
  CAISSON_TRY(ValidateRunId(run_id));
  for (const DatasetInput& input : datasets) CAISSON_TRY(ValidateDatasetInput(input));
  return impl_->tracking.Write(context, [&](sql::Transaction& transaction) -> Status {
    CAISSON_ASSIGN(const internal::RunRow run, internal::FindActiveRun(transaction, run_id));
    internal::JournalEntry entry;
    entry.node = {"run", run_id};
    std::set<std::pair<std::string, std::string>> seen;
    for (const DatasetInput& input : datasets) {
      if (!seen.emplace(input.dataset.name, input.dataset.digest).second) continue;
      CAISSON_TRY(PutInput(transaction, run, input));
      entry.edges.push_back(
          {"trained_on",
           {"dataset_version", fmt::format("{}@{}", input.dataset.name, input.dataset.digest)}});
    }
    for (const ModelInput& model : models) {
      CAISSON_TRY(PutModelLink(transaction, run.key, 0, model.model_id, 0));
      entry.edges.push_back({"uses", {"logged_model", model.model_id}});
    }
    if (entry.edges.empty()) return OkStatus();
    return internal::AppendJournal(transaction, *impl_->relay, entry);
  });
}

Status Store::LogOutputs(const Context& context, const std::string& run_id,
                         const std::vector<ModelOutput>& models) {
  return impl_->tracking.Write(context, [&](sql::Transaction& transaction) -> Status {
    CAISSON_ASSIGN(const internal::RunRow run, internal::FindActiveRun(transaction, run_id));
    for (const ModelOutput& model : models) {
      CAISSON_TRY(PutModelLink(transaction, run.key, 1, model.model_id, model.step));
      internal::JournalEntry entry;
      entry.node = {"logged_model", model.model_id};
      entry.edges.push_back({"produced_by", {"run", run_id}});
      CAISSON_TRY(internal::AppendJournal(transaction, *impl_->relay, entry));
    }
    return OkStatus();
  });
}

Result<std::vector<DatasetSummary>> Store::SearchDatasets(
    const Context& context, const std::vector<std::string>& experiment_ids) {
  std::vector<int64_t> ids;
  for (const std::string& id : experiment_ids) {
    CAISSON_ASSIGN(const int64_t number, ParseExperimentId(id));
    ids.push_back(number);
  }
  SqlBuilder sql;
  sql.Add(
         "SELECT DISTINCT d.experiment_id, d.name, d.digest, COALESCE(t.value, '') FROM "
         "tracking_datasets d JOIN "
         "tracking_inputs i ON i.dataset_key = d.dataset_key LEFT JOIN tracking_input_tags t ON "
         "t.input_key = i.input_key AND "
         "t.key = ")
      .Bind(internal::kDatasetContextTag)
      .Add(" WHERE d.experiment_id IN ")
      .BindList(ids)
      .Add(" LIMIT ")
      .Bind(int64_t{kMaxDatasetSummaries});
  return impl_->tracking.ReadFor<std::vector<DatasetSummary>>(context, [&](sql::Session& session) {
    return session.QueryAll<DatasetSummary>(sql.text(), sql.parameters(), [](const sql::Row& row) {
      return DatasetSummary{std::to_string(row.Int(0)), row.String(1), row.String(2),
                            row.String(3)};
    });
  });
}

}  // namespace caisson::tracking
