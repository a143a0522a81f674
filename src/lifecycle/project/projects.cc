#include "lifecycle/project/projects.h"

#include "base/files.h"
#include "base/strings.h"
#include "lifecycle/data/checks.h"
#include "lifecycle/data/repository.h"
#include "lifecycle/pipelines/pipeline_file.h"
#include "lifecycle/project/internal/steps.h"
#include "lifecycle/project/internal/workspace.h"
#include "lifecycle/project/resources.h"
#include "platform/lineage/lineage.h"

namespace caisson::project {
namespace {

using internal::RunState;

Json RequestToJson(const RunRequest& request) {
  return Json::Of({{"folder", request.folder},
                   {"targets", Json::ArrayOf(request.targets)},
                   {"force", request.force},
                   {"overrides", request.overrides},
                   {"reason", request.reason}});
}

// "${window_end}" and "${window_start}", with or without the braces, stand for the window's days in
// a retrain's `set`; anything else is a value.
Json ResolveOverride(const Json& value, const Json& payload) {
  for (const char* name : {"window_end", "window_start"}) {
    if (value.AsString() == name || value.AsString() == fmt::format("${{{}}}", name))
      return Json(FormatTime(payload[name].AsInt()).substr(0, 10));
  }
  return value;
}

// What the project file points to: the pipeline with its order, the stages of its models, its check
// suites.
Status CheckFiles(const ProjectFile& file, const std::vector<std::string>& targets) {
  CAISSON_ASSIGN(const pipelines::Pipeline pipeline,
                 pipelines::ReadPipeline(file.folder, file.pipeline));
  CAISSON_TRY(pipelines::StageOrder(pipeline, targets));
  std::vector<std::string> stages;
  for (const pipelines::Stage& stage : pipeline.stages) stages.push_back(stage.name);
  for (const ModelSpec& model : file.models) {
    if (std::find(stages.begin(), stages.end(), model.stage) == stages.end()) {
      return InvalidArgument("caisson.yaml: models.{}.from: {} has no stage '{}'{}", model.name,
                             file.pipeline, model.stage, SuggestName(model.stage, stages));
    }
  }
  for (const DataSpec& spec : file.data) {
    if (!spec.checks.empty()) CAISSON_TRY(data::ReadCheckSuite(JoinPath(file.folder, spec.checks)));
  }
  return OkStatus();
}

Json Item(std::string_view name, std::string_view action, std::string_view reason) {
  return Json::Of({{"name", name}, {"action", action}, {"reason", reason}});
}

}  // namespace

const sql::Schema& ProjectSchema() {
  static const sql::Schema schema{"project",
                                  {{1, "projects", resources::kMigrations0001ProjectsSql}}};
  return schema;
}

class Projects::Impl {
 public:
  explicit Impl(Dependencies dependencies) : parts_(std::move(dependencies)) {}

  const Dependencies& parts() const { return parts_; }

  // The whole run, step by step. The result is what `caisson run` prints at the end.
  Result<Json> Run(jobs::JobHandle& job) {
    internal::StepLog log(job);
    const Json& payload = job.job().payload;
    RunState state{.parts = parts_,
                   .job = job,
                   .log = log,
                   .project = {},
                   .folder = "",
                   .reason = "",
                   .targets = {},
                   .force = false,
                   .overrides = {},
                   .code_commit = "",
                   .datasets = {},
                   .pipeline = {}};
    state.reason = payload["reason"].AsString();
    state.force = payload["force"].AsBool() && job.job().attempt <= 1;
    state.overrides = payload["overrides"].empty() ? Json() : payload["overrides"];
    for (const Json& target : payload["targets"].array())
      state.targets.push_back(target.AsString());
    const std::string project_folder = payload["folder"].AsString();
    state.folder = project_folder;
    if (!state.overrides.is_null()) {
      state.folder = JoinPath(parts_.workspaces_folder, job.job().id);
      log.Started("workspace", state.folder);
      CAISSON_TRY(internal::PrepareWorkspace(project_folder, state.folder, state.overrides));
      log.Done("workspace", WriteJson(state.overrides));
    }
    CAISSON_ASSIGN(state.project, ReadProjectFile(state.folder));
    CAISSON_TRY(RememberProject(job, project_folder, state.project));
    state.code_commit = internal::ReadCodeCommit(job.context(), project_folder);

    CAISSON_TRY(internal::RecordData(state));
    CAISSON_TRY(internal::CheckData(state));
    CAISSON_TRY(internal::RunStages(state));
    Json models = Json::MakeArray();
    for (const ModelSpec& model : state.project.models) {
      CAISSON_ASSIGN(const internal::TrainedModel trained, internal::LogCandidates(state, model));
      CAISSON_ASSIGN(const registry::ModelVersion version, internal::RegisterModel(state, trained));
      CAISSON_ASSIGN(const registry::DecisionRecord decision,
                     internal::PassGate(state, trained, version));
      models.Append(Json::Of({{"model", version.model},
                              {"version", version.version},
                              {"run_id", trained.run_id},
                              {"admitted", decision.decision.admitted},
                              {"decision_id", decision.id}}));
    }
    CAISSON_TRY(internal::ApplyWantedState(state));
    return Json::Of({{"project", state.project.name}, {"models", models}});
  }

