#include "lifecycle/pipelines/executor.h"

#include <set>

#include <unistd.h>

#include "base/files.h"
#include "base/process.h"
#include "base/strings.h"
#include "lifecycle/data/repository.h"
#include "lifecycle/pipelines/internal/lock_file.h"
#include "lifecycle/pipelines/internal/stage_state.h"
#include "lifecycle/pipelines/pipeline_file.h"
#include "lifecycle/pipelines/resources.h"
#include "platform/lineage/lineage.h"

namespace caisson::pipelines {
namespace {

using internal::LockFile;

// Names a stage run in tables and lineage: enough digits that two never meet.
constexpr size_t kLockHashDigits = 16;
// How much of a failing command's last output goes into its error.
constexpr size_t kErrorTailBytes = 2'000;

// Calls back once a line, whatever pieces the output comes in.
class LineSplitter {
 public:
  explicit LineSplitter(std::function<void(const std::string&)> on_line)
      : on_line_(std::move(on_line)) {}
  void Add(std::string_view piece) {
    for (const char c : piece) {
      if (c != '\n' && c != '\r') {
        line_ += c;
        continue;
      }
      Flush();
    }
  }
  void Flush() {
    if (!line_.empty()) on_line_(line_);
    line_.clear();
  }

 private:
  std::function<void(const std::string&)> on_line_;
  std::string line_;
};

std::vector<StageFile> FilesOf(const Json& lines) {
  std::vector<StageFile> files;
  for (const Json& line : lines.array())
    files.push_back({line["path"].AsString(), line["md5"].AsString(), line["size"].AsInt()});
  return files;
}

std::string DatasetName(const StageFile& file) { return file.path + "@" + file.md5.substr(0, 8); }

// One run of a pipeline: the state that its stages share.
class PipelineRun {
 public:
  PipelineRun(sql::Database& database, const Context& context, const PipelineRequest& request,
              const std::function<void(const PipelineEvent&)>& on_event)
      : database_(database), context_(context), request_(request), on_event_(on_event) {}

  Status Open() {
    CAISSON_ASSIGN(pipeline_, ReadPipeline(request_.folder, request_.file));
    CAISSON_ASSIGN(order_, StageOrder(pipeline_, request_.targets));
    CAISSON_ASSIGN(lock_, LockFile::Read(request_.folder, request_.file));
    return OkStatus();
  }

  Result<PipelineOutcome> Run() {
    PipelineOutcome outcome;
    CAISSON_ASSIGN(repository_, data::Repository::OpenOrInit(request_.folder));
    CAISSON_TRY(CheckOutputs());
    const LockHolder holder{.pid = ::getpid(),
                            .since = SystemClock().now(),
                            .command = "caisson run",
                            .http_address = ""};
    CAISSON_ASSIGN(
        const FileLock exclusive,
        FileLock::Acquire(JoinPath(repository_->root(), ".dvc/tmp/caisson-pipeline.lock"), holder));
    bool failed = false;
    for (size_t i = 0; i < order_.size(); ++i) {
      index_ = static_cast<int>(i) + 1;
      const Stage& stage = pipeline_.stages[order_[i]];
      StageOutcome result;
      result.name = stage.name;
      if (failed) {
        result.reason = "a stage before it failed";
      } else {
        CAISSON_TRY(RunStage(stage, result));
        failed = result.kind == StageOutcomeKind::kFailed;
      }
      outcome.stages.push_back(std::move(result));
    }
    return outcome;
  }

