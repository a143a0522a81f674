// DVC's templates: ${a.b[0]} in the strings of dvc.yaml.
#pragma once

#include <string_view>

#include "base/json.h"
#include "base/status.h"

namespace caisson::pipelines::internal {

// Resolves every string below `value`. A string that is exactly one template keeps the value's
// type; inside a longer text a value is written as text, and below the key `cmd` a map becomes
// command-line flags. "\${" is a literal "${". NotFound names the template that the context does
// not have.
Result<Json> ResolveTemplates(const Json& value, const Json& context, bool in_command = false);

// Merges `addition` into `context`; a leaf that is there already with another value is
// InvalidArgument.
Status MergeContext(Json& context, const Json& addition, const std::string& where);

}  // namespace caisson::pipelines::internal
