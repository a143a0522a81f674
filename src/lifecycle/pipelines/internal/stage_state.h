// What a stage looks like now, and how that differs from what dvc.lock remembers.
#pragma once

#include <string>
#include <vector>

#include "base/context.h"
#include "base/json.h"
#include "base/status.h"
#include "lifecycle/data/repository.h"
#include "lifecycle/pipelines/pipeline_file.h"

namespace caisson::pipelines::internal {

// One line of a lock entry's deps or outs: {"path", "hash", "md5", "size", "nfiles"?, "isexec"?}.
Json LockLine(const std::string& written_path, const data::OutEntry& entry);
// And back; `path` is made relative to the repository's root.
data::OutEntry FromLockLine(const Json& line, const std::string& path);

// The lock entry of the stage as its inputs are now: cmd, deps and params, and no outs yet.
// NotFound names a dependency or a parameter that is not there.
Result<Json> InputEntry(const Context& context, data::Repository& repository,
                        const Pipeline& pipeline, const Stage& stage);

// Why the inputs differ from the locked entry ("params.yaml: prepare.as_of changed"); empty when
// they do not.
std::vector<std::string> InputChanges(const Json& locked, const Json& now);
// Why the outputs in the work tree differ from the locked ones.
std::vector<std::string> OutputChanges(const Context& context, data::Repository& repository,
                                       const Pipeline& pipeline, const Stage& stage,
                                       const Json& locked);

}  // namespace caisson::pipelines::internal
