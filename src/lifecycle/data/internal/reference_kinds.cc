// Checks against another file: the version before, a table of keys, another split.
#include "base/strings.h"
#include "lifecycle/data/internal/check_sql.h"

namespace caisson::data::internal {
namespace {

using enum ParameterType;

Parameter From() { return {"from", kFile, true, "the other file"}; }

// The rows of the table whose key is (or is not) in the other file.
Result<Plan> ByKey(const Subject& subject, std::string_view join, std::string expected) {
  CAISSON_ASSIGN(const std::string other, OtherFile(subject, "from"));
  const Json& columns = subject["columns"];
  const Json& to = subject["to"].is_null() ? columns : subject["to"];
  if (columns.size() != to.size()) {
    return InvalidArgument("{}: `to` names {} columns and `columns` {}", subject.check.kind,
                           to.size(), columns.size());
  }
  std::vector<std::string> conditions;
  std::vector<std::string> present;
  for (size_t i = 0; i < columns.size(); ++i) {
    const std::string ours = "ours." + duckdb::QuoteName(columns[i].AsString());
    conditions.push_back(fmt::format("{} = theirs.{}", ours, duckdb::QuoteName(to[i].AsString())));
    present.push_back(ours + " IS NOT NULL");
  }
  const std::string bad =
      fmt::format("FROM {} AS ours {} JOIN {} AS theirs ON {} WHERE {}", subject.relation, join,
                  other, Join(conditions, " AND "), Join(present, " AND "));
  Plan plan;
  plan.expected = std::move(expected);
  plan.query =
      fmt::format("SELECT (SELECT count(*) {}), (SELECT count(*) FROM {} AS ours WHERE {})", bad,
                  subject.relation, Join(present, " AND "));
  plan.examples = "SELECT ours.* " + bad;
  return plan;
}

Result<Plan> References(const Subject& subject) {
  return ByKey(
      subject, "ANTI",
      fmt::format("{} found in {}", ReadableList(subject["columns"]), subject["from"].AsString()));
}

Result<Plan> Disjoint(const Subject& subject) {
  return ByKey(
      subject, "SEMI",
      fmt::format("no {} of {}", ReadableList(subject["columns"]), subject["from"].AsString()));
}

Result<Plan> RowCountRatio(const Subject& subject) {
  CAISSON_ASSIGN(const std::string other, OtherFile(subject, "from"));
  return BoundedQueryPlan(
      subject,
      fmt::format("SELECT (SELECT count(*) FROM {}) / (SELECT count(*) FROM {})", subject.relation,
                  other),
      "rows by rows of " + subject["from"].AsString());
}

Result<Plan> SameColumns(const Subject& subject) {
  CAISSON_ASSIGN(const std::string other, OtherFile(subject, "from"));
  CAISSON_ASSIGN(const std::vector<duckdb::Column> theirs,
                 subject.database.Describe(subject.context, "SELECT * FROM " + other));
  const auto find = [](const std::vector<duckdb::Column>& columns,
                       const std::string& name) -> const duckdb::Column* {
    for (const duckdb::Column& column : columns) {
      if (column.name == name) return &column;
    }
    return nullptr;
  };
  std::vector<std::string> problems;
  for (const duckdb::Column& column : theirs) {
    const duckdb::Column* ours = find(subject.columns, column.name);
    if (ours == nullptr) {
      problems.push_back("missing: " + column.name);
    } else if (ours->type_name != column.type_name) {
      problems.push_back(
          fmt::format("{} is {} instead of {}", column.name, ours->type_name, column.type_name));
    }
  }
  for (const duckdb::Column& column : subject.columns) {
    if (find(theirs, column.name) == nullptr) problems.push_back("new: " + column.name);
  }
  return DecidedPlan(problems.empty(), "the columns and types of " + subject["from"].AsString(),
                     problems.empty() ? "the same" : Join(problems, "; "));
}

Result<Plan> MeanChange(const Subject& subject) {
  CAISSON_ASSIGN(const std::string other, OtherFile(subject, "from"));
  return BoundedQueryPlan(
      subject,
      fmt::format("SELECT (SELECT avg({0}) FROM {1}) - (SELECT avg({0}) FROM {2})", subject.column,
                  subject.relation, other),
      "mean less that of " + subject["from"].AsString());
}

}  // namespace

std::vector<Kind> ReferenceKinds() {
  const Parameter columns{"columns", kNames, true, "the key"};
  const Parameter to{"to", kNames, false,
                     "the key's columns in the other file; default: the same names"};
  return {
      {.name = "references",
       .scope = Scope::kTable,
       .parameters = {columns, From(), to},
       .takes_mostly = true,
       .summary =
           "Each key is found in the other file: a foreign key. Rows with a null are passed over.",
       .example = "references: {columns: [origin], from: data/airports.csv, to: [code]}",
       .compile = References},
      {.name = "disjoint",
       .scope = Scope::kTable,
       .parameters = {columns, From(), to},
       .takes_mostly = true,
       .summary = "No key is found in the other file: training and test rows do not overlap.",
       .example = "disjoint: {columns: [user_id], from: data/test.parquet}",
       .compile = Disjoint},
      {.name = "row_count_ratio",
       .scope = Scope::kTable,
       .parameters = {From(), Min(), Max()},
       .summary = "Rows by rows of the other file lie within the bounds.",
       .example = "row_count_ratio: {from: data/last.parquet, min: 0.9, max: 1.2}",
       .compile = RowCountRatio},
      {.name = "same_columns",
       .scope = Scope::kTable,
       .parameters = {From()},
       .primary = "from",
       .summary = "The table has the columns and types of the other file.",
       .example = "same_columns: data/last.parquet",
       .compile = SameColumns},
      {.name = "mean_change",
       .parameters = {From(), Min(), Max()},
       .summary = "The mean less the mean in the other file lies within the bounds.",
       .example = "mean_change: {from: data/last.parquet, min: -2, max: 2}",
       .compile = MeanChange},
  };
}

}  // namespace caisson::data::internal