  Status RememberProject(jobs::JobHandle& job, const std::string& folder, const ProjectFile& file) {
    return parts_.database.Write(job.context(), [&](sql::Transaction& transaction) -> Status {
      CAISSON_TRY(
          transaction.Execute("INSERT INTO project_folders (folder, name, first_run_at, "
                              "last_run_at, last_job_id) VALUES ($1, $2, $3, $3, $4) "
                              "ON CONFLICT (folder) DO UPDATE SET name = excluded.name, "
                              "last_run_at = excluded.last_run_at, "
                              "last_job_id = excluded.last_job_id",
                              {folder, file.name, transaction.now(), job.job().id}));
      for (const serving::EndpointSpec& endpoint : file.endpoints) {
        CAISSON_TRY(
            transaction.Execute("INSERT INTO project_endpoints (endpoint, folder) VALUES ($1, $2) "
                                "ON CONFLICT (endpoint) DO UPDATE SET folder = excluded.folder",
                                {endpoint.name, folder}));
      }
      return OkStatus();
    });
  }

  // A retrain of the project is under way, or its result is on trial at the endpoint.
  Result<bool> IsBeingReplaced(sql::Transaction& transaction, const std::string& folder,
                               const std::string& endpoint) {
    for (const char* state : {"running", "queued"}) {
      CAISSON_ASSIGN(const std::vector<jobs::Job> unfinished,
                     jobs::List(transaction,
                                {.kind = std::string(kRunJobKind), .state = state, .limit = 100}));
      for (const jobs::Job& job : unfinished) {
        if (job.payload["folder"].AsString() == folder && !job.payload["overrides"].empty())
          return true;
      }
    }
    const Result<serving::EndpointStatus> status =
        parts_.endpoints.Get(transaction.context(), endpoint);
    // An endpoint that was removed meanwhile needs no new model; the event is done with.
    if (status.status().code() == StatusCode::kNotFound) return true;
    CAISSON_TRY(status);
    return std::any_of(status->deployments.begin(), status->deployments.end(),
                       [](const serving::Deployment& deployment) {
                         return deployment.state == serving::DeploymentState::kCanary;
                       });
  }

  // Adds what would happen to the data to `out`.
  Status PlanData(const Context& context, const ProjectFile& file, Json& out) {
    const Result<std::unique_ptr<data::Repository>> repository =
        data::Repository::Open(file.folder);
    for (const DataSpec& spec : file.data) {
      if (!FileExists(JoinPath(file.folder, spec.path))) {
        out.Append(Item(spec.path, "missing",
                        "the file is not there; put it there, or fetch it with `dvc pull`"));
        continue;
      }
      if (!repository.ok()) {
        out.Append(Item(spec.path, "add", "not yet under version control"));
        continue;
      }
      const std::string full = JoinPath(file.folder, spec.path);
      const Result<data::OutEntry> tracked = (*repository)->Tracked(full);
      CAISSON_ASSIGN(const data::OutEntry present, (*repository)->Hash(context, full));
      if (!tracked.ok()) {
        out.Append(Item(spec.path, "add", "not yet under version control"));
      } else if (tracked->md5 != present.md5) {
        out.Append(
            Item(spec.path, "new version",
                 fmt::format("{} became {}", tracked->md5.substr(0, 8), present.md5.substr(0, 8))));
      } else {
        out.Append(Item(spec.path, "keep", "unchanged"));
      }
    }
    return OkStatus();
  }

