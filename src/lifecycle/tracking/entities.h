// What the tracking store holds: experiments, runs and what was logged to them. The shapes are
// MLflow's.
//
// All of these are plain values. Times are Unix milliseconds, text is UTF-8.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace caisson::tracking {

enum class LifecycleStage { kActive, kDeleted };
std::string_view LifecycleName(LifecycleStage stage);  // "active", "deleted"

enum class ViewType { kActiveOnly, kDeletedOnly, kAll };

enum class RunStatus { kRunning = 1, kScheduled = 2, kFinished = 3, kFailed = 4, kKilled = 5 };
std::string_view RunStatusName(RunStatus status);  // "RUNNING", ...
std::optional<RunStatus> ParseRunStatus(std::string_view name);

struct Tag {
  std::string key;
  std::string value;
};

struct Param {
  std::string key;
  std::string value;
};

// One point of a curve. NaN and the infinities are values like any other.
struct Metric {
  std::string key;
  double value = 0;
  UnixMillis timestamp = 0;
  int64_t step = 0;
  // What the value was measured on, when the client said so.
  std::string model_id;
  std::string dataset_name;
  std::string dataset_digest;
};

struct Experiment {
  std::string id;  // decimal digits
  std::string name;
  std::string artifact_location;
  LifecycleStage lifecycle = LifecycleStage::kActive;
  UnixMillis creation_time = 0;
  UnixMillis last_update_time = 0;
  std::vector<Tag> tags;
};

struct RunInfo {
  std::string run_id;  // 32 lower-case hex digits
  std::string experiment_id;
  std::string run_name;
  std::string user_id;
  RunStatus status = RunStatus::kRunning;
  UnixMillis start_time = 0;
  std::optional<UnixMillis> end_time;
  LifecycleStage lifecycle = LifecycleStage::kActive;
  std::string artifact_uri;
};

struct Dataset {
  std::string name;
  std::string digest;
  std::string source_type;
  std::string source;
  std::optional<std::string> schema;
  std::optional<std::string> profile;
};

struct DatasetInput {
  Dataset dataset;
  std::vector<Tag> tags;
};

struct ModelInput {
  std::string model_id;
};

struct ModelOutput {
  std::string model_id;
  int64_t step = 0;
};

struct Run {
  RunInfo info;
  std::vector<Metric> latest_metrics;  // the largest by (step, timestamp, value) of each key
  std::vector<Param> params;
  std::vector<Tag> tags;
  std::vector<DatasetInput> dataset_inputs;
  std::vector<ModelInput> model_inputs;    // filled by GetRun only
  std::vector<ModelOutput> model_outputs;  // filled by GetRun only
};

// What one log-batch call carries. It is stored whole or not at all.
struct Batch {
  std::vector<Metric> metrics;
  std::vector<Param> params;
  std::vector<Tag> tags;
};

enum class LoggedModelStatus { kUnspecified = 0, kPending = 1, kReady = 2, kFailed = 3 };
std::string_view LoggedModelStatusName(LoggedModelStatus status);  // "LOGGED_MODEL_PENDING", ...
std::optional<LoggedModelStatus> ParseLoggedModelStatus(std::string_view name);

// A model as MLflow 3 sees it: an artifact folder with a life of its own, made by a run or by
// nobody.
struct LoggedModel {
  std::string model_id;  // "m-" and 32 hex digits
  std::string experiment_id;
  std::string name;
  std::string artifact_uri;
  UnixMillis creation_time = 0;
  UnixMillis last_update_time = 0;
  LoggedModelStatus status = LoggedModelStatus::kPending;
  std::string status_message;
  std::string model_type;
  std::string source_run_id;
  std::vector<Param> params;
  std::vector<Tag> tags;
  struct ModelMetric {
    Metric metric;
    std::string run_id;
  };
  std::vector<ModelMetric> metrics;
};

struct DatasetSummary {
  std::string experiment_id;
  std::string name;
  std::string digest;
  std::string context;
};

// A page of anything. An empty token says that nothing follows.
template <typename T>
struct Page {
  std::vector<T> items;
  std::string next_page_token;
};

}  // namespace caisson::tracking
