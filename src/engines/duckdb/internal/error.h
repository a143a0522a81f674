// DuckDB's error texts, made into ours.
#pragma once

#include <string_view>

#include "base/status.h"

namespace caisson::duckdb {

// The kind that starts the text ("Binder Error: ...") decides the code. The excerpt of the
// statement with its caret becomes
// "(line 3: SELECT x FROM t)"; stack traces go. One line.
Status ErrorStatus(std::string_view text);

}  // namespace caisson::duckdb
