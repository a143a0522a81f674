#include "lifecycle/data/internal/check_sql.h"

#include <cmath>

#include "base/files.h"
#include "base/strings.h"

namespace caisson::data::internal {
namespace {

constexpr size_t kListedValues = 8;

std::string NumberLiteral(double value) {
  if (std::isnan(value)) return "'nan'::DOUBLE";
  if (std::isinf(value)) return value > 0 ? "'inf'::DOUBLE" : "'-inf'::DOUBLE";
  return FormatDouble(value);
}

}  // namespace

std::string Literal(const Json& value) {
  if (value.is_null()) return "NULL";
  if (value.is_string()) return duckdb::QuoteText(value.AsString());
  if (value.is_double()) return NumberLiteral(value.AsDouble());
  std::vector<std::string> parts;
  if (value.is_array()) {
    for (const Json& item : value.array()) parts.push_back(Literal(item));
    return "[" + Join(parts, ", ") + "]";
  }
  if (value.is_object()) {
    for (const auto& [key, item] : value.object()) {
      parts.push_back(duckdb::QuoteText(key) + ": " + Literal(item));
    }
    return "{" + Join(parts, ", ") + "}";
  }
  return WriteJson(value);
}

std::string LiteralList(const Json& values) {
  std::vector<std::string> parts;
  for (const Json& value : values.array()) parts.push_back(Literal(value));
  return "(" + Join(parts, ", ") + ")";
}

std::string NameList(const Json& names) {
  std::vector<std::string> parts;
  for (const Json& name : names.array()) parts.push_back(duckdb::QuoteName(name.AsString()));
  return Join(parts, ", ");
}

std::string Bracket(std::string_view sql) { return fmt::format("({}\n)", sql); }

std::string Readable(const Json& value) {
  if (value.is_null()) return "null";
  if (value.is_string()) return value.AsString();
  if (value.is_int()) return HumanCount(value.AsInt());
  if (value.is_double()) {
    const double number = value.AsDouble();
    if (std::nearbyint(number) == number && std::fabs(number) < 1e15) {
      return HumanCount(static_cast<int64_t>(number));
    }
    return fmt::format("{:.6g}", number);
  }
  return WriteJson(value);
}

std::string ReadableList(const Json& values) {
  std::vector<std::string> parts;
  for (const Json& value : values.array()) {
    if (parts.size() == kListedValues) {
      return fmt::format("{}, ... ({} in all)", Join(parts, ", "), values.size());
    }
    parts.push_back(value.is_array() ? "(" + ReadableList(value) + ")" : Readable(value));
  }
  return Join(parts, ", ");
}

std::string DescribeBounds(const Json& parameters) {
  const Json& min = parameters["min"];
  const Json& max = parameters["max"];
  if (min.is_null()) return "at most " + Readable(max);
  if (max.is_null()) return "at least " + Readable(min);
  if (min == max) return "exactly " + Readable(min);
  return fmt::format("between {} and {}", Readable(min), Readable(max));
}

std::string WithinBounds(std::string_view value, const Json& parameters) {
  const Json& min = parameters["min"];
  const Json& max = parameters["max"];
  std::vector<std::string> parts;
  if (!min.is_null()) parts.push_back(fmt::format("{} >= {}", value, Literal(min)));
  if (!max.is_null()) parts.push_back(fmt::format("{} <= {}", value, Literal(max)));
  if (max.is_null() && min.is_number()) parts.push_back(NotNan(value));
  return Join(parts, " AND ");
}

std::string NotNan(std::string_view value) { return fmt::format("{} <= 'inf'::DOUBLE", value); }

Plan RowPlan(const Subject& subject, std::string_view population, std::string_view good,
             std::string expected) {
  const std::string looked_at = population.empty() ? "true" : std::string(population);
  const std::string bad = fmt::format("{} AND ({}) IS NOT TRUE", looked_at, good);
  Plan plan;
  plan.form = Form::kRows;
  plan.expected = std::move(expected);
  plan.first = fmt::format("count(*) FILTER (WHERE {})", bad);
  plan.second =
      population.empty() ? "count(*)" : fmt::format("count(*) FILTER (WHERE {})", looked_at);
  plan.examples = fmt::format("SELECT * FROM {} WHERE {}", subject.relation, bad);
  return plan;
}

Plan ColumnPlan(const Subject& subject, std::string_view good, std::string expected) {
  return RowPlan(subject, subject.column + " IS NOT NULL", good, std::move(expected));
}

Plan BoundedPlan(const Subject& subject, std::string_view value, std::string label) {
  Plan plan;
  plan.form = Form::kValue;
  plan.label = std::move(label);
  plan.expected = fmt::format("{} {}", plan.label, DescribeBounds(subject.check.parameters));
  plan.first = std::string(value);
  plan.second = WithinBounds(value, subject.check.parameters);
  return plan;
}

Plan BoundedQueryPlan(const Subject& subject, std::string_view query, std::string label) {
  Plan plan = BoundedPlan(subject, "answer.value", std::move(label));
  plan.query =
      fmt::format("SELECT {}, {} FROM ({}\n) AS answer(value)", plan.first, plan.second, query);
  return plan;
}

Plan DecidedPlan(bool passed, std::string expected, std::string observed) {
  Plan plan;
  plan.form = Form::kDecided;
  plan.passed = passed;
  plan.expected = std::move(expected);
  plan.observed = std::move(observed);
  return plan;
}

Parameter Min() { return {"min", ParameterType::kBound, false, "the least that is accepted"}; }
Parameter Max() { return {"max", ParameterType::kBound, false, "the most that is accepted"}; }

Result<std::string> OtherFile(const Subject& subject, std::string_view parameter) {
  const std::string path = JoinPath(subject.folder, subject[parameter].AsString());
  if (!FileExists(path)) return NotFound("there is no file {} (parameter `{}`)", path, parameter);
  return SourceExpression(path);
}

}  // namespace caisson::data::internal
