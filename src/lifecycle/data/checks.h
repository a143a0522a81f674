// Checks: what must hold of a table before anything is built on it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/json.h"
#include "base/status.h"
#include "base/yaml.h"
#include "engines/duckdb/duckdb.h"

namespace caisson::data {

enum class Severity { kError, kWarn };

// One line of a suite. The kinds and their parameters are listed in docs/checks.md.
struct Check {
  std::string kind;     // "not_null", "between", "in_set", "row_count", ...
  std::string column;   // empty for checks of the table
  Json parameters;      // the check's own, by name; a short form (`mean: 3`) is spelled out
  double mostly = 1.0;  // the share of rows that must pass
  Severity severity = Severity::kError;
  std::string where;  // a SQL condition on rows; empty: all
  std::string why;    // told when it fails
  int line = 0;       // in the suite's file
};

struct CheckSuite {
  std::string name;
  std::vector<Check> checks;
  // Where the names of other files in the suite (`from: data/last.parquet`) start; empty: the
  // working folder.
  std::string folder;
};

// Errors carry line and column; unknown checks and parameters are errors with a did-you-mean.
Result<CheckSuite> ParseCheckSuite(const YamlDocument& document, std::string_view name);
Result<CheckSuite> ReadCheckSuite(const std::string& path);

struct CheckResult {
  Check check;
  bool passed = false;
  // Whether an answer could be computed; otherwise the check has failed and `observed` says why.
  bool computed = true;
  std::string expected;  // "between 0 and 24"
  std::string observed;  // "3 of 3,000,000 rows fail, for example -1"
  int64_t failed_rows = 0;
  int64_t checked_rows = 0;
  std::vector<Json> examples;  // up to five failing rows, as objects; the check's column first
};

struct CheckReport {
  std::string suite;
  std::string source;
  bool passed = false;  // no failed check of severity error
  int64_t row_count = 0;
  double seconds = 0;
  std::vector<CheckResult> results;

  Json ToJson() const;
  std::string ToText() const;  // a table, then what failed with examples
  std::string ToHtml() const;  // a page that stands alone
  std::string ToJUnit() const;
  // One sentence a failed error check: "delay: not_null failed for 12 of 3,000,000 rows, e.g. ...".
  std::vector<std::string> Failures() const;
};

// Runs a suite over a file (Parquet, CSV, JSON by its ending) or a relation of the database, in one
// scan where the checks allow it. A file that cannot be read is NotFound or DataLoss naming it and,
// where it is a column's pages, the column; a check that names a missing column fails with the
// columns that there are; one that cannot be computed fails alone. Makes the view temp.data for the
// length of the call, so that one call at a time may use a database.
Result<CheckReport> RunChecks(const Context& context, duckdb::Database& database,
                              const CheckSuite& suite, const std::string& source);

// The FROM item that reads a file by its ending: read_parquet('...') for .parquet, read_csv for
// .csv and .tsv (also .gz), read_json for .json, .jsonl and .ndjson. InvalidArgument names the
// endings.
Result<std::string> SourceExpression(const std::string& path);

}  // namespace caisson::data
