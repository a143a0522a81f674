// Experiments, runs and everything that is logged to them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/context.h"
#include "base/status.h"
#include "lifecycle/tracking/entities.h"
#include "platform/sql/database.h"

namespace caisson::tracking {

// The tables in the metrics file: all that a batch touches, so that it is one transaction.
const sql::Schema& TrackingSchema();
// The one table in the main file: how far the relay has come.
const sql::Schema& TrackingRelaySchema();

struct StoreOptions {
  // Where experiments that name no location keep their artifacts: "mlflow-artifacts:/" (served by
  // this program), a folder or an object store's URI.
  std::string artifact_root = "mlflow-artifacts:/";
  // The folder that "mlflow-artifacts:/" stands for.
  std::string artifacts_destination;
  // What relative artifact locations are relative to.
  std::string working_directory;
};

struct StoreDependencies {
  sql::Database& tracking;  // metrics.db
  sql::Database& main;      // caisson.db: lineage and audit
  const Clock& clock;
};

struct CreateRunRequest {
  std::string experiment_id = "0";
  std::string name;  // empty: the tag mlflow.runName, or a name made up
  std::string user_id;
  UnixMillis start_time = 0;  // stored as given
  std::vector<Tag> tags;
};

struct SearchRunsRequest {
  std::vector<std::string> experiment_ids;
  std::string filter;
  ViewType view = ViewType::kActiveOnly;
  int64_t max_results = 1'000;
  std::vector<std::string> order_by;
  std::string page_token;
};

struct SearchExperimentsRequest {
  std::string filter;
  ViewType view = ViewType::kActiveOnly;
  int64_t max_results = 1'000;
  std::vector<std::string> order_by;
  std::string page_token;
};

struct CreateLoggedModelRequest {
  std::string experiment_id;
  std::string name;
  std::string model_type;
  std::string source_run_id;
  std::vector<Param> params;
  std::vector<Tag> tags;
};

struct SearchLoggedModelsRequest {
  std::vector<std::string> experiment_ids;
  std::string filter;
  struct DatasetFilter {
    std::string name;
    std::string digest;
  };
  std::vector<DatasetFilter> datasets;
  struct Order {
    std::string field_name;
    std::optional<bool> ascending;
    std::string dataset_name;
    std::string dataset_digest;
  };
  std::vector<Order> order_by;
  int64_t max_results = 100;
  std::string page_token;
};

struct HistoryRequest {
  std::string run_id;
  std::string key;
  std::optional<int64_t> max_results;  // nothing: all points, in one page
  std::string page_token;
};

struct IntervalRequest {
  std::vector<std::string> run_ids;
  std::string key;
  int64_t max_results = 2'500;        // a run
  std::optional<int64_t> start_step;  // both or none
  std::optional<int64_t> end_step;
};

struct RunMetric {
  std::string run_id;
  Metric metric;
};

// The tracking store. Owned by `app`, lives as long as the databases. Any thread may call any
// method; a method that writes returns after the commit.
//
// Its rules and the texts of its errors are MLflow's, since clients and their tests look at both.
// The error codes are: InvalidArgument for a bad value, NotFound, AlreadyExists, FailedPrecondition
// for the wrong lifecycle stage. Where MLflow's code is not the obvious one for the Status, the
// error id (base/status.h) names it.
//
// Run nodes of the lineage graph and audit entries belong into the main file. They are written to a
// journal in the transaction that they describe, and a relay thread moves them over, in order and
// exactly once: a crash in between delays them and loses none. DrainRelay waits for it.
class Store {
 public:
  static Result<std::unique_ptr<Store>> Open(const StoreDependencies& dependencies,
                                             const StoreOptions& options);
  ~Store();

  // Experiments.
  Result<std::string> CreateExperiment(const Context& context, const std::string& name,
                                       const std::string& artifact_location = "",
                                       const std::vector<Tag>& tags = {});
  Result<Experiment> GetExperiment(const Context& context, const std::string& id);
  Result<Experiment> GetExperimentByName(const Context& context,
                                         const std::string& name);  // NotFound
  Status DeleteExperiment(const Context& context, const std::string& id);
  Status RestoreExperiment(const Context& context, const std::string& id);
  Status RenameExperiment(const Context& context, const std::string& id, const std::string& name);
  Status SetExperimentTag(const Context& context, const std::string& id, const Tag& tag);
  Status DeleteExperimentTag(const Context& context, const std::string& id, const std::string& key);
  Result<Page<Experiment>> SearchExperiments(const Context& context,
                                             const SearchExperimentsRequest& request);

