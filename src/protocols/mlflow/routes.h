// MLflow's REST interface over the tracking store and the registry.
#pragma once

#include <string>
#include <vector>

#include "lifecycle/registry/registry.h"
#include "lifecycle/tracking/store.h"
#include "platform/http/router.h"

namespace caisson::mlflow {

struct MlflowOptions {
  // Before /ajax-api, /get-artifact and the pages, not before /api, /health and /version; "" or
  // "/prefix".
  std::string static_prefix;
  // Whether /api/2.0/mlflow-artifacts is answered; otherwise 503.
  bool serve_artifacts = true;
  // Only the artifact proxy; everything else answers 503.
  bool artifacts_only = false;
  // The most bytes of one uploaded artifact.
  uint64_t max_artifact_bytes = uint64_t{1} << 40;
  // What GET /version says: the release of MLflow whose interface this is.
  std::string version = "3.17.2";
};

struct MlflowDependencies {
  tracking::Store& tracking;
  registry::Registry& registry;
};

// The route table. The handlers keep references to the dependencies and hold no state. `/health`
// and `/version` are among the routes; leave them out with `include_health` when the program
// answers them itself.
std::vector<http::Route> MlflowRoutes(const MlflowDependencies& dependencies,
                                      const MlflowOptions& options, bool include_health = true);

// What the flags of `mlflow server` say. Flags are given as they were on the command line, without
// the command's own words. Unknown flags are InvalidArgument; an empty value means that the flag
// was not given.
struct ServerFlags {
  std::string host = "127.0.0.1";
  int port = 5000;
  std::string backend_store_uri;  // sqlite:///file, a folder, or empty
  std::string default_artifact_root;
  std::string artifacts_destination;
  bool serve_artifacts = true;
  bool artifacts_only = false;
  std::string static_prefix;
  std::string app_name;  // "basic-auth" or empty
  int workers = 0;
};
Result<ServerFlags> ParseServerFlags(
    const std::vector<std::string>& arguments,
    const std::vector<std::pair<std::string, std::string>>& environment);

}  // namespace caisson::mlflow