  Result<PipelineOutcome> Plan() {
    PipelineOutcome outcome;
    // A folder that is in no repository yet is left so: then nothing was ever run there.
    Result<std::unique_ptr<data::Repository>> repository = data::Repository::Open(request_.folder);
    if (repository.ok()) repository_ = *std::move(repository);
    std::set<std::string> remade;  // outputs of stages that would run
    for (const size_t index : order_) {
      const Stage& stage = pipeline_.stages[index];
      StageOutcome result;
      result.name = stage.name;
      std::vector<std::string> reasons;
      for (const std::string& dep : stage.deps) {
        if (remade.count(StagePath(stage, dep)) > 0) reasons.push_back(dep + " will be made anew");
      }
      if (reasons.empty() && repository_ == nullptr) reasons.push_back("never run");
      if (reasons.empty()) {
        const Result<Json> now = internal::InputEntry(context_, *repository_, pipeline_, stage);
        reasons = now.ok() ? Reasons(stage, *now) : std::vector<std::string>{Message(now.status())};
      }
      result.kind = reasons.empty() ? StageOutcomeKind::kUnchanged : StageOutcomeKind::kRan;
      result.reason = Join(reasons, ", ");
      if (!reasons.empty()) {
        for (const StageOut& out : stage.outs) remade.insert(StagePath(stage, out.path));
      }
      outcome.stages.push_back(std::move(result));
    }
    return outcome;
  }

 private:
  // Outputs are removed before a command runs; only what is the project's may be.
  Status CheckOutputs() const {
    for (const Stage& stage : pipeline_.stages) {
      for (const StageOut& out : stage.outs) {
        const std::string path = RelativeToRoot(stage, out.path);
        if (path != ".." && path.rfind("../", 0) != 0 && path != ".") continue;
        return InvalidArgument("stage {}: the output {} lies outside the repository {}", stage.name,
                               out.path, repository_->root());
      }
    }
    return OkStatus();
  }

  std::vector<std::string> Reasons(const Stage& stage, const Json& now) {
    const Json& locked = lock_->Find(stage.name);
    if (request_.force) return {"forced"};
    if (stage.always_changed) return {"always_changed"};
    if (stage.frozen && !locked.is_null()) return {};
    std::vector<std::string> reasons = internal::InputChanges(locked, now);
    if (!reasons.empty()) return reasons;
    return internal::OutputChanges(context_, *repository_, pipeline_, stage, locked);
  }

  Status RunStage(const Stage& stage, StageOutcome& result) {
    Result<Json> entry = internal::InputEntry(context_, *repository_, pipeline_, stage);
    if (!entry.ok()) return Fail(stage, result, Message(entry.status()));
    const std::vector<std::string> reasons = Reasons(stage, *entry);
    result.reason = Join(reasons, ", ");
    if (reasons.empty()) {
      result.kind = StageOutcomeKind::kUnchanged;
      CAISSON_TRY(Finish(stage, lock_->Find(stage.name), result));
      return OkStatus();
    }
    if (!request_.force && !stage.always_changed && Restore(stage, *entry)) {
      result.kind = StageOutcomeKind::kRestored;
      return Finish(stage, *entry, result);
    }
    Emit({PipelineEvent::Kind::kStageStarted, stage.name, result.reason, nullptr, index_,
          static_cast<int>(order_.size())});
    const auto start = std::chrono::steady_clock::now();
    const Status ran = RunCommands(stage, result);
    result.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (!ran.ok()) return Fail(stage, result, Message(ran));
    const Status collected = CollectOutputs(stage, *entry);
    if (!collected.ok()) return Fail(stage, result, Message(collected));
    result.kind = StageOutcomeKind::kRan;
    return Finish(stage, *entry, result);
  }

  Status Fail(const Stage& stage, StageOutcome& result, std::string error) {
    // A run that was stopped says nothing about the stage.
    CAISSON_TRY(context_.Check());
    result.kind = StageOutcomeKind::kFailed;
    result.error = std::move(error);
    Emit({PipelineEvent::Kind::kStageFinished, stage.name, result.reason, &result, index_,
          static_cast<int>(order_.size())});
    return OkStatus();
  }

