// dvc.yaml: the stages of a pipeline, with templates resolved. The format is DVC's (dvc/schema.py,
// dvc/parsing).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "base/yaml.h"

namespace caisson::pipelines {

struct StageOut {
  std::string path;      // relative to the stage's working directory, as written
  bool cache = true;     // `cache: false` leaves it to Git
  bool persist = false;  // not removed before the command runs
};

// Parameters that the stage depends on: keys of a file, or the whole file when `keys` is empty.
struct StageParams {
  std::string file;
  std::vector<std::string> keys;  // dotted
};

struct Stage {
  std::string name;                   // "train", "train@8", "report@a-b"
  Json command;                       // a text or a list, as written: what dvc.lock remembers
  std::vector<std::string> commands;  // run one after the other
  std::string working_directory;      // relative to the pipeline's folder; "." by default
  std::vector<std::string> deps;
  std::vector<StageParams> params;
  std::vector<StageOut> outs;  // outs, metrics and plots
  bool frozen = false;
  bool always_changed = false;
  std::string description;
};

struct Pipeline {
  std::string folder;         // absolute
  std::vector<Stage> stages;  // in the order of the file, templates expanded
};

// Reads <folder>/<file>; params.yaml beside it is the context of templates. Errors carry line and
// column of the stage.
Result<Pipeline> ReadPipeline(const std::string& folder, const std::string& file);

// The indexes of the stages that `targets` need (all when empty), each after those that it depends
// on. InvalidArgument names the stages of a cycle, the two stages that claim one output, or the
// target that does not exist.
Result<std::vector<size_t>> StageOrder(const Pipeline& pipeline,
                                       const std::vector<std::string>& targets);

// The path of a dependency or an output from the pipeline's folder.
std::string StagePath(const Stage& stage, std::string_view path);

}  // namespace caisson::pipelines
