// From raw files to finished stages.
#include "base/files.h"
#include "base/hash.h"
#include "base/process.h"
#include "base/strings.h"
#include "engines/duckdb/duckdb.h"
#include "lifecycle/data/checks.h"
#include "lifecycle/data/profile.h"
#include "lifecycle/data/repository.h"
#include "lifecycle/project/internal/steps.h"

namespace caisson::project::internal {
namespace {

bool IsTable(std::string_view path) {
  const size_t dot = path.rfind('.');
  const std::string ending = dot == std::string_view::npos ? "" : ToLower(path.substr(dot + 1));
  return ending == "parquet" || ending == "csv" || ending == "json" || ending == "jsonl" ||
         ending == "ndjson";
}

// The data of a stage is made by the pipeline; only what nothing makes is added.
Status RecordOne(RunState& state, data::Repository& repository, const std::string& path) {
  const Context& context = state.job.context();
  const bool own_folder = state.overrides.is_null();
  // The repository may be a parent of the project's folder, so paths are given whole.
  const std::string full = JoinPath(state.folder, path);
  const bool tracked = repository.Tracked(full).ok();
  Result<data::OutEntry> entry =
      own_folder ? repository.Add(context, full) : repository.Hash(context, full);
  if (!entry.ok()) return entry.status();

  data::DatasetVersion version;
  version.path = path;
  version.md5 = entry->md5;
  version.size = entry->size;
  version.file_count = entry->file_count;
  CAISSON_ASSIGN(const auto known, state.parts.datasets.FindVersion(context, path, entry->md5));
  if (known.has_value()) {
    version = *known;
  } else if (IsTable(path)) {
    CAISSON_ASSIGN(auto database, duckdb::Database::Open({}));
    CAISSON_ASSIGN(data::TableDescription description,
                   data::DescribeTable(context, *database, full));
    version.schema = std::move(description.schema);
    version.profile = std::move(description.profile);
  }
  CAISSON_ASSIGN(version, state.parts.datasets.RecordVersion(context, version));
  state.datasets.push_back(version.name());
  const int64_t rows = version.profile["rows"].AsInt(-1);
  state.log.Done(
      "ingest",
      fmt::format("{}: {}{}, version {}{}", path, HumanBytes(static_cast<uint64_t>(version.size)),
                  rows < 0 ? "" : ", " + HumanCount(rows) + " rows", version.md5.substr(0, 8),
                  tracked || known.has_value() ? "" : " (new)"),
      Json::Of({{"dataset", version.name()},
                {"md5", version.md5},
                {"bytes", version.size},
                {"rows", rows}}));
  return OkStatus();
}

}  // namespace

Status RecordData(RunState& state) {
  if (state.project.data.empty()) return OkStatus();
  Result<std::unique_ptr<data::Repository>> repository =
      state.overrides.is_null() ? data::Repository::OpenOrInit(state.folder)
                                : data::Repository::Open(state.folder);
  if (!repository.ok()) return repository.status();
  for (const DataSpec& spec : state.project.data) {
    state.log.Started("ingest", spec.path);
    if (!FileExists(JoinPath(state.folder, spec.path))) {
      // A stage may make it; then the file is checked once it is there.
      return NotFound(
          "caisson.yaml: checks: there is no {} in {}. Put the file there, or fetch it with `dvc "
          "pull`",
          spec.path, state.folder);
    }
    CAISSON_TRY(RecordOne(state, **repository, spec.path));
  }
  return OkStatus();
}

Status CheckData(RunState& state) {
  const Context& context = state.job.context();
  for (size_t i = 0; i < state.project.data.size(); ++i) {
    const DataSpec& spec = state.project.data[i];
    if (spec.checks.empty()) continue;
    state.log.Started("check", fmt::format("{} against {}", spec.path, spec.checks));
    const std::string suite_path = JoinPath(state.folder, spec.checks);
    CAISSON_ASSIGN(const std::string suite_text, ReadFile(suite_path));
    CAISSON_ASSIGN(data::CheckSuite suite, data::ReadCheckSuite(suite_path));
    suite.folder = state.folder;
    CAISSON_ASSIGN(auto database, duckdb::Database::Open({}));
    CAISSON_ASSIGN(const data::CheckReport report,
                   data::RunChecks(context, *database, suite, JoinPath(state.folder, spec.path)));
    data::CheckRun run;
    run.dataset = state.datasets[i];
    run.suite = spec.checks;
    run.suite_md5 = Md5(suite_text);
    run.passed = report.passed;
    run.report = report.ToJson();
    CAISSON_TRY(state.parts.datasets.RecordCheckRun(context, run));
    if (!report.passed) {
      return FailedPrecondition("{} does not pass {}:\n  {}", spec.path, spec.checks,
                                Join(report.Failures(), "\n  "));
    }
    int64_t warnings = 0;
    for (const data::CheckResult& result : report.results) warnings += !result.passed;
    state.log.Done("check",
                   fmt::format("{} checks over {} rows passed{}", report.results.size(),
                               HumanCount(report.row_count),
                               warnings == 0 ? "" : fmt::format(", {} warned", warnings)),
                   Json::Of({{"dataset", state.datasets[i]},
                             {"checks", report.results.size()},
                             {"warnings", warnings}}));
  }
  return OkStatus();
}

Status RunStages(RunState& state) {
  pipelines::PipelineRequest request;
  request.folder = state.folder;
  request.file = state.project.pipeline;
  request.targets = state.targets;
  request.force = state.force;
  request.run_id = state.job.job().id;
  // `caisson` in a command of the pipeline is this very program.
  const char* path = std::getenv("PATH");
  request.environment["PATH"] =
      ParentPath(ExecutablePath()) + ":" + (path == nullptr ? "/usr/bin:/bin" : path);
  request.environment["CAISSON_PROJECT_DIR"] = state.folder;
  // A trainer of the user's own logs its runs here.
  if (const std::string url = state.parts.server_url(); !url.empty()) {
    request.environment["CAISSON_URL"] = url;
    request.environment["MLFLOW_TRACKING_URI"] = url;
  }
  const auto on_event = [&](const pipelines::PipelineEvent& event) {
    const std::string step = "stage " + event.stage;
    switch (event.kind) {
      case pipelines::PipelineEvent::Kind::kStageStarted:
        state.log.Started(step, event.text);
        break;
      case pipelines::PipelineEvent::Kind::kStageOutput:
        state.log.Output(step, event.text);
        break;
      case pipelines::PipelineEvent::Kind::kStageFinished:
        if (event.outcome->kind == pipelines::StageOutcomeKind::kFailed) {
          state.log.Failed(step, event.outcome->error);
        } else if (event.outcome->kind == pipelines::StageOutcomeKind::kRan) {
          state.log.Done(step, event.outcome->reason);
        } else {
          state.log.Skipped(step, std::string(pipelines::OutcomeName(event.outcome->kind)));
        }
        break;
    }
  };
  CAISSON_ASSIGN(state.pipeline, state.parts.executor.Run(state.job.context(), request, on_event));
  for (const pipelines::StageOutcome& stage : state.pipeline.stages) {
    if (stage.kind == pipelines::StageOutcomeKind::kFailed) {
      return FailedPrecondition("stage {} of {} failed: {}", stage.name, state.project.pipeline,
                                stage.error);
    }
  }
  return OkStatus();
}

std::string ReadCodeCommit(const Context& context, const std::string& folder) {
  const auto git = [&](std::vector<std::string> arguments) -> std::string {
    std::string output;
    arguments.insert(arguments.begin(), {"git", "-C", folder});
    const auto outcome =
        RunProcess(context, {.arguments = std::move(arguments),
                             .working_directory = "",
                             .environment = {},
                             .on_output = [&](std::string_view piece) { output += piece; }});
    return outcome.ok() && outcome->exit_code == 0 ? std::string(Trim(output)) : "";
  };
  const std::string commit = git({"rev-parse", "HEAD"});
  if (commit.empty()) return "";
  return git({"status", "--porcelain", "--untracked-files=no"}).empty() ? commit
                                                                        : commit + "-dirty";
}

}  // namespace caisson::project::internal
