// The catalogue of checks as data: what each kind is called, what it takes, and how it becomes SQL.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/json.h"
#include "base/status.h"
#include "engines/duckdb/duckdb.h"
#include "lifecycle/data/checks.h"

namespace caisson::data::internal {

enum class Scope { kTable, kColumn };

// What a parameter accepts.
enum class ParameterType {
  kNumber,
  kBound,  // a number, or a text that DuckDB compares with the value ("2001-06-30")
  kText,
  kSql,     // an expression or a query over the rows
  kNames,   // names of columns; one name stands for a list of one
  kValues,  // a list of numbers, texts, booleans
  kTuples,  // a list of lists of the same length
  kTypes,   // one of DuckDB's types, or a list of them
  kFlag,
  kFile,  // a file beside the checked one
};

struct Parameter {
  std::string name;
  ParameterType type = ParameterType::kText;
  bool required = false;
  std::string help;
};

// How the answer of a check is read.
enum class Form {
  kRows,     // failed rows and checked rows
  kValue,    // a value, and whether it is accepted
  kDecided,  // decided without looking at rows, or by queries of its own
};

// What a check becomes for one table. `failed` and `value` below are SQL.
struct Plan {
  Form form = Form::kRows;
  std::string expected;  // "between 0 and 24"
  std::string label;     // what the value is: "mean"

  // Two aggregates over the rows, which join the one scan: kRows: failed and checked rows; kValue:
  // the value and whether it is accepted.
  std::string first;
  std::string second;
  // Or a query of its own that yields one row with those two columns. `table`, when it is not
  // empty, is a query whose rows are kept as the table temp.found while `query` and `examples` run.
  std::string query;
  std::string table;
  // kRows: a query that yields rows that fail; empty: none can be shown.
  std::string examples;

  // kDecided
  bool passed = false;
  std::string observed;
};

// One check and the table that it is about, while it is made into a plan.
struct Subject {
  const Context& context;
  duckdb::Database& database;
  const Check& check;
  const std::vector<duckdb::Column>& columns;  // of the table
  std::string column;  // the check's column as SQL, "delay" with its quotes; empty for the table's
  std::string type;    // the column's type
  std::string relation;       // the rows to look at, as a FROM item
  const std::string& source;  // what RunChecks was given
  const std::string& folder;  // where other files' names start

  const Json& operator[](std::string_view parameter) const { return check.parameters[parameter]; }
};

struct Kind {
  std::string name;
  Scope scope = Scope::kColumn;
  std::vector<Parameter> parameters;
  // The parameter that a short form gives (`in_set: [1, 2]`). With kBothBounds a number is min and
  // max at once.
  std::string primary;
  bool takes_mostly = false;
  std::string summary;
  std::string example;  // one line of YAML
  Result<Plan> (*compile)(const Subject& subject) = nullptr;
};

inline constexpr std::string_view kBothBounds = "min..max";

// The column of temp.found with the number of rows that are alike; a name that no table has by
// chance.
inline constexpr std::string_view kAlike = "\"(rows)\"";

// In the order of the documentation.
const std::vector<Kind>& CheckKinds();
// Null when there is none.
const Kind* FindKind(Scope scope, std::string_view name);

// The pieces of the catalogue.
std::vector<Kind> ValueKinds();         // row by row
std::vector<Kind> TextKinds();          // row by row, texts
std::vector<Kind> StatisticKinds();     // aggregates of a column
std::vector<Kind> OrderKinds();         // unique, increasing, within standard deviations
std::vector<Kind> TableKinds();         // shape, rows, several columns
std::vector<Kind> ReferenceKinds();     // against another file
std::vector<Kind> DistributionKinds();  // a column's distribution against another file's

}  // namespace caisson::data::internal
