// Pieces of SQL and of sentences that the kinds of checks are made of.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "lifecycle/data/internal/check_kind.h"

namespace caisson::data::internal {

// A value as SQL writes it: 'text', 12, true, [1, 2], NULL; objects become structs.
std::string Literal(const Json& value);
// "(1, 2, 'x')"
std::string LiteralList(const Json& values);
// "a", "b"
std::string NameList(const Json& names);
// The user's own SQL in brackets; a comment at its end cannot swallow what follows.
std::string Bracket(std::string_view sql);

// A value as a person reads it: 3,000,000 and 8.25 and text as it is.
std::string Readable(const Json& value);
// At most eight values: "a, b, c, ... (12 in all)".
std::string ReadableList(const Json& values);

// "between 0 and 24", "at least 0", "at most 24", "exactly 3"
std::string DescribeBounds(const Json& parameters);
// SQL that is true where `value` lies within min and max of the parameters, both included. NaN,
// which to DuckDB is greater than every number, is never within bounds.
std::string WithinBounds(std::string_view value, const Json& parameters);
// SQL that is false for NaN.
std::string NotNan(std::string_view value);

// A plan that looks at each row where `population` holds (empty: all) and wants `good` to be true.
Plan RowPlan(const Subject& subject, std::string_view population, std::string_view good,
             std::string expected);
// The same for a column whose nulls are passed over.
Plan ColumnPlan(const Subject& subject, std::string_view good, std::string expected);
// A plan that wants the aggregate `value` within the bounds of the parameters.
Plan BoundedPlan(const Subject& subject, std::string_view value, std::string label);
// The same for the single value that `query` yields.
Plan BoundedQueryPlan(const Subject& subject, std::string_view query, std::string label);
Plan DecidedPlan(bool passed, std::string expected, std::string observed);

// Usual parameters.
Parameter Min();
Parameter Max();

// A FROM item for a file that a parameter names, relative to the suite's folder.
Result<std::string> OtherFile(const Subject& subject, std::string_view parameter);

}  // namespace caisson::data::internal
