// A copy of a project in which a run with other parameters can work.
#pragma once

#include <string>

#include "base/json.h"
#include "base/status.h"

namespace caisson::project::internal {

// Fills `workspace` with the project's own files, with links to its data and to its DVC cache, and
// with params.yaml changed by `overrides` (dotted path to value). A workspace that is complete
// already is left as it is, so that a run that was interrupted goes on in it. Errors name the
// parameter that does not exist.
Status PrepareWorkspace(const std::string& project_folder, const std::string& workspace,
                        const Json& overrides);

}  // namespace caisson::project::internal
