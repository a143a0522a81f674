// Makes a dvc.yaml true.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/json.h"
#include "base/status.h"
#include "platform/sql/database.h"

namespace caisson::pipelines {

struct PipelineRequest {
  std::string folder;  // where dvc.yaml lies
  std::string file = "dvc.yaml";
  std::vector<std::string> targets;  // stages with what they need; empty: all
  bool force = false;
  std::map<std::string, std::string> environment;  // added to every command's
  std::string run_id;  // names this attempt in tables and lineage; the same after a restart
};

enum class StageOutcomeKind { kRan, kUnchanged, kRestored, kFailed, kSkipped };
std::string_view OutcomeName(StageOutcomeKind kind);

struct StageFile {
  std::string path;
  std::string md5;
  int64_t size = 0;
};

struct StageOutcome {
  std::string name;
  StageOutcomeKind kind = StageOutcomeKind::kSkipped;
  std::string reason;  // why it ran: "params.yaml: prepare.as_of changed"
  double seconds = 0;
  int exit_code = 0;
  std::string lock_hash;  // of its dvc.lock entry; the name of its lineage node
  std::vector<StageFile> deps;
  std::vector<StageFile> outs;
  std::string error;
};

struct PipelineOutcome {
  std::vector<StageOutcome> stages;  // in the order in which they ran
  bool ok() const;
};

struct PipelineEvent {
  enum class Kind { kStageStarted, kStageOutput, kStageFinished };
  Kind kind = Kind::kStageStarted;
  std::string stage;
  std::string text;                       // the reason, or a line of output
  const StageOutcome* outcome = nullptr;  // of a finished stage
  int index = 0;                          // from 1
  int total = 0;
};

const sql::Schema& PipelinesSchema();

// Runs what is out of date, in order, one stage after the other. A stage that completed is in
// dvc.lock (written atomically), in the run cache and in the table pipelines_stage_runs before the
// next begins, so that a killed run goes on where it was and never repeats a completed stage. Owned
// by `app`; any thread; two runs of one folder exclude each other (a lock file in .dvc/tmp).
class Executor {
 public:
  explicit Executor(sql::Database& database);

  // A stage that fails ends the run: its outcome says so, the result is still OK. Errors of the
  // files themselves are the Status.
  Result<PipelineOutcome> Run(const Context& context, const PipelineRequest& request,
                              const std::function<void(const PipelineEvent&)>& on_event);
  // What Run would do, and why; nothing is changed.
  Result<PipelineOutcome> Plan(const Context& context, const PipelineRequest& request);

 private:
  sql::Database& database_;
};

}  // namespace caisson::pipelines
