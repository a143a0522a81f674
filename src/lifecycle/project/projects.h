// Projects: makes caisson.yaml true, and keeps it true.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/context.h"
#include "base/json.h"
#include "base/status.h"
#include "lifecycle/data/datasets.h"
#include "lifecycle/monitoring/monitors.h"
#include "lifecycle/pipelines/executor.h"
#include "lifecycle/project/project_file.h"
#include "lifecycle/registry/registry.h"
#include "lifecycle/serving/endpoints.h"
#include "lifecycle/tracking/store.h"
#include "platform/events/outbox.h"
#include "platform/jobs/jobs.h"
#include "platform/sql/database.h"

namespace caisson::project {

struct RunRequest {
  std::string folder;                // absolute
  std::vector<std::string> targets;  // stages; empty: all
  bool force = false;
  // Parameters that differ from params.yaml, by dotted path. With any, the run happens in a copy of
  // the project under the data folder's workspaces/, so that the user's files stay as they are.
  Json overrides;
  std::string reason = "asked for";  // shown in the job, the runs and the lineage
};

// A line of what `caisson run` shows, in the job's log as JSON: {"step", "state":
// started|output|done|failed|skipped, "detail", "seconds", "data"}.
inline constexpr std::string_view kRunJobKind = "project.run";

const sql::Schema& ProjectSchema();

// Owned by `app`. Any thread. A run is a durable job: killed at any moment it goes on after a
// restart, and no step that completed is done again: stages by dvc.lock, runs by the tag
// caisson.candidate, versions by their files, decisions by their numbers.
class Projects {
 public:
  struct Dependencies {
    sql::Database& database;
    jobs::Runner& jobs;
    data::Datasets& datasets;
    pipelines::Executor& executor;
    tracking::Store& tracking;
    registry::Registry& registry;
    serving::Endpoints& endpoints;
    monitoring::Monitors& monitors;
    const Clock& clock;
    std::string workspaces_folder;
    std::function<std::string()>
        server_url;  // where this server answers, for the stages' commands; may say nothing yet
  };
  explicit Projects(Dependencies dependencies);
  ~Projects();

  // Registers the job's handler; before jobs::Runner::Start.
  void RegisterJobs();
  // Reacts to monitor.drift_found whose on_drift asks for a retrain: enqueues a run with the
  // overrides, at most one at a time for a project and a window. Registered with the outbox by
  // `app`.
  Status OnDriftFound(sql::Transaction& transaction, const events::Event& event);

  // Enqueues a run, or finds the unfinished one of the same folder and overrides; the result is the
  // job's id.
  Result<std::string> Submit(const Context& context, const RunRequest& request);
  // What a run would do, and why, as {"project", "data": [..], "stages": [..], "models": [..],
  // "endpoints": [..], "monitors": [..]}, each with "action" and "reason". Changes nothing.
  Result<Json> Plan(const Context& context, const std::string& folder);

  // What is known of all projects: [{"name", "folder", "last_run": {...}}].
  Result<Json> List(const Context& context);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace caisson::project
