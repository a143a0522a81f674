// caisson.yaml: what a project is, in one file.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "base/yaml.h"
#include "lifecycle/monitoring/monitors.h"
#include "lifecycle/registry/gates.h"
#include "lifecycle/serving/endpoints.h"

namespace caisson::project {

// A file or folder that the project brings, with the suite that guards it.
struct DataSpec {
  std::string path;    // in the project
  std::string checks;  // path of a check suite; empty: none
};

// A model that a stage of the pipeline makes.
struct ModelSpec {
  std::string name;
  std::string stage;  // `from`: the stage whose outputs hold the model
  std::string
      folder;  // `folder`: where the stage leaves it; by default the stage's only output folder
  std::vector<registry::GateRule> gate;
  // Where the champion is judged again, so that both are measured on the same rows; empty
  // `evaluate`: the stored figures count.
  std::string evaluate_data;    // a Parquet file, "features/valid.parquet"
  std::string evaluate_target;  // its label column
};

struct ProjectFile {
  std::string folder;  // absolute
  std::string name;
  std::string pipeline = "dvc.yaml";
  std::vector<DataSpec> data;
  std::vector<ModelSpec> models;
  std::vector<serving::EndpointSpec> endpoints;
  std::vector<monitoring::MonitorSpec> monitors;
};

// Reads <folder>/caisson.yaml. Errors carry line and column; unknown keys are errors with a
// did-you-mean; names that point nowhere (an endpoint's model, a monitor's endpoint) are errors
// too. The key `server:` is left to base/config.h.
Result<ProjectFile> ReadProjectFile(const std::string& folder);
Result<ProjectFile> ParseProjectFile(const YamlDocument& document, const std::string& folder);

}  // namespace caisson::project