  Status PlanStages(const Context& context, const ProjectFile& file, Json& out,
                    bool& anything_runs) {
    pipelines::PipelineRequest request;
    request.folder = file.folder;
    request.file = file.pipeline;
    CAISSON_ASSIGN(const pipelines::PipelineOutcome outcome,
                   parts_.executor.Plan(context, request));
    for (const pipelines::StageOutcome& stage : outcome.stages) {
      const bool runs = stage.kind == pipelines::StageOutcomeKind::kRan;
      anything_runs = anything_runs || runs;
      out.Append(Item(stage.name, runs ? "run" : "keep",
                      stage.reason.empty() ? "unchanged" : stage.reason));
    }
    return OkStatus();
  }

  Status PlanServing(const Context& context, const ProjectFile& file, Json& endpoints,
                     Json& monitors) {
    for (const serving::EndpointSpec& wanted : file.endpoints) {
      const Result<serving::EndpointStatus> status = parts_.endpoints.Get(context, wanted.name);
      if (!status.ok()) {
        endpoints.Append(
            Item(wanted.name, "create", fmt::format("follows {}@{}", wanted.model, wanted.alias)));
      } else if (!(serving::EndpointSpecToJson(status->spec) ==
                   serving::EndpointSpecToJson(wanted))) {
        endpoints.Append(Item(wanted.name, "change", "the file says otherwise than the server"));
      } else {
        endpoints.Append(Item(wanted.name, "keep", "as wanted"));
      }
    }
    CAISSON_ASSIGN(const std::vector<monitoring::MonitorSpec> present,
                   parts_.monitors.List(context));
    for (const monitoring::MonitorSpec& wanted : file.monitors) {
      std::string action = "create";
      for (const monitoring::MonitorSpec& monitor : present) {
        if (monitor.endpoint != wanted.endpoint) continue;
        action = monitoring::MonitorSpecToJson(monitor) == monitoring::MonitorSpecToJson(wanted)
                     ? "keep"
                     : "change";
      }
      monitors.Append(
          Item(wanted.endpoint, action, action == "keep" ? "as wanted" : "the file says so"));
    }
    return OkStatus();
  }

