// What names, keys and values may look like: MLflow's limits and the texts of its errors.
//
// Every error is InvalidArgument. `path` is how the client would find the value in its request, for
// example "params[2].key".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "lifecycle/tracking/entities.h"

namespace caisson::tracking {

inline constexpr size_t kMaxKeyLength = 250;
inline constexpr size_t kMaxParamLength = 6'000;
inline constexpr size_t kMaxTagLength = 8'000;
inline constexpr size_t kMaxExperimentTagLength = 20'000;
inline constexpr size_t kMaxExperimentNameLength = 500;
inline constexpr size_t kMaxMetricsPerBatch = 1'000;
inline constexpr size_t kMaxParamsOrTagsPerBatch = 100;
inline constexpr size_t kMaxEntitiesPerBatch = 1'000;
inline constexpr int64_t kMaxSearchResults = 50'000;

// "Invalid value {json} for parameter '{path}' supplied: {problem}", or without the problem when it
// is empty.
Status InvalidValue(std::string_view path, const Json& value, std::string_view problem = "");
Status MissingValue(std::string_view path);
Status TooLong(std::string_view what, size_t limit);

// The key of a metric, param or tag: word characters, '/', '.', '-', ' ' and ':', and no path that
// means another one.
Status ValidateKey(std::string_view key, std::string_view path);
Status ValidateRunId(std::string_view run_id);
Status ValidateExperimentName(const std::string& name);
Status ValidateExperimentTag(const Tag& tag);
Status ValidateMetric(const Metric& metric, std::string_view path);
// Values that are too long are cut, as MLflow does by default (MLFLOW_TRUNCATE_LONG_VALUES).
Result<Param> ValidateParam(const Param& param, std::string_view path);
Result<Tag> ValidateTag(const Tag& tag, std::string_view path);
Status ValidateBatchLimits(const Batch& batch);
Status ValidateUniqueParams(const std::vector<Param>& params);
Status ValidateDatasetInput(const DatasetInput& input);
Status ValidateLoggedModelName(std::string_view name);
// A positive number up to kMaxSearchResults.
Status ValidateMaxResults(int64_t max_results);

// "Invalid experiment ID 'x'. Experiment ID must be a valid integer."
Result<int64_t> ParseExperimentId(std::string_view id);

// Whether a name would be another one when taken as a path: what posixpath.normpath would change,
// or that leaves the folder.
bool IsAmbiguousPath(std::string_view name);
std::string AmbiguousPathMessage(std::string_view name);

}  // namespace caisson::tracking