  // Runs.
  Result<Run> CreateRun(const Context& context, const CreateRunRequest& request);
  Result<Run> GetRun(const Context& context, const std::string& run_id);
  Result<RunInfo> UpdateRun(const Context& context, const std::string& run_id,
                            std::optional<RunStatus> status, std::optional<UnixMillis> end_time,
                            std::optional<std::string> name = std::nullopt);
  Status DeleteRun(const Context& context, const std::string& run_id);
  Status RestoreRun(const Context& context, const std::string& run_id);
  Result<Page<Run>> SearchRuns(const Context& context, const SearchRunsRequest& request);

  // Logging. A batch is atomic. A point that is there already is dropped; a param that is there
  // with another value is an error; the last of several tags with one key wins.
  Status LogBatch(const Context& context, const std::string& run_id, const Batch& batch);
  Status LogParam(const Context& context, const std::string& run_id, const Param& param);
  Status LogMetric(const Context& context, const std::string& run_id, const Metric& metric);
  Status SetTag(const Context& context, const std::string& run_id, const Tag& tag);
  Status DeleteTag(const Context& context, const std::string& run_id, const std::string& key);
  Status LogInputs(const Context& context, const std::string& run_id,
                   const std::vector<DatasetInput>& datasets,
                   const std::vector<ModelInput>& models = {});
  Status LogOutputs(const Context& context, const std::string& run_id,
                    const std::vector<ModelOutput>& models);
  // The legacy call of clients before 3.0: appends to the tag mlflow.log-model.history.
  Status RecordLoggedModel(const Context& context, const std::string& run_id,
                           const std::string& model_json);

  // Curves, ordered by (timestamp, step, value). A run that is not there has no points.
  Result<Page<Metric>> GetMetricHistory(const Context& context, const HistoryRequest& request);
  Result<std::vector<RunMetric>> GetMetricHistoryBulk(const Context& context,
                                                      const std::vector<std::string>& run_ids,
                                                      const std::string& key, int64_t max_results);
  // At most max_results points a run: its points by (step, timestamp, value) in as many even
  // buckets (SQL's NTILE), the first of each and the last of all.
  Result<std::vector<RunMetric>> GetMetricHistoryInterval(const Context& context,
                                                          const IntervalRequest& request);

  Result<std::vector<DatasetSummary>> SearchDatasets(
      const Context& context, const std::vector<std::string>& experiment_ids);

  // Logged models.
  Result<LoggedModel> CreateLoggedModel(const Context& context,
                                        const CreateLoggedModelRequest& request);
  Result<LoggedModel> GetLoggedModel(const Context& context, const std::string& model_id);
  Result<LoggedModel> FinalizeLoggedModel(const Context& context, const std::string& model_id,
                                          LoggedModelStatus status);
  Status DeleteLoggedModel(const Context& context, const std::string& model_id);
  Status SetLoggedModelTags(const Context& context, const std::string& model_id,
                            const std::vector<Tag>& tags);
  Status DeleteLoggedModelTag(const Context& context, const std::string& model_id,
                              const std::string& key);
  Status LogLoggedModelParams(const Context& context, const std::string& model_id,
                              const std::vector<Param>& params);
  Result<Page<LoggedModel>> SearchLoggedModels(const Context& context,
                                               const SearchLoggedModelsRequest& request);

  // The folder on this machine that an artifact URI stands for; Unimplemented when it is elsewhere.
  Result<std::string> ArtifactFolder(std::string_view artifact_uri) const;
  Result<std::string> ArtifactFolder(const Run& run) const {
    return ArtifactFolder(run.info.artifact_uri);
  }

  const StoreOptions& options() const;
  // Waits until the lineage graph and the audit log show everything that was committed before the
  // call.
  Status DrainRelay(const Context& context);

 private:
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace caisson::tracking
