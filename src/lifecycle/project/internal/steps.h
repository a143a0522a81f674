// The steps of a run, each idempotent, in the order in which they happen.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lifecycle/pipelines/executor.h"
#include "lifecycle/project/projects.h"
#include "lifecycle/training/results.h"
#include "platform/jobs/jobs.h"

namespace caisson::project::internal {

// Says what happens, a line of JSON at a time (see Projects).
class StepLog {
 public:
  explicit StepLog(jobs::JobHandle& job) : job_(job) {}
  void Started(std::string_view step, std::string_view detail);
  void Output(std::string_view step, std::string_view line);
  void Done(std::string_view step, std::string_view detail, const Json& data = Json());
  void Skipped(std::string_view step, std::string_view detail);
  void Failed(std::string_view step, std::string_view detail);

 private:
  void Write(std::string_view step, std::string_view state, std::string_view detail,
             const Json& data);
  jobs::JobHandle& job_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

// What the steps hand to one another. Lives for one run of the job.
struct RunState {
  const Projects::Dependencies& parts;
  jobs::JobHandle& job;
  StepLog& log;
  ProjectFile project;
  std::string folder;  // the project, or its workspace copy
  std::string reason;
  std::vector<std::string> targets;
  bool force = false;
  Json overrides;                     // null: the project's own folder
  std::string code_commit;            // "1a2b3c4", with "-dirty"; empty outside git
  std::vector<std::string> datasets;  // names of the dataset versions
  pipelines::PipelineOutcome pipeline;
};

// Hashes and records the data; in the project's own folder also `dvc add`s what is not tracked yet.
Status RecordData(RunState& state);
// FailedPrecondition names the column, the check and the count when a check of severity error
// fails.
Status CheckData(RunState& state);
Status RunStages(RunState& state);

// What a model's stage brought.
struct TrainedModel {
  const ModelSpec* spec = nullptr;
  std::string folder;      // of the model's files
  std::string stage_hash;  // the stage's lock hash
  std::string run_id;      // of the best candidate
  std::map<std::string, double> metrics;
};
// Logs every candidate as a run; a candidate that was logged before is found.
Result<TrainedModel> LogCandidates(RunState& state, const ModelSpec& model);
// Registers the best candidate; the same files of the same run are the same version.
Result<registry::ModelVersion> RegisterModel(RunState& state, const TrainedModel& trained);
// Judges the champion on the candidate's validation set and decides.
Result<registry::DecisionRecord> PassGate(RunState& state, const TrainedModel& trained,
                                          const registry::ModelVersion& version);
// Makes endpoints and monitors what the file says.
Status ApplyWantedState(RunState& state);

// `git rev-parse`, with "-dirty" when tracked files differ; empty when the folder is in no git
// repository.
std::string ReadCodeCommit(const Context& context, const std::string& folder);

}  // namespace caisson::project::internal
