// What changed between two tables: columns, rows, values.
#pragma once

#include <string>
#include <vector>

#include "base/context.h"
#include "base/json.h"
#include "base/status.h"
#include "engines/duckdb/duckdb.h"

namespace caisson::data {

struct TableDiff {
  struct Column {
    std::string name;
    std::string type_before, type_after;  // empty where the column is not there
    // {"nulls", "distinct", "min", "max", "mean"} of each side; null where it is not there
    Json before, after;
    int64_t changed = 0;  // rows with the same key and another value; 0 without keys
  };
  std::string before, after;  // the files
  std::vector<std::string> keys;
  int64_t rows_before = 0, rows_after = 0;
  // With keys: rows by key. Without: rows as they are in the columns that both have, counted as
  // often as they occur.
  int64_t rows_added = 0, rows_removed = 0, rows_changed = 0;
  std::vector<Column> columns;
  std::vector<Json> added, removed, changed;  // up to five of each; `changed` has both values

  bool same() const;
  Json ToJson() const;
  std::string ToText() const;
};

// Compares two files by their ending (see SourceExpression). InvalidArgument when a key is not in
// both, or is not unique in one of them.
Result<TableDiff> CompareTables(const Context& context, duckdb::Database& database,
                                const std::string& before, const std::string& after,
                                const std::vector<std::string>& keys);

}  // namespace caisson::data
