// From finished stages to a version that may take traffic.
#include "base/files.h"
#include "base/strings.h"
#include "engines/duckdb/duckdb.h"
#include "engines/onnxruntime/onnxruntime.h"
#include "lifecycle/project/internal/steps.h"
#include "platform/lineage/lineage.h"

namespace caisson::project::internal {
namespace {

constexpr std::string_view kCandidateTag = "caisson.candidate";

const pipelines::StageOutcome* FindStage(const RunState& state, std::string_view name) {
  for (const pipelines::StageOutcome& stage : state.pipeline.stages) {
    if (stage.name == name) return &stage;
  }
  return nullptr;
}

// The folder that holds the model: as the project file says, or the stage's output that has a
// model.onnx in it.
Result<std::string> ModelFolder(const RunState& state, const ModelSpec& model,
                                const pipelines::StageOutcome& stage) {
  if (!model.folder.empty()) return JoinPath(state.folder, model.folder);
  for (const pipelines::StageFile& out : stage.outs) {
    const std::string path = JoinPath(state.folder, out.path);
    if (FileExists(JoinPath(path, "model.onnx"))) return path;
    if (BaseName(out.path) == "model.onnx") return ParentPath(path);
  }
  std::vector<std::string> outs;
  for (const pipelines::StageFile& out : stage.outs) outs.push_back(out.path);
  return FailedPrecondition(
      "models.{}: no output of the stage {} holds a model.onnx (outputs: {}). Name the folder with "
      "`folder:` under models.{}",
      model.name, stage.name, outs.empty() ? "none" : Join(outs, ", "), model.name);
}

// What would otherwise come to light when a server loads the version, or when the next one is
// compared with it.
Status CheckServable(const RunState& state, const TrainedModel& trained) {
  const ModelSpec& model = *trained.spec;
  const std::string file = JoinPath(trained.folder, "model.onnx");
  if (FileExists(file)) {
    const auto session = onnxruntime::Session::Load(file);
    if (!session.ok()) {
      return FailedPrecondition(
          "models.{}: the stage {} left a model.onnx that cannot be served: {}", model.name,
          model.stage, Message(session.status()));
    }
  }
  if (model.evaluate_data.empty()) return OkStatus();
  CAISSON_ASSIGN(const auto database, duckdb::Database::Open({}));
  const std::string data = JoinPath(state.folder, model.evaluate_data);
  CAISSON_ASSIGN(
      const std::vector<duckdb::Column> columns,
      database->Describe(state.job.context(), "SELECT * FROM " + duckdb::QuoteText(data)));
  std::vector<std::string> names;
  for (const duckdb::Column& column : columns) names.push_back(column.name);
  if (std::find(names.begin(), names.end(), model.evaluate_target) != names.end())
    return OkStatus();
  return InvalidArgument("caisson.yaml: models.{}.evaluate.target: {} has no column '{}'{}",
                         model.name, model.evaluate_data, model.evaluate_target,
                         SuggestName(model.evaluate_target, names));
}

Result<std::string> ExperimentId(RunState& state) {
  const Context& context = state.job.context();
  const Result<tracking::Experiment> found =
      state.parts.tracking.GetExperimentByName(context, state.project.name);
  if (found.ok()) return found->id;
  if (found.status().code() != StatusCode::kNotFound) return found.status();
  return state.parts.tracking.CreateExperiment(context, state.project.name);
}

std::vector<tracking::Tag> CandidateTags(const RunState& state, const std::string& key,
                                         const ModelSpec& model,
                                         const training::Candidate& candidate) {
  std::vector<tracking::Tag> tags = {
      {std::string(kCandidateTag), key},
      {"caisson.job", state.job.job().id},
      {"caisson.reason", state.reason},
      {"caisson.model", model.name},
      {"caisson.stage", model.stage},
      {"caisson.best", candidate.best ? "true" : "false"},
      {"mlflow.source.name", state.project.pipeline},
      {"mlflow.source.type", "PROJECT"},
      {"mlflow.user", state.job.context().principal()},
  };
  if (!state.code_commit.empty()) tags.push_back({"mlflow.source.git.commit", state.code_commit});
  return tags;
}

// Logs what a run lacks; every call may be repeated.
Status FillRun(RunState& state, const tracking::Run& run, const training::Candidate& candidate,
               const std::string& folder) {
  const Context& context = state.job.context();
  const std::string& run_id = run.info.run_id;
  tracking::Batch batch;
  for (const auto& [key, value] : candidate.params) batch.params.push_back({key, value});
  for (const auto& [name, value] : state.overrides.object()) {
    batch.params.push_back({name, value.is_string() ? value.AsString() : WriteJson(value)});
  }
  for (const auto& [key, value] : candidate.metrics) {
    batch.metrics.push_back(
        {.key = key, .value = value, .timestamp = run.info.start_time, .step = 0});
  }
  CAISSON_TRY(state.parts.tracking.LogBatch(context, run_id, batch));
  for (const training::Curve& curve : candidate.curves) {
    tracking::Batch points;
    for (size_t step = 0; step < curve.values.size(); ++step) {
      points.metrics.push_back({.key = curve.key,
                                .value = curve.values[step],
                                .timestamp = run.info.start_time,
                                .step = curve.steps[step]});
    }
    CAISSON_TRY(state.parts.tracking.LogBatch(context, run_id, points));
  }
  std::vector<tracking::DatasetInput> inputs;
  for (const std::string& dataset : state.datasets) {
    const size_t at = dataset.rfind('@');
    inputs.push_back({{.name = dataset.substr(0, at),
                       .digest = dataset.substr(at + 1),
                       .source_type = "dvc",
                       .source = dataset,
                       .schema = std::nullopt,
                       .profile = std::nullopt},
                      {{"mlflow.data.context", "training"}}});
  }
  CAISSON_TRY(state.parts.tracking.LogInputs(context, run_id, inputs));
  if (candidate.best) {
    CAISSON_ASSIGN(const std::string artifacts, state.parts.tracking.ArtifactFolder(run));
    const std::string target = JoinPath(artifacts, "model");
    CAISSON_TRY(MakeDirectories(target));
    CAISSON_ASSIGN(const std::vector<DirectoryEntry> entries, ListDirectory(folder));
    for (const DirectoryEntry& entry : entries) {
      if (entry.kind != FileKind::kRegular) continue;
      CAISSON_TRY(CopyFile(JoinPath(folder, entry.name), JoinPath(target, entry.name)));
    }
  }
  CAISSON_TRY(state.parts.tracking.UpdateRun(context, run_id, tracking::RunStatus::kFinished,
                                             state.parts.clock.now()));
  return OkStatus();
}

Status RecordRunLineage(RunState& state, const std::string& run_id,
                        const pipelines::StageOutcome& stage) {
  return state.parts.database.Write(
      state.job.context(), [&](sql::Transaction& transaction) -> Status {
        const lineage::NodeId run{"run", run_id};
        CAISSON_TRY(
            lineage::PutEdge(transaction, run, "logged_by", {"stage_run", stage.lock_hash}));
        if (!state.code_commit.empty()) {
          CAISSON_TRY(lineage::PutEdge(transaction, run, "at", {"code_commit", state.code_commit}));
        }
        CAISSON_TRY(lineage::PutNode(transaction, {"job", state.job.job().id},
                                     Json::Of({{"reason", state.reason}})));
        return lineage::PutEdge(transaction, run, "part_of", {"job", state.job.job().id});
      });
}

Result<tracking::Run> FindOrCreateRun(RunState& state, const std::string& experiment,
                                      const std::string& key, const ModelSpec& model,
                                      const training::Candidate& candidate) {
  const Context& context = state.job.context();
  tracking::SearchRunsRequest search;
  search.experiment_ids = {experiment};
  search.filter = fmt::format("tags.`{}` = '{}'", kCandidateTag, key);
  search.max_results = 1;
  CAISSON_ASSIGN(tracking::Page<tracking::Run> found,
                 state.parts.tracking.SearchRuns(context, search));
  if (!found.items.empty()) return std::move(found.items.front());
  tracking::CreateRunRequest create;
  create.experiment_id = experiment;
  create.name = candidate.name;
  create.user_id = context.principal();
  create.start_time = state.parts.clock.now();
  create.tags = CandidateTags(state, key, model, candidate);
  return state.parts.tracking.CreateRun(context, create);
}

// The metrics of the champion, on the candidate's validation set where the project names one.
Result<std::optional<registry::MetricMap>> ChampionMetrics(RunState& state,
                                                           const TrainedModel& trained,
                                                           const registry::ModelVersion& champion) {
  const Context& context = state.job.context();
  if (trained.spec->evaluate_data.empty()) {
    CAISSON_ASSIGN(const tracking::Run run, state.parts.tracking.GetRun(context, champion.run_id));
    registry::MetricMap metrics;
    for (const tracking::Metric& metric : run.latest_metrics) metrics[metric.key] = metric.value;
    return std::optional<registry::MetricMap>(std::move(metrics));
  }
  CAISSON_ASSIGN(const std::string model_file, state.parts.registry.ModelFile(context, champion));
  CAISSON_ASSIGN(
      registry::MetricMap metrics,
      training::Evaluate(context, model_file, JoinPath(state.folder, trained.spec->evaluate_data),
                         trained.spec->evaluate_target));
  return std::optional<registry::MetricMap>(std::move(metrics));
}

}  // namespace

Result<TrainedModel> LogCandidates(RunState& state, const ModelSpec& model) {
  const pipelines::StageOutcome* stage = FindStage(state, model.stage);
  if (stage == nullptr) {
    std::vector<std::string> names;
    for (const pipelines::StageOutcome& outcome : state.pipeline.stages)
      names.push_back(outcome.name);
    return InvalidArgument("caisson.yaml: models.{}.from: {} has no stage '{}'{}", model.name,
                           state.project.pipeline, model.stage, SuggestName(model.stage, names));
  }
  TrainedModel trained;
  trained.spec = &model;
  trained.stage_hash = stage->lock_hash;
  CAISSON_ASSIGN(trained.folder, ModelFolder(state, model, *stage));
  state.log.Started("track", model.name);
  CAISSON_ASSIGN(const std::vector<training::Candidate> candidates,
                 training::ReadCandidates(trained.folder));
  CAISSON_ASSIGN(const std::string experiment, ExperimentId(state));
  for (size_t i = 0; i < candidates.size(); ++i) {
    const training::Candidate& candidate = candidates[i];
    const std::string key = fmt::format("{}/{}/{}", model.name, stage->lock_hash, i);
    CAISSON_ASSIGN(const tracking::Run run,
                   FindOrCreateRun(state, experiment, key, model, candidate));
    if (run.info.status != tracking::RunStatus::kFinished) {
      CAISSON_TRY(FillRun(state, run, candidate, trained.folder));
    }
    CAISSON_TRY(RecordRunLineage(state, run.info.run_id, *stage));
    if (candidate.best) {
      trained.run_id = run.info.run_id;
      trained.metrics = candidate.metrics;
    }
  }
  std::string figures;
  for (const char* name : {"auc", "logloss", "p99_ms"}) {
    const auto metric = trained.metrics.find(name);
    if (metric != trained.metrics.end())
      figures += fmt::format(", {} {:.4f}", name, metric->second);
  }
  state.log.Done("track",
                 fmt::format("{} candidates logged as runs; best: {}{}", candidates.size(),
                             trained.run_id.substr(0, 8), figures),
                 Json::Of({{"experiment_id", experiment}, {"run_id", trained.run_id}}));
  return trained;
}

Result<registry::ModelVersion> RegisterModel(RunState& state, const TrainedModel& trained) {
  state.log.Started("register", trained.spec->name);
  CAISSON_TRY(CheckServable(state, trained));
  registry::NewVersion request;
  request.model = trained.spec->name;
  request.create_model = true;
  request.source = fmt::format("runs:/{}/model", trained.run_id);
  request.files_from = trained.folder;
  request.run_id = trained.run_id;
  request.description = state.reason;
  request.tags = {{"caisson.stage_hash", trained.stage_hash}};
  const Result<std::string> signature = ReadFile(JoinPath(trained.folder, "signature.json"));
  if (signature.ok()) {
    CAISSON_ASSIGN(request.signature, ParseJson(*signature));
  }
  CAISSON_ASSIGN(registry::ModelVersion version,
                 state.parts.registry.CreateVersionOnce(state.job.context(), request));
  state.log.Done(
      "register",
      fmt::format("{} version {}, digest {}", version.model, version.version,
                  version.digest.substr(0, 12)),
      Json::Of(
          {{"model", version.model}, {"version", version.version}, {"digest", version.digest}}));
  return version;
}

Result<registry::DecisionRecord> PassGate(RunState& state, const TrainedModel& trained,
                                          const registry::ModelVersion& version) {
  const Context& context = state.job.context();
  state.log.Started("gate", fmt::format("{} version {}", version.model, version.version));
  const Result<registry::DecisionRecord> earlier =
      state.parts.database.ReadFor<registry::DecisionRecord>(context, [&](sql::Session& session) {
        return registry::FindDecision(session, context.project(), version.model, version.version);
      });
  registry::DecisionRecord record;
  if (earlier.ok()) {
    record = *earlier;
  } else {
    record.model = version.model;
    record.version = version.version;
    record.candidate_metrics = trained.metrics;
    const Result<registry::ModelVersion> champion =
        state.parts.registry.GetVersionByAlias(context, version.model, "champion");
    if (champion.ok() && champion->version != version.version) {
      record.champion_version = champion->version;
      CAISSON_ASSIGN(record.champion_metrics, ChampionMetrics(state, trained, *champion));
    }
    record.decision =
        registry::Decide(trained.spec->gate, record.candidate_metrics, record.champion_metrics);
    CAISSON_ASSIGN(record, state.parts.database.WriteFor<registry::DecisionRecord>(
                               context, [&](sql::Transaction& transaction) {
                                 return registry::RecordDecision(transaction, record);
                               }));
  }
  std::vector<std::string> lines;
  for (const registry::GateLine& line : record.decision.lines) lines.push_back(line.why);
  const std::string detail = fmt::format("{} version {} {}: {}", record.model, record.version,
                                         record.decision.admitted ? "admitted" : "refused",
                                         lines.empty() ? "no rules" : Join(lines, "; "));
  state.log.Done("gate", detail, registry::ToJson(record.decision));
  return record;
}

Status ApplyWantedState(RunState& state) {
  const Context& context = state.job.context();
  for (const serving::EndpointSpec& endpoint : state.project.endpoints) {
    state.log.Started("serve", endpoint.name);
    CAISSON_TRY(state.parts.endpoints.Put(context, endpoint));
    state.log.Done("serve", fmt::format("endpoint {} follows {}@{}", endpoint.name, endpoint.model,
                                        endpoint.alias));
  }
  for (const monitoring::MonitorSpec& monitor : state.project.monitors) {
    state.log.Started("watch", monitor.endpoint);
    CAISSON_TRY(state.parts.monitors.Put(context, monitor));
    state.log.Done(
        "watch",
        fmt::format("monitor {}: drift above {:g}{}", monitor.endpoint, monitor.drift_threshold,
                    monitor.performance_metric.empty()
                        ? ""
                        : fmt::format(", {} dropping by {:g}", monitor.performance_metric,
                                      monitor.performance_drop)));
  }
  return OkStatus();
}

}  // namespace caisson::project::internal