  // Fills `entry` with the outputs of an earlier run on the same inputs, and the work tree from the
  // cache.
  bool Restore(const Stage& stage, Json& entry) {
    Json with_paths = entry;
    Json outs = Json::MakeArray();
    std::vector<std::string> paths;
    for (const StageOut& out : stage.outs) paths.push_back(out.path);
    std::sort(paths.begin(), paths.end());
    for (const std::string& path : paths) outs.Append(Json::Of({{"path", path}}));
    with_paths.Set("outs", std::move(outs));
    Json found =
        internal::FindInRunCache(repository_->cache_folder(), internal::RunCacheKey(with_paths));
    // The lock itself is as good a memory as the run cache when only outputs are missing.
    if (found.is_null() && internal::InputChanges(lock_->Find(stage.name), entry).empty())
      found = lock_->Find(stage.name);
    if (found.is_null() || found["outs"].size() != stage.outs.size()) return false;
    std::vector<data::OutEntry> entries;
    for (const Json& line : found["outs"].array()) {
      entries.push_back(
          internal::FromLockLine(line, RelativeToRoot(stage, line["path"].AsString())));
      if (!repository_->InCache(entries.back())) return false;
    }
    for (const data::OutEntry& out : entries) {
      const Result<data::OutEntry> present =
          repository_->Hash(context_, JoinPath(repository_->root(), out.path));
      if (present.ok() && present->md5 == out.md5) continue;
      if (!repository_->Checkout(context_, out).ok()) return false;
    }
    entry = std::move(found);
    return true;
  }

  Status RunCommands(const Stage& stage, StageOutcome& result) {
    for (const StageOut& out : stage.outs) {
      const std::string path = JoinPath(pipeline_.folder, StagePath(stage, out.path));
      if (!out.persist) CAISSON_TRY(RemoveTree(path));
      CAISSON_TRY(MakeDirectories(ParentPath(path)));
    }
    std::string tail;
    LineSplitter lines([&](const std::string& line) {
      Emit({PipelineEvent::Kind::kStageOutput, stage.name, line, nullptr, index_,
            static_cast<int>(order_.size())});
      tail += line + "\n";
      if (tail.size() > 2 * kErrorTailBytes) tail.erase(0, tail.size() - kErrorTailBytes);
    });
    for (const std::string& command : stage.commands) {
      ProcessOptions options;
      options.arguments = {"/bin/sh", "-c", command};
      options.working_directory = JoinPath(pipeline_.folder, stage.working_directory);
      options.environment = request_.environment;
      options.environment["DVC_ROOT"] = repository_->root();
      options.environment["DVC_STAGE"] = stage.name;
      options.on_output = [&](std::string_view piece) { lines.Add(piece); };
      CAISSON_ASSIGN(const ProcessOutcome outcome, RunProcess(context_, options));
      lines.Flush();
      result.exit_code = outcome.exit_code;
      if (outcome.exit_code != 0) {
        return FailedPrecondition("`{}` ended with {}{}{}", command, outcome.exit_code,
                                  tail.empty() ? "" : ":\n", Trim(tail));
      }
    }
    return OkStatus();
  }

  Status CollectOutputs(const Stage& stage, Json& entry) {
    std::vector<StageOut> outs = stage.outs;
    std::sort(outs.begin(), outs.end(),
              [](const StageOut& a, const StageOut& b) { return a.path < b.path; });
    Json lines = Json::MakeArray();
    for (const StageOut& out : outs) {
      const std::string path = JoinPath(pipeline_.folder, StagePath(stage, out.path));
      if (!FileExists(path))
        return FailedPrecondition("the command ended well but did not make {}", out.path);
      // Also what Git keeps goes into the cache, as DVC does for its run cache.
      CAISSON_ASSIGN(const data::OutEntry found, repository_->Commit(context_, path));
      lines.Append(internal::LockLine(out.path, found));
    }
    if (!lines.empty()) entry.Set("outs", std::move(lines));
    return OkStatus();
  }

  // From here on the stage is done, whatever happens to the process.
  Status Finish(const Stage& stage, const Json& entry, StageOutcome& result) {
    result.deps = FilesOf(entry["deps"]);
    result.outs = FilesOf(entry["outs"]);
    result.lock_hash = internal::RunCacheValue(entry).substr(0, kLockHashDigits);
    if (!(lock_->Find(stage.name) == entry)) CAISSON_TRY(lock_->Put(stage.name, entry));
    const bool cacheable = !stage.deps.empty() && !stage.outs.empty() && !stage.always_changed;
    if (result.kind == StageOutcomeKind::kRan && cacheable) {
      CAISSON_TRY(internal::SaveToRunCache(repository_->cache_folder(), entry));
    }
    CAISSON_TRY(Record(stage, entry, result));
    Emit({PipelineEvent::Kind::kStageFinished, stage.name, result.reason, &result, index_,
          static_cast<int>(order_.size())});
    return OkStatus();
  }

