// Checks of a column's statistics, and of its values among each other.
#include "base/clock.h"
#include "lifecycle/data/internal/check_sql.h"

namespace caisson::data::internal {
namespace {

using enum ParameterType;

// A kind that wants one aggregate of the column within bounds. `Value` has {0} for the column.
template <typename Format>
Result<Plan> Bounded(const Subject& subject, Format format, std::string label) {
  return BoundedPlan(subject, fmt::format(fmt::runtime(format), subject.column), std::move(label));
}

Kind BoundedKind(std::string name, std::string summary, std::string example,
                 Result<Plan> (*compile)(const Subject&)) {
  return {.name = std::move(name),
          .parameters = {Min(), Max()},
          .primary = std::string(kBothBounds),
          .summary = std::move(summary),
          .example = std::move(example),
          .compile = compile};
}

std::vector<Kind> AggregateKinds() {
  return {
      BoundedKind("min", "The least value lies within the bounds.", "min: {min: 0}",
                  [](const Subject& s) { return Bounded(s, "min({})", "least value"); }),
      BoundedKind("max", "The greatest value lies within the bounds.", "max: {min: \"2001-06-30\"}",
                  [](const Subject& s) { return Bounded(s, "max({})", "greatest value"); }),
      BoundedKind("mean", "The mean lies within the bounds.", "mean: {min: -5, max: 30}",
                  [](const Subject& s) { return Bounded(s, "avg({})", "mean"); }),
      BoundedKind("median", "The median lies within the bounds.", "median: {min: -15, max: 15}",
                  [](const Subject& s) { return Bounded(s, "median({})", "median"); }),
      BoundedKind(
          "stddev", "The standard deviation (of a sample) lies within the bounds.",
          "stddev: {min: 100}",
          [](const Subject& s) { return Bounded(s, "stddev_samp({})", "standard deviation"); }),
      BoundedKind("sum", "The sum lies within the bounds.", "sum: {min: 0}",
                  [](const Subject& s) { return Bounded(s, "sum({})", "sum"); }),
      BoundedKind("skewness", "The skewness lies within the bounds.", "skewness: {min: -2, max: 2}",
                  [](const Subject& s) { return Bounded(s, "skewness({})", "skewness"); }),
      BoundedKind("kurtosis", "The excess kurtosis lies within the bounds.", "kurtosis: {max: 10}",
                  [](const Subject& s) { return Bounded(s, "kurtosis({})", "excess kurtosis"); }),
      BoundedKind("entropy", "The entropy of the values, in bits, lies within the bounds.",
                  "entropy: {min: 1}",
                  [](const Subject& s) { return Bounded(s, "entropy({})", "entropy"); }),
      BoundedKind("mean_length", "The mean length of texts, in characters, lies within the bounds.",
                  "mean_length: {min: 3}",
                  [](const Subject& s) {
                    return Bounded(s, "avg(length(CAST({} AS VARCHAR)))", "mean length");
                  }),
      {.name = "quantile",
       .parameters = {{"of", kNumber, true, "which quantile, 0 to 1"}, Min(), Max()},
       .summary = "A quantile lies within the bounds.",
       .example = "quantile: {of: 0.99, max: 180}",
       .compile = [](const Subject& s) -> Result<Plan> {
         const double of = s["of"].AsDouble();
         if (!(of >= 0 && of <= 1))
           return InvalidArgument("quantile: `of` is {}; 0 to 1 is accepted", of);
         return BoundedPlan(s, fmt::format("quantile_cont({}, {})", s.column, Literal(s["of"])),
                            Readable(s["of"]) + " quantile");
       }},
      {.name = "correlation",
       .parameters = {{"with", kNames, true, "the other column"}, Min(), Max()},
       .summary = "Pearson's correlation with another column lies within the bounds.",
       .example = "correlation: {with: duration, min: 0.5}",
       .compile = [](const Subject& s) -> Result<Plan> {
         return BoundedPlan(
             s, fmt::format("corr({}, {})", s.column, duckdb::QuoteName(s["with"][0].AsString())),
             "correlation with " + s["with"][0].AsString());
       }},
  };
}

std::vector<Kind> CountKinds() {
  return {
      BoundedKind("null_share", "The share of missing values lies within the bounds.",
                  "null_share: {max: 0.01}",
                  [](const Subject& s) {
                    return Bounded(s, "1 - count({}) / count(*)", "share of nulls");
                  }),
      BoundedKind(
          "null_count", "The number of missing values lies within the bounds.",
          "null_count: {max: 10}",
          [](const Subject& s) { return Bounded(s, "count(*) - count({})", "number of nulls"); }),
      BoundedKind("zero_share", "The share of zeros among the values lies within the bounds.",
                  "zero_share: {max: 0.9}",
                  [](const Subject& s) {
                    return Bounded(s, "count(*) FILTER (WHERE {0} = 0) / count({0})",
                                   "share of zeros");
                  }),
      BoundedKind("distinct_count", "The number of different values lies within the bounds.",
                  "distinct_count: {min: 150, max: 400}",
                  [](const Subject& s) {
                    return Bounded(s, "count(DISTINCT {})", "number of different values");
                  }),
      BoundedKind("distinct_share", "Different values by all values: 1 when no value repeats.",
                  "distinct_share: {min: 0.99}",
                  [](const Subject& s) {
                    return Bounded(s, "count(DISTINCT {0}) / count({0})",
                                   "share of different values");
                  }),
  };
}

std::vector<Kind> FrequencyKinds() {
  return {
      {.name = "constant",
       .summary = "All values are the same.",
       .example = "constant",
       .compile = [](const Subject& s) -> Result<Plan> {
         Plan plan;
         plan.form = Form::kValue;
         plan.label = "number of different values";
         plan.expected = "one value";
         plan.first = fmt::format("count(DISTINCT {})", s.column);
         plan.second = fmt::format("min({0}) IS NOT DISTINCT FROM max({0})", s.column);
         return plan;
       }},
      BoundedKind(
          "top_share", "The share of the most frequent value lies within the bounds.",
          "top_share: {max: 0.95}",
          [](const Subject& s) -> Result<Plan> {
            return BoundedQueryPlan(
                s,
                fmt::format(
                    "SELECT max(n) / sum(n) FROM (SELECT count(*) AS n FROM {0} WHERE {1} IS NOT "
                    "NULL GROUP BY {1})",
                    s.relation, s.column),
                "share of the most frequent value");
          }),
      BoundedKind(
          "rarest_share",
          "The share of the rarest value lies within the bounds: balance of classes.",
          "rarest_share: {min: 0.05}",
          [](const Subject& s) -> Result<Plan> {
            return BoundedQueryPlan(
                s,
                fmt::format(
                    "SELECT min(n) / sum(n) FROM (SELECT count(*) AS n FROM {0} WHERE {1} IS NOT "
                    "NULL GROUP BY {1})",
                    s.relation, s.column),
                "share of the rarest value");
          }),
      {.name = "top_value",
       .parameters = {{"values", kValues, true, "what is accepted"}},
       .primary = "values",
       .summary = "The most frequent value is one of those listed.",
       .example = "top_value: [ok, done]",
       .compile = [](const Subject& s) -> Result<Plan> {
         Plan plan;
         plan.form = Form::kValue;
         plan.label = "most frequent value";
         plan.expected = "most frequent value one of " + ReadableList(s["values"]);
         plan.query = fmt::format(
             "SELECT {0}, {0} IN {2} FROM (SELECT {0}, count(*) AS n FROM {1} WHERE {0} IS NOT "
             "NULL GROUP BY {0} "
             "ORDER BY n DESC, {0} LIMIT 1)",
             s.column, s.relation, LiteralList(s["values"]));
         return plan;
       }},
  };
}

std::vector<Kind> PresentKinds() {
  return {
      {.name = "has_values",
       .parameters = {{"values", kValues, true, "what must occur"}},
       .primary = "values",
       .summary = "Each of the values listed occurs at least once.",
       .example = "has_values: [0, 1]",
       .compile = [](const Subject& s) -> Result<Plan> {
         Plan plan;
         plan.form = Form::kValue;
         plan.label = "values that occur";
         plan.expected = "each of " + ReadableList(s["values"]) + " occurs";
         plan.first = fmt::format("count(DISTINCT {0}) FILTER (WHERE {0} IN {1})", s.column,
                                  LiteralList(s["values"]));
         plan.second = fmt::format("{} = {}", plan.first, s["values"].size());
         return plan;
       }},
      {.name = "freshness",
       .parameters = {{"max_age", kText, true, "a duration: 36h, 7d"},
                      {"now", kText, false,
                       "the moment to compare with; default: when the check runs"}},
       .primary = "max_age",
       .summary = "The newest time is at most this old (UTC).",
       .example = "freshness: 36h",
       .compile = [](const Subject& s) -> Result<Plan> {
         CAISSON_ASSIGN(const Duration age, ParseDuration(s["max_age"].AsString()));
         const std::string now = s["now"].is_null()
                                     ? "(now() AT TIME ZONE 'UTC')"
                                     : fmt::format("CAST({} AS TIMESTAMP)", Literal(s["now"]));
         Plan plan;
         plan.form = Form::kValue;
         plan.label = "age of the newest row";
         plan.expected = "newest row at most " + s["max_age"].AsString() + " old";
         plan.first = fmt::format("{} - max(CAST({} AS TIMESTAMP))", now, s.column);
         plan.second = fmt::format("{} <= to_microseconds({})", plan.first, age.count() / 1000);
         return plan;
       }},
  };
}

}  // namespace

std::vector<Kind> StatisticKinds() {
  std::vector<Kind> all;
  for (auto make : {AggregateKinds, CountKinds, FrequencyKinds, PresentKinds}) {
    for (Kind& kind : make()) all.push_back(std::move(kind));
  }
  return all;
}

}  // namespace caisson::data::internal
