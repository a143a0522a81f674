// Checks that look at the values of a column together.
#include "lifecycle/data/internal/check_sql.h"

namespace caisson::data::internal {
namespace {

using enum ParameterType;

Result<Plan> Unique(const Subject& subject) {
  Plan plan;
  plan.expected = "no value repeats";
  plan.table = fmt::format(
      "SELECT {0}, count(*) AS {2} FROM {1} WHERE {0} IS NOT NULL GROUP BY {0} HAVING count(*) > 1",
      subject.column, subject.relation, kAlike);
  plan.query =
      fmt::format("SELECT coalesce(sum({} - 1), 0), (SELECT count({}) FROM {}) FROM temp.found",
                  kAlike, subject.column, subject.relation);
  plan.examples =
      fmt::format("SELECT * FROM temp.found ORDER BY {} DESC, {}", kAlike, subject.column);
  return plan;
}

// In the order of the file. lag() without an order streams over the rows as they come.
Plan Ordered(const Subject& subject, std::string_view comparison, std::string expected) {
  const std::string pairs = fmt::format(
      "SELECT *, lag({0}) OVER () AS previous FROM (SELECT {0} FROM {1} WHERE {0} IS NOT NULL)",
      subject.column, subject.relation);
  const std::string bad =
      fmt::format("previous IS NOT NULL AND NOT ({} {} previous)", subject.column, comparison);
  Plan plan;
  plan.expected = std::move(expected);
  plan.query = fmt::format("SELECT count(*) FILTER (WHERE {}), count(*) FROM ({})", bad, pairs);
  plan.examples = fmt::format("SELECT * FROM ({}) WHERE {}", pairs, bad);
  return plan;
}

Result<Plan> WithinDeviations(const Subject& subject) {
  const std::string good =
      fmt::format("abs({0} - mean) <= {1} * deviation", subject.column, Literal(subject["times"]));
  const std::string rows = fmt::format(
      "(SELECT avg({0}) AS mean, stddev_samp({0}) AS deviation FROM {1}) AS moments, "
      "(SELECT * FROM {1} WHERE {0} IS NOT NULL) AS rows",
      subject.column, subject.relation);
  Plan plan;
  plan.expected =
      fmt::format("within {} standard deviations of the mean", Readable(subject["times"]));
  plan.query = fmt::format("SELECT count(*) FILTER (WHERE NOT ({})), count(*) FROM {}", good, rows);
  plan.examples = fmt::format("SELECT rows.* FROM {} WHERE NOT ({})", rows, good);
  return plan;
}

}  // namespace

std::vector<Kind> OrderKinds() {
  return {
      {.name = "unique",
       .takes_mostly = true,
       .summary = "No value repeats an earlier one; nulls are passed over.",
       .example = "unique",
       .compile = Unique},
      {.name = "increasing",
       .parameters = {{"strictly", kFlag, false, "equal neighbours fail too"}},
       .takes_mostly = true,
       .summary = "In the order of the file, no value is less than the one before it.",
       .example = "increasing: {strictly: true}",
       .compile = [](const Subject& s) -> Result<Plan> {
         return s["strictly"].AsBool() ? Ordered(s, ">", "increasing strictly")
                                       : Ordered(s, ">=", "increasing");
       }},
      {.name = "decreasing",
       .parameters = {{"strictly", kFlag, false, "equal neighbours fail too"}},
       .takes_mostly = true,
       .summary = "In the order of the file, no value is greater than the one before it.",
       .example = "decreasing",
       .compile = [](const Subject& s) -> Result<Plan> {
         return s["strictly"].AsBool() ? Ordered(s, "<", "decreasing strictly")
                                       : Ordered(s, "<=", "decreasing");
       }},
      {.name = "within_stddevs",
       .parameters = {{"times", kNumber, true, "how many standard deviations"}},
       .primary = "times",
       .takes_mostly = true,
       .summary = "Values lie within so many standard deviations of the mean.",
       .example = "within_stddevs: 6",
       .compile = WithinDeviations},
  };
}

}  // namespace caisson::data::internal