  Status Record(const Stage& stage, const Json& entry, const StageOutcome& result) {
    return database_.Write(context_, [&](sql::Transaction& transaction) -> Status {
      CAISSON_ASSIGN(const int64_t inserted,
                     transaction.Execute(
                         "INSERT INTO pipelines_stage_runs (project, lock_hash, stage, folder, "
                         "run_id, outcome, "
                         "reason, seconds, lock_entry, finished_at) "
                         "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
                         {context_.project(), result.lock_hash, stage.name, pipeline_.folder,
                          request_.run_id, OutcomeName(result.kind), result.reason, result.seconds,
                          WriteJson(entry), transaction.now()}));
      if (inserted == 0) return OkStatus();
      const lineage::NodeId node{"stage_run", result.lock_hash};
      CAISSON_TRY(lineage::PutNode(transaction, node,
                                   Json::Of({{"stage", stage.name},
                                             {"cmd", entry["cmd"]},
                                             {"params", entry["params"]},
                                             {"seconds", result.seconds}})));
      for (const StageFile& dep : result.deps) {
        CAISSON_TRY(
            lineage::PutNode(transaction, {"dataset_version", DatasetName(dep)},
                             Json::Of({{"path", dep.path}, {"md5", dep.md5}, {"size", dep.size}})));
        CAISSON_TRY(
            lineage::PutEdge(transaction, node, "uses", {"dataset_version", DatasetName(dep)}));
      }
      for (const StageFile& out : result.outs) {
        CAISSON_TRY(
            lineage::PutNode(transaction, {"dataset_version", DatasetName(out)},
                             Json::Of({{"path", out.path}, {"md5", out.md5}, {"size", out.size}})));
        CAISSON_TRY(
            lineage::PutEdge(transaction, {"dataset_version", DatasetName(out)}, "made_by", node));
      }
      return OkStatus();
    });
  }

  std::string RelativeToRoot(const Stage& stage, const std::string& path) const {
    return RelativePath(JoinPath(pipeline_.folder, StagePath(stage, path)), repository_->root());
  }

  void Emit(const PipelineEvent& event) const {
    if (on_event_) on_event_(event);
  }

  sql::Database& database_;
  const Context& context_;
  const PipelineRequest& request_;
  const std::function<void(const PipelineEvent&)>& on_event_;
  Pipeline pipeline_;
  std::vector<size_t> order_;
  std::unique_ptr<data::Repository> repository_;
  std::optional<LockFile> lock_;
  int index_ = 0;
};

}  // namespace

const sql::Schema& PipelinesSchema() {
  static const sql::Schema schema{"pipelines",
                                  {{1, "stage_runs", resources::kMigrations0001StageRunsSql}}};
  return schema;
}

std::string_view OutcomeName(StageOutcomeKind kind) {
  switch (kind) {
    case StageOutcomeKind::kRan:
      return "ran";
    case StageOutcomeKind::kUnchanged:
      return "unchanged";
    case StageOutcomeKind::kRestored:
      return "restored from the cache";
    case StageOutcomeKind::kFailed:
      return "failed";
    case StageOutcomeKind::kSkipped:
      return "skipped";
  }
  return "skipped";
}

bool PipelineOutcome::ok() const {
  return std::none_of(stages.begin(), stages.end(), [](const StageOutcome& stage) {
    return stage.kind == StageOutcomeKind::kFailed;
  });
}

Executor::Executor(sql::Database& database) : database_(database) {}

Result<PipelineOutcome> Executor::Run(const Context& context, const PipelineRequest& request,
                                      const std::function<void(const PipelineEvent&)>& on_event) {
  PipelineRun run(database_, context, request, on_event);
  CAISSON_TRY(run.Open());
  return run.Run();
}

Result<PipelineOutcome> Executor::Plan(const Context& context, const PipelineRequest& request) {
  PipelineRun run(database_, context, request, nullptr);
  CAISSON_TRY(run.Open());
  return run.Plan();
}

}  // namespace caisson::pipelines
