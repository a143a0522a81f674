// A column's distribution against that of the same column in another file.
//
// Histograms have the other file's quantiles as edges, or its values themselves where they are
// texts, booleans or few. An empty bin counts as 0.0001, so that the logarithms stay finite.
#include <cmath>
#include <map>

#include "lifecycle/data/internal/check_sql.h"

namespace caisson::data::internal {
namespace {

using enum ParameterType;

constexpr double kEmptyBin = 1e-4;
constexpr int64_t kMaxCategories = 10'000;

struct Histograms {
  std::vector<double> ours;  // counts
  std::vector<double> theirs;
};

bool IsNumeric(const Subject& subject) {
  for (const duckdb::Column& column : subject.columns) {
    if (duckdb::QuoteName(column.name) != subject.column) continue;
    return column.type != duckdb::ColumnType::kText &&
           column.type != duckdb::ColumnType::kBoolean && column.type != duckdb::ColumnType::kOther;
  }
  return false;
}

// A number for every numeric type, dates and times included.
std::string AsNumber(const Subject& subject) {
  const bool time = subject.type == "DATE" || subject.type.rfind("TIMESTAMP", 0) == 0;
  return time ? fmt::format("epoch({})", subject.column)
              : fmt::format("CAST({} AS DOUBLE)", subject.column);
}

// SQL that numbers the bin of a value; quantile edges of the other file, the last bin open above.
Result<std::string> BinExpression(const Subject& subject, const std::string& other, int bins) {
  const std::string value = AsNumber(subject);
  std::string shares;
  for (int i = 1; i < bins; ++i)
    shares += fmt::format("{}{}", i > 1 ? ", " : "", static_cast<double>(i) / bins);
  CAISSON_ASSIGN(
      const duckdb::Table edges,
      subject.database.QueryTable(
          subject.context,
          fmt::format(
              "SELECT DISTINCT unnest(quantile_cont({}, [{}])) AS edge FROM {} ORDER BY edge",
              value, shares, other)));
  std::string cases = "CASE";
  for (size_t i = 0; i < edges.rows.size(); ++i) {
    if (!edges.rows[i][0].is_null())
      cases += fmt::format(" WHEN {} <= {} THEN {}", value, Literal(edges.rows[i][0]), i);
  }
  return cases == "CASE" ? std::string("0")
                         : cases + fmt::format(" ELSE {} END", edges.rows.size());
}

Result<Histograms> Compare(const Subject& subject) {
  CAISSON_ASSIGN(const std::string other, OtherFile(subject, "from"));
  const int bins = static_cast<int>(subject["bins"].AsInt(10));
  if (bins < 2 || bins > 1000)
    return InvalidArgument("{}: `bins` is {}; 2 to 1000 are accepted", subject.check.kind, bins);
  std::string key = subject.column;
  if (IsNumeric(subject)) {
    CAISSON_ASSIGN(
        const duckdb::Table distinct,
        subject.database.QueryTable(
            subject.context,
            fmt::format("SELECT count(*) FROM (SELECT DISTINCT {0} FROM {1} WHERE {0} IS NOT "
                        "NULL LIMIT {2})",
                        subject.column, other, bins + 1)));
    if (distinct.rows[0][0].AsInt() > bins) {
      CAISSON_ASSIGN(key, BinExpression(subject, other, bins));
    }
  }
  CAISSON_ASSIGN(
      const duckdb::Table counts,
      subject.database.QueryTable(subject.context,
                                  fmt::format("SELECT sum(ours), sum(theirs) FROM (SELECT {0} AS "
                                              "bin, 1 AS ours, 0 AS theirs FROM {1} WHERE {2} IS "
                                              "NOT NULL UNION ALL SELECT {0}, 0, 1 FROM {3} WHERE "
                                              "{2} IS NOT NULL) GROUP BY bin ORDER BY bin",
                                              key, subject.relation, subject.column, other),
                                  kMaxCategories));
  if (counts.truncated) {
    return InvalidArgument("{}: the column has more than {} different values", subject.check.kind,
                           kMaxCategories);
  }
  Histograms result;
  for (const auto& row : counts.rows) {
    result.ours.push_back(row[0].AsDouble());
    result.theirs.push_back(row[1].AsDouble());
  }
  return result;
}

std::vector<double> Shares(const std::vector<double>& counts) {
  double total = 0;
  for (const double count : counts) total += count;
  std::vector<double> shares;
  for (const double count : counts) shares.push_back(total > 0 ? count / total : 0);
  return shares;
}

double PopulationStability(const Histograms& histograms) {
  const std::vector<double> ours = Shares(histograms.ours);
  const std::vector<double> theirs = Shares(histograms.theirs);
  double sum = 0;
  for (size_t i = 0; i < ours.size(); ++i) {
    const double p = std::max(ours[i], kEmptyBin);
    const double q = std::max(theirs[i], kEmptyBin);
    sum += (p - q) * std::log(p / q);
  }
  return sum;
}

// The square root of the Jensen-Shannon divergence with logarithms to base 2: 0 to 1.
double JensenShannon(const Histograms& histograms) {
  const std::vector<double> p = Shares(histograms.ours);
  const std::vector<double> q = Shares(histograms.theirs);
  double sum = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    const double middle = (p[i] + q[i]) / 2;
    if (p[i] > 0) sum += p[i] / 2 * std::log2(p[i] / middle);
    if (q[i] > 0) sum += q[i] / 2 * std::log2(q[i] / middle);
  }
  return std::sqrt(std::max(0.0, sum));
}

double LargestDifference(const Histograms& histograms) {
  const std::vector<double> p = Shares(histograms.ours);
  const std::vector<double> q = Shares(histograms.theirs);
  double largest = 0;
  for (size_t i = 0; i < p.size(); ++i) largest = std::max(largest, std::fabs(p[i] - q[i]));
  return largest;
}

// Cramer's V of the table (file x bin): the chi-squared statistic freed of the number of rows, 0
// to 1.
double CramersV(const Histograms& histograms) {
  double ours = 0;
  double theirs = 0;
  for (size_t i = 0; i < histograms.ours.size(); ++i) {
    ours += histograms.ours[i];
    theirs += histograms.theirs[i];
  }
  const double total = ours + theirs;
  if (ours == 0 || theirs == 0) return 0;
  double chi_squared = 0;
  for (size_t i = 0; i < histograms.ours.size(); ++i) {
    const double bin = histograms.ours[i] + histograms.theirs[i];
    const double expected_ours = bin * ours / total;
    const double expected_theirs = bin * theirs / total;
    chi_squared +=
        (histograms.ours[i] - expected_ours) * (histograms.ours[i] - expected_ours) / expected_ours;
    chi_squared += (histograms.theirs[i] - expected_theirs) *
                   (histograms.theirs[i] - expected_theirs) / expected_theirs;
  }
  return std::sqrt(chi_squared / total);
}

Result<Plan> ByHistogram(const Subject& subject, double (*measure)(const Histograms&),
                         std::string_view name) {
  CAISSON_ASSIGN(const Histograms histograms, Compare(subject));
  const double value = measure(histograms);
  const double max = subject["max"].AsDouble();
  return DecidedPlan(value <= max,
                     fmt::format("{} against {} at most {}", name, subject["from"].AsString(),
                                 Readable(subject["max"])),
                     fmt::format("{} {:.4g}", name, value));
}

// Both empirical distribution functions at every value that occurs. `measure` is SQL over the
// columns value, ours and theirs (shares up to it) and `width` (to the next value).
Result<Plan> ByDistributionFunction(const Subject& subject, std::string_view measure,
                                    std::string_view name) {
  CAISSON_ASSIGN(const std::string other, OtherFile(subject, "from"));
  const std::string value = AsNumber(subject);
  const std::string query = fmt::format(
      "WITH rows AS (SELECT {0} AS value, 1 AS ours, 0 AS theirs FROM {1} WHERE {2} IS NOT NULL "
      "UNION ALL SELECT {0}, 0, 1 "
      "FROM {3} WHERE {2} IS NOT NULL), counts AS (SELECT value, sum(ours) AS ours, sum(theirs) AS "
      "theirs FROM rows GROUP BY "
      "value), steps AS (SELECT sum(ours) OVER up_to / sum(ours) OVER () AS ours, sum(theirs) OVER "
      "up_to / sum(theirs) OVER "
      "() AS theirs, coalesce(lead(value) OVER up_to - value, 0) AS width FROM counts WINDOW up_to "
      "AS (ORDER BY value)) "
      "SELECT {4} FROM steps",
      value, subject.relation, subject.column, other, measure);
  return BoundedQueryPlan(subject, query,
                          fmt::format("{} against {}", name, subject["from"].AsString()));
}

}  // namespace

