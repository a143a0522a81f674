#include "lifecycle/data/suggest.h"

#include <cmath>

#include "base/strings.h"
#include "base/yaml.h"

namespace caisson::data {
namespace {

constexpr int64_t kMostCategories = 20;

// The next number away from zero of the form 1, 1.5, 2, 2.5, 3, 4, 5, ... times a power of ten.
double RoundAway(double value) {
  if (value == 0) return 0;
  const double size = std::fabs(value);
  const double power = std::pow(10, std::floor(std::log10(size)));
  for (const double step : {1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0}) {
    if (step * power >= size) return std::copysign(step * power, value);
  }
  return value;
}

// A tenth of the range further out, then rounded; what is never negative stays so.
double Below(double min, double max) {
  const double wider = min - (max - min) / 10;
  if (min >= 0 && wider < 0) return 0;
  return wider >= 0 ? 0 : RoundAway(wider);
}

double Above(double min, double max) {
  const double wider = max + (max - min) / 10;
  return wider <= 0 ? 0 : RoundAway(wider);
}

Json Number(double value) {
  const bool whole = std::nearbyint(value) == value && std::fabs(value) < 1e15;
  return whole ? Json(static_cast<int64_t>(value)) : Json(value);
}

// One line of YAML for a value; texts are always quoted.
std::string Inline(const Json& value) { return WriteJson(value, {.python_spacing = true}); }

std::string Bounds(const Json& min, const Json& max) {
  return fmt::format("{{min: {}, max: {}}}", Inline(min), Inline(max));
}

// Whether the most frequent values are all that there are.
bool ListsAll(const Json& column, int64_t rows) {
  int64_t listed = 0;
  for (const Json& entry : column["top"].array()) listed += entry["count"].AsInt();
  return listed > 0 && listed == rows - column["nulls"].AsInt();
}

bool IsNumeric(const Json& column) { return column["mean"].is_number(); }

void AddValueChecks(const Json& column, int64_t rows, std::vector<std::string>& lines) {
  const bool few = ListsAll(column, rows) && rows > 100;
  if (few && column["type"].AsString() != "BOOLEAN") {
    Json values = Json::MakeArray();
    for (const Json& entry : column["top"].array()) values.Append(entry["value"]);
    std::sort(values.mutable_array().begin(), values.mutable_array().end(),
              [](const Json& a, const Json& b) {
                return a.is_number() ? a.AsDouble() < b.AsDouble() : a.AsString() < b.AsString();
              });
    lines.push_back("in_set: " + Inline(values));
  } else if (IsNumeric(column)) {
    const double min = column["min"].AsDouble();
    const double max = column["max"].AsDouble();
    if (std::isfinite(min) && std::isfinite(max)) {
      lines.push_back("between: " + Bounds(Number(Below(min, max)), Number(Above(min, max))));
      const double mean = column["mean"].AsDouble();
      const double deviation = column["stddev"].AsDouble();
      if (deviation > 0) {
        lines.push_back(
            fmt::format("mean: {{min: {:.4g}, max: {:.4g}}}", mean - deviation, mean + deviation));
      }
    }
  } else if (column["type"].AsString() == "VARCHAR") {
    const int64_t distinct = column["distinct"].AsInt();
    if (distinct > kMostCategories && distinct < rows / 20) {
      lines.push_back("distinct_count: " +
                      Bounds(Number(std::floor(static_cast<double>(distinct) / 2)),
                             Number(RoundAway(static_cast<double>(distinct) * 2))));
    }
    if (column["characters"].is_string()) {
      const int64_t shortest = column["min_length"].AsInt();
      const int64_t longest = column["max_length"].AsInt();
      const std::string times = shortest == longest ? fmt::format("{{{}}}", shortest) : "+";
      lines.push_back(fmt::format("matches: \"{}{}\"", column["characters"].AsString(), times));
    } else {
      lines.push_back("not_empty");
    }
  } else if (column["quantiles"].is_object() && column["min"].is_string()) {
    lines.push_back("between: {min: " + Inline(column["min"].AsString().substr(0, 10)) + "}");
  }
}

std::string ColumnChecks(const Json& column, int64_t rows) {
  std::vector<std::string> lines = {"type: " + column["type"].AsString()};
  const int64_t nulls = column["nulls"].AsInt();
  if (nulls == 0) {
    lines.push_back("not_null");
  } else if (nulls < rows) {
    const double share = static_cast<double>(nulls) / static_cast<double>(rows);
    lines.push_back(fmt::format("null_share: {{max: {}}}",
                                FormatDouble(std::min(1.0, RoundAway(share * 1.5)))));
  }
  if (nulls < rows) AddValueChecks(column, rows, lines);
  // WriteYaml decides whether the name needs quotes.
  Json key = Json::MakeObject();
  key.Set(column["name"].AsString(), Json());
  std::string text = "  " + WriteYaml(key);
  for (const std::string& line : lines) text += "  - " + line + "\n";
  return text;
}

}  // namespace

std::string SuggestSuite(const TableDescription& description, const std::string& path) {
  const int64_t rows = description.profile["rows"].AsInt();
  Json names = Json::MakeArray();
  for (const Json& column : description.schema.array()) names.Append(column["name"]);
  std::string text = fmt::format(
      "# Suggested from {} as it is today ({} rows). Read it, tighten what you know, and drop what "
      "is\n"
      "# only true by chance.\n\ntable:\n- columns: {}\n- row_count: {}\n\ncolumns:\n",
      path, HumanCount(rows), Inline(names),
      Bounds(Number(std::floor(static_cast<double>(rows) / 2)),
             Number(RoundAway(static_cast<double>(rows) * 2))));
  for (const Json& column : description.profile["columns"].array())
    text += ColumnChecks(column, rows) + "\n";
  text.pop_back();
  return text;
}

}  // namespace caisson::data
