// Checks of single values, row by row.
#include "base/strings.h"
#include "lifecycle/data/internal/check_sql.h"

namespace caisson::data::internal {
namespace {

using enum ParameterType;

Result<Plan> HasType(const Subject& subject) {
  std::vector<std::string> accepted;
  for (const Json& type : subject["is"].array()) {
    // DuckDB knows that INT is INTEGER and INT8 is BIGINT.
    const auto columns = subject.database.Describe(
        subject.context, fmt::format("SELECT CAST(NULL AS {}) AS value", type.AsString()));
    if (!columns.ok()) {
      return InvalidArgument(
          "{} is not a type of DuckDB; usual ones are BIGINT, DOUBLE, VARCHAR, BOOLEAN, "
          "TIMESTAMP and DATE",
          type.AsString());
    }
    accepted.push_back(columns->front().type_name);
  }
  const bool passed = std::find(accepted.begin(), accepted.end(), subject.type) != accepted.end();
  return DecidedPlan(passed, "type " + Join(accepted, " or "), "type " + subject.type);
}

std::vector<Kind> PresenceKinds() {
  return {
      {.name = "exists",
       .summary = "The column is there.",
       .example = "exists",
       .compile = [](const Subject&) -> Result<Plan> {
         return DecidedPlan(true, "there", "there");
       }},
      {.name = "type",
       .parameters = {{"is", kTypes, true, "a type of DuckDB, or a list of accepted ones"}},
       .primary = "is",
       .summary = "The column has this type; DuckDB's other names for it (INT8 for BIGINT) are "
                  "understood.",
       .example = "type: BIGINT",
       .compile = HasType},
      {.name = "not_null",
       .takes_mostly = true,
       .summary = "No value is missing.",
       .example = "not_null",
       .compile = [](const Subject& s) -> Result<Plan> {
         return RowPlan(s, "", s.column + " IS NOT NULL", "not null");
       }},
      {.name = "null",
       .takes_mostly = true,
       .summary = "Every value is missing: the column is not in use.",
       .example = "null",
       .compile = [](const Subject& s) -> Result<Plan> {
         return RowPlan(s, "", s.column + " IS NULL", "null");
       }},
  };
}

std::vector<Kind> RangeKinds() {
  return {
      {.name = "between",
       .parameters = {Min(), Max()},
       .primary = std::string(kBothBounds),
       .takes_mostly = true,
       .summary = "Values lie within the bounds, both included.",
       .example = "between: {min: 0, max: 24}",
       .compile = [](const Subject& s) -> Result<Plan> {
         return ColumnPlan(s, WithinBounds(s.column, s.check.parameters),
                           DescribeBounds(s.check.parameters));
       }},
      {.name = "greater_than",
       .parameters = {{"value", kBound, true, "the bound, not accepted itself"}},
       .primary = "value",
       .takes_mostly = true,
       .summary = "Values are greater than the bound.",
       .example = "greater_than: 0",
       .compile = [](const Subject& s) -> Result<Plan> {
         std::string good = s.column + " > " + Literal(s["value"]);
         if (s["value"].is_number()) good += " AND " + NotNan(s.column);
         return ColumnPlan(s, good, "greater than " + Readable(s["value"]));
       }},
      {.name = "less_than",
       .parameters = {{"value", kBound, true, "the bound, not accepted itself"}},
       .primary = "value",
       .takes_mostly = true,
       .summary = "Values are less than the bound.",
       .example = "less_than: 1",
       .compile = [](const Subject& s) -> Result<Plan> {
         return ColumnPlan(s, s.column + " < " + Literal(s["value"]),
                           "less than " + Readable(s["value"]));
       }},
      {.name = "in_set",
       .parameters = {{"values", kValues, true, "what is accepted"}},
       .primary = "values",
       .takes_mostly = true,
       .summary = "Values are among those listed.",
       .example = "in_set: [red, green, blue]",
       .compile = [](const Subject& s) -> Result<Plan> {
         return ColumnPlan(s, s.column + " IN " + LiteralList(s["values"]),
                           "one of " + ReadableList(s["values"]));
       }},
      {.name = "not_in_set",
       .parameters = {{"values", kValues, true, "what is not accepted"}},
       .primary = "values",
       .takes_mostly = true,
       .summary = "Values are none of those listed.",
       .example = "not_in_set: [unknown, n/a]",
       .compile = [](const Subject& s) -> Result<Plan> {
         return ColumnPlan(s, s.column + " NOT IN " + LiteralList(s["values"]),
                           "none of " + ReadableList(s["values"]));
       }},
  };
}

std::vector<Kind> NumberKinds() {
  return {
      {.name = "finite",
       .takes_mostly = true,
       .summary = "Numbers are neither NaN nor infinite.",
       .example = "finite",
       .compile = [](const Subject& s) -> Result<Plan> {
         return ColumnPlan(s, fmt::format("isfinite(CAST({} AS DOUBLE))", s.column), "finite");
       }},
      {.name = "whole_number",
       .takes_mostly = true,
       .summary = "Numbers have no fraction.",
       .example = "whole_number",
       .compile = [](const Subject& s) -> Result<Plan> {
         return ColumnPlan(s, fmt::format("{0} = trunc({0})", s.column), "a whole number");
       }},
      {.name = "multiple_of",
       .parameters = {{"value", kNumber, true, "the step"}},
       .primary = "value",
       .takes_mostly = true,
       .summary = "Numbers are multiples of the step.",
       .example = "multiple_of: 5",
       .compile = [](const Subject& s) -> Result<Plan> {
         return ColumnPlan(s, fmt::format("{} % {} = 0", s.column, Literal(s["value"])),
                           "a multiple of " + Readable(s["value"]));
       }},
      {.name = "not_in_future",
       .parameters = {{"now", kText, false,
                       "the moment to compare with; default: when the check runs"}},
       .primary = "now",
       .takes_mostly = true,
       .summary = "Times are not later than now (UTC).",
       .example = "not_in_future",
       .compile = [](const Subject& s) -> Result<Plan> {
         const std::string now = s["now"].is_null()
                                     ? "(now() AT TIME ZONE 'UTC')"
                                     : fmt::format("CAST({} AS TIMESTAMP)", Literal(s["now"]));
         return ColumnPlan(s, fmt::format("CAST({} AS TIMESTAMP) <= {}", s.column, now),
                           "not later than " + (s["now"].is_null() ? "now" : s["now"].AsString()));
       }},
  };
}

std::vector<Kind> ListKinds() {
  return {
      {.name = "list_length",
       .parameters = {Min(), Max()},
       .primary = std::string(kBothBounds),
       .takes_mostly = true,
       .summary = "Lists have this many elements: the dimension of an embedding.",
       .example = "list_length: 384",
       .compile = [](const Subject& s) -> Result<Plan> {
         return ColumnPlan(s, WithinBounds(fmt::format("len({})", s.column), s.check.parameters),
                           "length " + DescribeBounds(s.check.parameters));
       }},
      {.name = "norm",
       .parameters = {Min(), Max()},
       .primary = std::string(kBothBounds),
       .takes_mostly = true,
       .summary = "The Euclidean norm of lists of numbers lies within the bounds.",
       .example = "norm: {min: 0.99, max: 1.01}",
       .compile = [](const Subject& s) -> Result<Plan> {
         const std::string norm = fmt::format(
             "sqrt(list_sum(list_transform({}, lambda x: CAST(x AS DOUBLE) * x)))", s.column);
         return ColumnPlan(s, WithinBounds(norm, s.check.parameters),
                           "norm " + DescribeBounds(s.check.parameters));
       }},
  };
}

}  // namespace

std::vector<Kind> ValueKinds() {
  std::vector<Kind> all;
  for (auto make : {PresenceKinds, RangeKinds, NumberKinds, ListKinds}) {
    for (Kind& kind : make()) all.push_back(std::move(kind));
  }
  return all;
}

}  // namespace caisson::data::internal
