// The Store's hot path: metrics, params and tags of a run.
#include "lifecycle/tracking/internal/store_impl.h"
#include "lifecycle/tracking/python_text.h"
#include "lifecycle/tracking/validation.h"

namespace caisson::tracking {
namespace {

using internal::FindActiveRun;
using internal::RunRow;
using internal::StoredValue;

// The largest point of one key in a batch.
struct Latest {
  int64_t key_id = 0;
  StoredValue value;
  int64_t timestamp = 0;
  int64_t step = 0;

  bool Before(const Latest& other) const {
    return std::tie(step, timestamp, value.value) <
           std::tie(other.step, other.timestamp, other.value.value);
  }
};

void KeepLargest(std::vector<Latest>& all, const Latest& candidate) {
  for (Latest& latest : all) {
    if (latest.key_id != candidate.key_id) continue;
    if (latest.Before(candidate)) latest = candidate;
    return;
  }
  all.push_back(candidate);
}

Status PutLatest(sql::Transaction& transaction, const RunRow& run, const Latest& latest) {
  CAISSON_TRY(
      transaction.Execute("INSERT INTO tracking_latest_metrics (run_key, key_id, experiment_id, "
                          "value, is_nan, timestamp, step) VALUES ($1, $2, $3, "
                          "$4, $5, $6, $7) ON CONFLICT (run_key, key_id) DO UPDATE SET value = "
                          "excluded.value, is_nan = excluded.is_nan, timestamp "
                          "= excluded.timestamp, step = excluded.step WHERE (excluded.step, "
                          "excluded.timestamp, excluded.value) > "
                          "(tracking_latest_metrics.step, tracking_latest_metrics.timestamp, "
                          "tracking_latest_metrics.value)",
                          {run.key, latest.key_id, run.experiment_id, latest.value.value,
                           latest.value.is_nan, latest.timestamp, latest.step}));
  return OkStatus();
}

Status PutModelMetric(sql::Transaction& transaction, const RunRow& run, const Metric& metric,
                      const StoredValue& value) {
  CAISSON_TRY(transaction.Execute(
      "INSERT INTO tracking_logged_model_metrics (model_id, key, timestamp, step, run_id, value, "
      "is_nan, dataset_name, "
      "dataset_digest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
      {metric.model_id, metric.key, metric.timestamp, metric.step, run.info.run_id, value.value,
       value.is_nan, metric.dataset_name, metric.dataset_digest}));
  return OkStatus();
}

Status PutMetrics(sql::Transaction& transaction, internal::KeyCache& keys, const RunRow& run,
                  const std::vector<Metric>& metrics) {
  std::vector<Latest> latest;
  latest.reserve(std::min<size_t>(metrics.size(), 64));
  for (const Metric& metric : metrics) {
    const StoredValue value = internal::ToStored(metric.value);
    CAISSON_ASSIGN(const int64_t key_id, keys.GetOrCreate(transaction, metric.key));
    CAISSON_TRY(transaction.Execute(
        "INSERT INTO tracking_metrics (run_key, key_id, timestamp, step, value, is_nan) VALUES "
        "($1, $2, $3, $4, $5, $6) ON "
        "CONFLICT DO NOTHING",
        {run.key, key_id, metric.timestamp, metric.step, value.value, value.is_nan}));
    KeepLargest(latest, {key_id, value, metric.timestamp, metric.step});
    if (!metric.model_id.empty()) CAISSON_TRY(PutModelMetric(transaction, run, metric, value));
  }
  for (const Latest& row : latest) CAISSON_TRY(PutLatest(transaction, run, row));
  return OkStatus();
}

// Stores a param. When the key is there with another value, that value is returned and nothing is
// changed.
Result<std::optional<std::string>> PutParam(sql::Transaction& transaction, internal::KeyCache& keys,
                                            const RunRow& run, const Param& param) {
  CAISSON_ASSIGN(const int64_t key_id, keys.GetOrCreate(transaction, param.key));
  CAISSON_ASSIGN(
      const int64_t inserted,
      transaction.Execute("INSERT INTO tracking_params (run_key, key_id, value, value_hash) VALUES "
                          "($1, $2, $3, $4) "
                          "ON CONFLICT DO NOTHING",
                          {run.key, key_id, param.value, internal::ValueHash(param.value)}));
  if (inserted > 0) return std::optional<std::string>();
  CAISSON_ASSIGN(std::optional<std::string> old,
                 transaction.QueryOne<std::string>(
                     "SELECT value FROM tracking_params WHERE run_key = $1 AND key_id = $2",
                     {run.key, key_id}, [](const sql::Row& row) { return row.String(0); }));
  if (old == param.value) old.reset();
  return old;
}

Status PutParams(sql::Transaction& transaction, internal::KeyCache& keys, const RunRow& run,
                 const std::vector<Param>& params) {
  std::string conflicts;
  for (const Param& param : params) {
    CAISSON_ASSIGN(const std::optional<std::string> old, PutParam(transaction, keys, run, param));
    if (!old.has_value()) continue;
    conflicts += fmt::format("{}{{'key': {}, 'old_value': {}, 'new_value': {}}}",
                             conflicts.empty() ? "" : ", ", PythonRepr(param.key), PythonRepr(*old),
                             PythonRepr(param.value));
  }
  if (conflicts.empty()) return OkStatus();
  return InvalidArgument(
      "Changing param values is not allowed. Params were already logged='[{}]' for run ID='{}'.",
      conflicts, run.info.run_id);
}

}  // namespace

Status Store::LogBatch(const Context& context, const std::string& run_id, const Batch& batch) {
  CAISSON_TRY(ValidateRunId(run_id));
  for (size_t i = 0; i < batch.metrics.size(); ++i) {
    // The path is only for the error's text.
    if (!ValidateMetric(batch.metrics[i], "").ok())
      return ValidateMetric(batch.metrics[i], fmt::format("metrics[{}]", i));
  }
  std::vector<Param> params;
  for (size_t i = 0; i < batch.params.size(); ++i) {
    CAISSON_ASSIGN(Param param, ValidateParam(batch.params[i], fmt::format("params[{}]", i)));
    params.push_back(std::move(param));
  }
  std::vector<Tag> tags;
  for (size_t i = 0; i < batch.tags.size(); ++i) {
    CAISSON_ASSIGN(Tag tag, ValidateTag(batch.tags[i], fmt::format("tags[{}]", i)));
    tags.push_back(std::move(tag));
  }
  CAISSON_TRY(ValidateBatchLimits(batch));
  CAISSON_TRY(ValidateUniqueParams(params));
  return impl_->tracking.Write(context, [&](sql::Transaction& transaction) -> Status {
    CAISSON_ASSIGN(const RunRow run, FindActiveRun(transaction, run_id));
    CAISSON_TRY(PutParams(transaction, impl_->keys, run, params));
    CAISSON_TRY(PutMetrics(transaction, impl_->keys, run, batch.metrics));
    for (const Tag& tag : tags) CAISSON_TRY(internal::PutTag(transaction, impl_->keys, run, tag));
    return OkStatus();
  });
}

Status Store::LogMetric(const Context& context, const std::string& run_id, const Metric& metric) {
  CAISSON_TRY(ValidateMetric(metric, ""));
  return impl_->tracking.Write(context, [&](sql::Transaction& transaction) -> Status {
    CAISSON_ASSIGN(const RunRow run, FindActiveRun(transaction, run_id));
    return PutMetrics(transaction, impl_->keys, run, {metric});
  });
}

Status Store::LogParam(const Context& context, const std::string& run_id, const Param& param) {
  CAISSON_ASSIGN(const Param valid, ValidateParam(param, ""));
  return impl_->tracking.Write(context, [&](sql::Transaction& transaction) -> Status {
    CAISSON_ASSIGN(const RunRow run, FindActiveRun(transaction, run_id));
    CAISSON_ASSIGN(const std::optional<std::string> old,
                   PutParam(transaction, impl_->keys, run, valid));
    if (!old.has_value()) return OkStatus();
    return InvalidArgument(
        "Changing param values is not allowed. Param with key='{}' was already logged with "
        "value='{}' for run ID='{}'. "
        "Attempted logging new value '{}'.",
        valid.key, *old, run_id, valid.value);
  });
}

}  // namespace caisson::tracking
