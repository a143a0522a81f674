// Checks of a table: its shape, its rows, and columns beside each other.
#include <set>

#include "base/files.h"
#include "base/hash.h"
#include "base/strings.h"
#include "lifecycle/data/internal/check_sql.h"

namespace caisson::data::internal {
namespace {

using enum ParameterType;

Result<Plan> HasColumns(const Subject& subject) {
  std::vector<std::string> expected;
  for (const Json& name : subject["names"].array()) expected.push_back(name.AsString());
  std::vector<std::string> present;
  for (const duckdb::Column& column : subject.columns) present.push_back(column.name);
  std::vector<std::string> problems;
  std::vector<std::string> missing;
  std::vector<std::string> extra;
  for (const std::string& name : expected) {
    if (std::find(present.begin(), present.end(), name) == present.end()) missing.push_back(name);
  }
  for (const std::string& name : present) {
    if (std::find(expected.begin(), expected.end(), name) == expected.end()) extra.push_back(name);
  }
  if (!missing.empty()) problems.push_back("missing: " + Join(missing, ", "));
  if (!extra.empty() && !subject["others"].AsBool())
    problems.push_back("not expected: " + Join(extra, ", "));
  if (problems.empty() && subject["ordered"].AsBool()) {
    std::erase_if(present, [&](const std::string& name) {
      return std::find(extra.begin(), extra.end(), name) != extra.end();
    });
    if (present != expected) problems.push_back("in the order " + Join(present, ", "));
  }
  std::string wanted = "columns " + Join(expected, ", ");
  if (subject["others"].AsBool()) wanted += " among others";
  if (subject["ordered"].AsBool()) wanted += ", in this order";
  return DecidedPlan(problems.empty(), std::move(wanted),
                     problems.empty() ? "all there" : Join(problems, "; "));
}

// Bounds on a number that is known without SQL.
Plan BoundedNumber(const Subject& subject, int64_t value, std::string_view label) {
  const Json& min = subject["min"];
  const Json& max = subject["max"];
  const double number = static_cast<double>(value);
  const bool passed =
      (min.is_null() || number >= min.AsDouble()) && (max.is_null() || number <= max.AsDouble());
  return DecidedPlan(passed, fmt::format("{} {}", label, DescribeBounds(subject.check.parameters)),
                     HumanCount(value));
}

Result<Plan> FileSize(const Subject& subject) {
  CAISSON_ASSIGN(const FileInfo info, StatFile(subject.source));
  return BoundedNumber(subject, static_cast<int64_t>(info.identity.size), "bytes");
}

Result<Plan> FileHash(const Subject& subject) {
  const std::string& expected = subject["digest"].AsString();
  if (expected.size() != 32 && expected.size() != 64) {
    return InvalidArgument("file_hash: `{}` is neither an MD5 (32 hex digits) nor a SHA-256 (64)",
                           expected);
  }
  const HashKind kind = expected.size() == 32 ? HashKind::kMd5 : HashKind::kSha256;
  CAISSON_ASSIGN(const std::string actual, HashFile(kind, subject.source));
  return DecidedPlan(actual == ToLower(expected), "hash " + ToLower(expected), "hash " + actual);
}

std::vector<Kind> TableShapeKinds() {
  return {
      {.name = "columns",
       .scope = Scope::kTable,
       .parameters = {{"names", kNames, true, "the columns"},
                      {"ordered", kFlag, false, "they must stand in this order"},
                      {"others", kFlag, false, "further columns are accepted"}},
       .primary = "names",
       .summary = "The table has these columns and, unless `others` is true, no others.",
       .example = "columns: [date, delay, distance]",
       .compile = HasColumns},
      {.name = "column_count",
       .scope = Scope::kTable,
       .parameters = {Min(), Max()},
       .primary = std::string(kBothBounds),
       .summary = "The number of columns lies within the bounds.",
       .example = "column_count: 5",
       .compile = [](const Subject& s) -> Result<Plan> {
         return BoundedNumber(s, static_cast<int64_t>(s.columns.size()), "number of columns");
       }},
      {.name = "row_count",
       .scope = Scope::kTable,
       .parameters = {Min(), Max()},
       .primary = std::string(kBothBounds),
       .summary = "The number of rows lies within the bounds.",
       .example = "row_count: {min: 1000}",
       .compile = [](const Subject& s) -> Result<Plan> {
         return BoundedPlan(s, "count(*)", "number of rows");
       }},
      {.name = "file_size",
       .scope = Scope::kTable,
       .parameters = {Min(), Max()},
       .primary = std::string(kBothBounds),
       .summary = "The file has this many bytes.",
       .example = "file_size: {min: 1000, max: 1000000000}",
       .compile = FileSize},
      {.name = "file_hash",
       .scope = Scope::kTable,
       .parameters = {{"digest", kText, true, "MD5 or SHA-256 in hex digits"}},
       .primary = "digest",
       .summary = "The file has this MD5 or SHA-256.",
       .example = "file_hash: 901eadf99cebf2b2405b33077404882d",
       .compile = FileHash},
  };
}

Result<Plan> NoDuplicates(const Subject& subject) {
  std::string names = NameList(subject["columns"]);
  if (names.empty()) {
    Json all = Json::MakeArray();
    for (const duckdb::Column& column : subject.columns) all.Append(column.name);
    names = NameList(all);
  }
  Plan plan;
  plan.expected = subject["columns"].empty()
                      ? "no row repeats another"
                      : "no two rows alike in " + ReadableList(subject["columns"]);
  plan.table = fmt::format("SELECT {0}, count(*) AS {2} FROM {1} GROUP BY {0} HAVING count(*) > 1",
                           names, subject.relation, kAlike);
  plan.query =
      fmt::format("SELECT coalesce(sum({} - 1), 0), (SELECT count(*) FROM {}) FROM temp.found",
                  kAlike, subject.relation);
  plan.examples = fmt::format("SELECT * FROM temp.found ORDER BY {} DESC, {}", kAlike, names);
  return plan;
}

// A query of bad rows.
Result<Plan> NoRows(const Subject& subject) {
  const std::string& query = subject["query"].AsString();
  Plan plan;
  plan.expected = "no row from " + query;
  plan.query = fmt::format("SELECT (SELECT count(*) FROM {}), (SELECT count(*) FROM {})",
                           Bracket(query), subject.relation);
  plan.examples = fmt::format("SELECT * FROM {}", Bracket(query));
  return plan;
}

std::vector<Kind> RowKinds() {
  return {
      {.name = "row",
       .scope = Scope::kTable,
       .parameters = {{"is", kSql, true, "a condition in SQL"}},
       .primary = "is",
       .takes_mostly = true,
       .summary = "The condition is true in every row; unknown (null) is not true.",
       .example = "row: origin <> destination",
       .compile = [](const Subject& s) -> Result<Plan> {
         return RowPlan(s, "", Bracket(s["is"].AsString()), s["is"].AsString());
       }},
      {.name = "implies",
       .scope = Scope::kTable,
       .parameters = {{"when", kSql, true, "a condition in SQL"},
                      {"then", kSql, true, "what must be true of those rows"}},
       .takes_mostly = true,
       .summary = "Where the one condition is true, so is the other.",
       .example = "implies: {when: cancelled, then: delay IS NULL}",
       .compile = [](const Subject& s) -> Result<Plan> {
         return RowPlan(s, Bracket(s["when"].AsString()) + " IS TRUE",
                        Bracket(s["then"].AsString()),
                        fmt::format("{} where {}", s["then"].AsString(), s["when"].AsString()));
       }},
      {.name = "share",
       .scope = Scope::kTable,
       .parameters = {{"of", kSql, true, "a condition in SQL"}, Min(), Max()},
       .summary = "The share of rows where the condition is true lies within the bounds.",
       .example = "share: {of: delay > 15, min: 0.05, max: 0.5}",
       .compile = [](const Subject& s) -> Result<Plan> {
         return BoundedPlan(
             s, fmt::format("(count(*) FILTER (WHERE {}) / count(*))", Bracket(s["of"].AsString())),
             "share of " + s["of"].AsString());
       }},
      {.name = "aggregate",
       .scope = Scope::kTable,
       .parameters = {{"of", kSql, true, "an aggregate in SQL"}, Min(), Max()},
       .summary = "An aggregate of your own lies within the bounds.",
       .example = "aggregate: {of: count(DISTINCT origin) / count(*), max: 0.1}",
       .compile = [](const Subject& s) -> Result<Plan> {
         return BoundedPlan(s, Bracket(s["of"].AsString()), s["of"].AsString());
       }},
      {.name = "no_duplicates",
       .scope = Scope::kTable,
       .parameters = {{"columns", kNames, false, "which columns; default: all"}},
       .primary = "columns",
       .takes_mostly = true,
       .summary = "No row repeats another in these columns: a compound key.",
       .example = "no_duplicates: [date, origin, destination]",
       .compile = NoDuplicates},
      {.name = "no_rows",
       .scope = Scope::kTable,
       .parameters = {{"query", kSql, true, "a query over the table `data`"}},
       .primary = "query",
       .takes_mostly = true,
       .summary = "The query, over the table `data`, finds no rows.",
       .example = "no_rows: SELECT id FROM data GROUP BY id HAVING sum(amount) < 0",
       .compile = NoRows},
  };
}

std::vector<std::string> QuotedNames(const Json& names) {
  std::vector<std::string> quoted;
  for (const Json& name : names.array()) quoted.push_back(duckdb::QuoteName(name.AsString()));
  return quoted;
}

Result<Plan> ColumnsInOrder(const Subject& subject) {
  const std::vector<std::string> names = QuotedNames(subject["columns"]);
  std::vector<std::string> parts;
  std::vector<std::string> present;
  for (size_t i = 0; i < names.size(); ++i) {
    present.push_back(names[i] + " IS NOT NULL");
    if (i > 0)
      parts.push_back(fmt::format("{} {} {}", names[i - 1],
                                  subject["strictly"].AsBool() ? "<" : "<=", names[i]));
  }
  return RowPlan(subject, Join(present, " AND "), Join(parts, " AND "),
                 Join(names, subject["strictly"].AsBool() ? " < " : " <= "));
}

Result<Plan> ColumnsEqual(const Subject& subject) {
  const std::vector<std::string> names = QuotedNames(subject["columns"]);
  std::vector<std::string> parts;
  for (size_t i = 1; i < names.size(); ++i)
    parts.push_back(fmt::format("{} IS NOT DISTINCT FROM {}", names[0], names[i]));
  return RowPlan(subject, "", Join(parts, " AND "), Join(names, " = "));
}

Result<Plan> ColumnsSum(const Subject& subject) {
  const std::vector<std::string> names = QuotedNames(subject["columns"]);
  const Json& total = subject["total"];
  const std::string right =
      total.is_string() ? duckdb::QuoteName(total.AsString()) : Literal(total);
  const std::string sum = Join(names, " + ");
  return RowPlan(subject, fmt::format("({}) IS NOT NULL", sum),
                 fmt::format("abs({} - {}) <= {}", sum, right,
                             Literal(Json(subject["tolerance"].AsDouble(1e-9)))),
                 fmt::format("{} = {}", sum, Readable(total)));
}

Result<Plan> PairsInSet(const Subject& subject) {
  std::vector<std::string> tuples;
  for (const Json& tuple : subject["set"].array()) {
    if (tuple.size() != subject["columns"].size()) {
      return InvalidArgument("tuples_in_set: ({}) has {} values for {} columns",
                             ReadableList(tuple), tuple.size(), subject["columns"].size());
    }
    tuples.push_back(LiteralList(tuple));
  }
  return RowPlan(subject, "",
                 fmt::format("({}) IN ({})", NameList(subject["columns"]), Join(tuples, ", ")),
                 fmt::format("({}) one of {}", ReadableList(subject["columns"]),
                             ReadableList(subject["set"])));
}

// How many of the columns are filled, row by row.
Plan FilledColumns(const Subject& subject, std::string_view comparison, std::string_view words) {
  std::vector<std::string> parts;
  for (const std::string& name : QuotedNames(subject["columns"])) {
    parts.push_back(fmt::format("CAST({} IS NOT NULL AS INTEGER)", name));
  }
  return RowPlan(subject, "", fmt::format("{} {}", Join(parts, " + "), comparison),
                 fmt::format("{} of {} filled", words, ReadableList(subject["columns"])));
}

std::vector<Kind> ManyColumnKinds() {
  const Parameter columns{"columns", kNames, true, "the columns"};
  return {
      {.name = "ordered_columns",
       .scope = Scope::kTable,
       .parameters = {columns, {"strictly", kFlag, false, "equal values fail too"}},
       .primary = "columns",
       .takes_mostly = true,
       .summary = "In every row each column is at least the one before it; rows with a null are "
                  "passed over.",
       .example = "ordered_columns: [ordered_at, paid_at, shipped_at]",
       .compile = ColumnsInOrder},
      {.name = "equal_columns",
       .scope = Scope::kTable,
       .parameters = {columns},
       .primary = "columns",
       .takes_mostly = true,
       .summary = "In every row the columns are the same; two nulls are.",
       .example = "equal_columns: [billing_country, shipping_country]",
       .compile = ColumnsEqual},
      {.name = "sum_of_columns",
       .scope = Scope::kTable,
       .parameters = {columns,
                      {"total", kBound, true, "a column or a number"},
                      {"tolerance", kNumber, false, "how far off it may be; default: 1e-9"}},
       .takes_mostly = true,
       .summary = "In every row the columns add up to the total; rows with a null are passed over.",
       .example = "sum_of_columns: {columns: [net, tax], total: gross, tolerance: 0.01}",
       .compile = ColumnsSum},
      {.name = "tuples_in_set",
       .scope = Scope::kTable,
       .parameters = {columns, {"set", kTuples, true, "the accepted tuples"}},
       .takes_mostly = true,
       .summary = "In every row the values of the columns, together, are one of the tuples.",
       .example = "tuples_in_set: {columns: [country, currency], set: [[DE, EUR], [US, USD]]}",
       .compile = PairsInSet},
      {.name = "any_filled",
       .scope = Scope::kTable,
       .parameters = {columns},
       .primary = "columns",
       .takes_mostly = true,
       .summary = "In every row at least one of the columns is not null.",
       .example = "any_filled: [phone, email]",
       .compile = [](const Subject& s) -> Result<Plan> {
         return FilledColumns(s, ">= 1", "at least one");
       }},
      {.name = "one_filled",
       .scope = Scope::kTable,
       .parameters = {columns},
       .primary = "columns",
       .takes_mostly = true,
       .summary = "In every row exactly one of the columns is not null.",
       .example = "one_filled: [card, account]",
       .compile = [](const Subject& s) -> Result<Plan> {
         return FilledColumns(s, "= 1", "exactly one");
       }},
  };
}

}  // namespace

std::vector<Kind> TableKinds() {
  std::vector<Kind> all;
  for (auto make : {TableShapeKinds, RowKinds, ManyColumnKinds}) {
    for (Kind& kind : make()) all.push_back(std::move(kind));
  }
  return all;
}

}  // namespace caisson::data::internal
