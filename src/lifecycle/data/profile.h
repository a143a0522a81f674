// Profiles: what a table looks like, column by column.
#pragma once

#include <string>

#include "base/context.h"
#include "base/json.h"
#include "base/status.h"
#include "engines/duckdb/duckdb.h"

namespace caisson::data {

struct TableDescription {
  Json schema;  // [{"name": "delay", "type": "BIGINT"}]
  // {"rows": n, "columns": [{"name", "type", "nulls", "distinct" (approximate), "min", "max",
  //  "mean", "stddev", "quantiles": {"0.01", "0.25", "0.5", "0.75", "0.99"},
  //  "top": [{"value", "count"}], "histogram": {"edges": [..], "counts": [..]}, "min_length",
  //  "mean_length", "max_length", "characters" ("[A-Z]", what all values are made of)}]};
  // what does not apply to a type is left out.
  // A histogram has 20 bins of equal width from the 1 % to the 99 % quantile; the first begins at
  // the least value and the last ends at the greatest, so that one outlier does not flatten it.
  // Edges of times are seconds since 1970. NaN and infinities are in no quantile and in no bin.
  Json profile;
};

// Reads a file once or a few times. Deterministic but for `distinct`, which is an estimate.
Result<TableDescription> DescribeTable(const Context& context, duckdb::Database& database,
                                       const std::string& path);

}  // namespace caisson::data