 private:
  Dependencies parts_;
};

Projects::Projects(Dependencies dependencies)
    : impl_(std::make_unique<Impl>(std::move(dependencies))) {}
Projects::~Projects() = default;

void Projects::RegisterJobs() {
  impl_->parts().jobs.Register(std::string(kRunJobKind),
                               [this](jobs::JobHandle& job) -> Result<Json> {
                                 Result<Json> result = impl_->Run(job);
                                 if (!result.ok())
                                   internal::StepLog(job).Failed("run", Message(result.status()));
                                 return result;
                               });
}

Status Projects::OnDriftFound(sql::Transaction& transaction, const events::Event& event) {
  const Json& retrain = event.payload["on_drift"]["retrain"];
  if (retrain.is_null()) return OkStatus();
  const std::string endpoint = event.payload["endpoint"].AsString();
  CAISSON_ASSIGN(const auto folder,
                 transaction.QueryOne<std::string>(
                     "SELECT folder FROM project_endpoints WHERE endpoint = $1", {endpoint},
                     [](const sql::Row& row) { return row.String(0); }));
  if (!folder.has_value())
    return OkStatus();  // an endpoint that no project owns has nothing to train
  CAISSON_ASSIGN(const bool busy, impl_->IsBeingReplaced(transaction, *folder, endpoint));
  if (busy)
    return OkStatus();  // the next window finds the drift again, should it outlast the present
                        // attempt
  RunRequest request;
  request.folder = *folder;
  request.overrides = Json::MakeObject();
  for (const auto& [name, value] : retrain["set"].object()) {
    request.overrides.Set(name, ResolveOverride(value, event.payload));
  }
  const std::string window_end = FormatTime(event.payload["window_end"].AsInt()).substr(0, 10);
  request.reason = fmt::format("drift at {} in the week up to {}", endpoint, window_end);
  jobs::JobRequest job;
  job.kind = std::string(kRunJobKind);
  job.payload = RequestToJson(request);
  job.payload.Set("caused_by_event", event.sequence);
  job.dedupe_key =
      fmt::format("retrain/{}/{}/{}/{}", *folder, endpoint, event.payload["version"].AsInt(),
                  WriteJson(request.overrides, {.sort_keys = true}));
  CAISSON_ASSIGN(const std::string id, jobs::Enqueue(transaction, job));
  const lineage::NodeId node{"job", id};
  CAISSON_TRY(lineage::PutNode(transaction, node, Json::Of({{"reason", request.reason}})));
  return lineage::PutEdge(transaction, node, "caused_by",
                          {"drift_report", event.payload["report"].AsString()});
}

Result<std::string> Projects::Submit(const Context& context, const RunRequest& request) {
  // Read first, so that a mistake in the files is the caller's answer and not a failed job.
  CAISSON_ASSIGN(const ProjectFile file, ReadProjectFile(request.folder));
  CAISSON_TRY(CheckFiles(file, request.targets));
  const Json payload = RequestToJson(request);
  return impl_->parts().database.WriteFor<std::string>(
      context, [&](sql::Transaction& transaction) -> Result<std::string> {
        for (const char* state : {"running", "queued"}) {
          CAISSON_ASSIGN(
              const std::vector<jobs::Job> unfinished,
              jobs::List(transaction,
                         {.kind = std::string(kRunJobKind), .state = state, .limit = 100}));
          for (const jobs::Job& job : unfinished) {
            if (job.payload == payload) return job.id;
          }
        }
        return jobs::Enqueue(
            transaction, {.kind = std::string(kRunJobKind), .payload = payload, .dedupe_key = ""});
      });
}

Result<Json> Projects::Plan(const Context& context, const std::string& folder) {
  CAISSON_ASSIGN(const ProjectFile file, ReadProjectFile(folder));
  Json data = Json::MakeArray();
  Json stages = Json::MakeArray();
  Json models = Json::MakeArray();
  Json endpoints = Json::MakeArray();
  Json monitors = Json::MakeArray();
  bool anything_runs = false;
  CAISSON_TRY(impl_->PlanData(context, file, data));
  CAISSON_TRY(impl_->PlanStages(context, file, stages, anything_runs));
  for (const ModelSpec& model : file.models) {
    std::vector<std::string> rules;
    for (const registry::GateRule& rule : model.gate) rules.push_back(rule.text);
    models.Append(anything_runs ? Item(model.name, "train and gate",
                                       rules.empty() ? "no gate" : Join(rules, ", "))
                                : Item(model.name, "keep", "its stages are unchanged"));
  }
  CAISSON_TRY(impl_->PlanServing(context, file, endpoints, monitors));
  return Json::Of({{"project", file.name},
                   {"data", data},
                   {"stages", stages},
                   {"models", models},
                   {"endpoints", endpoints},
                   {"monitors", monitors}});
}

Result<Json> Projects::List(const Context& context) {
  return impl_->parts().database.ReadFor<Json>(context, [](sql::Session& session) -> Result<Json> {
    Json projects = Json::MakeArray();
    CAISSON_TRY(session.Query(
        "SELECT name, folder, last_run_at, last_job_id FROM project_folders ORDER BY name", {},
        [&](const sql::Row& row) {
          projects.Append(Json::Of({{"name", row.String(0)},
                                    {"folder", row.String(1)},
                                    {"last_run_at", FormatTime(row.Int(2))},
                                    {"last_job_id", row.String(3)}}));
          return OkStatus();
        }));
    return projects;
  });
}

}  // namespace caisson::project
