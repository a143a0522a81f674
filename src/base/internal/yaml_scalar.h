// What a YAML scalar without quotes means. Used by the reader and the writer of YAML.
#pragma once

#include <string_view>

#include "base/json.h"

namespace caisson::internal {

// Null, boolean, integer, double, or the text itself as a string.
Json ResolvePlainScalar(std::string_view text);

// Whether some reader could take the plain text for something else than a string: true where
// ResolvePlainScalar gives another type, for dates, merge keys, and texts in the form of a number
// that no number type holds.
bool LooksLikeNoString(std::string_view text);

}  // namespace caisson::internal