std::vector<Kind> DistributionKinds() {
  const Parameter from{"from", kFile, true, "the file to compare with"};
  const Parameter max{"max", kNumber, true, "the most that is accepted"};
  const Parameter bins{"bins", kNumber, false, "bins of numbers; default: 10"};
  return {
      {.name = "psi",
       .parameters = {from, max, bins},
       .summary = "Population stability index: sum of (p - q) ln(p / q) over the bins.",
       .example = "psi: {from: data/last.parquet, max: 0.2}",
       .compile = [](const Subject& s) -> Result<Plan> {
         return ByHistogram(s, PopulationStability, "PSI");
       }},
      {.name = "js_distance",
       .parameters = {from, max, bins},
       .summary = "Jensen-Shannon distance, base 2: 0 to 1.",
       .example = "js_distance: {from: data/last.parquet, max: 0.1}",
       .compile = [](const Subject& s) -> Result<Plan> {
         return ByHistogram(s, JensenShannon, "JS distance");
       }},
      {.name = "l_infinity",
       .parameters = {from, max, bins},
       .summary = "The largest difference of a bin's share.",
       .example = "l_infinity: {from: data/last.parquet, max: 0.05}",
       .compile = [](const Subject& s) -> Result<Plan> {
         return ByHistogram(s, LargestDifference, "L-infinity");
       }},
      {.name = "cramers_v",
       .parameters = {from, max, bins},
       .summary = "Cramer's V, the chi-squared statistic freed of the number of rows: 0 to 1.",
       .example = "cramers_v: {from: data/last.parquet, max: 0.1}",
       .compile = [](const Subject& s) -> Result<Plan> {
         return ByHistogram(s, CramersV, "Cramer's V");
       }},
      {.name = "ks",
       .parameters = {from, max},
       .summary = "Kolmogorov-Smirnov statistic of numbers and times: the largest distance of the "
                  "distribution functions.",
       .example = "ks: {from: data/last.parquet, max: 0.1}",
       .compile = [](const Subject& s) -> Result<Plan> {
         return ByDistributionFunction(s, "max(abs(ours - theirs))", "KS");
       }},
      {.name = "wasserstein",
       .parameters = {from, max},
       .summary = "Wasserstein distance of numbers, in their own unit (times: seconds).",
       .example = "wasserstein: {from: data/last.parquet, max: 3}",
       .compile = [](const Subject& s) -> Result<Plan> {
         return ByDistributionFunction(s, "sum(abs(ours - theirs) * width)",
                                       "Wasserstein distance");
       }},
  };
}

}  // namespace caisson::data::internal
