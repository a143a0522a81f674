// Every kind of check, each with rows that it accepts and rows that it does not.
#include <set>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/strings.h"
#include "lifecycle/data/internal/check_kind.h"
#include "lifecycle/data/testing.h"

namespace caisson::data {
namespace {

using testing::Workbench;

struct Case {
  std::string_view check;  // as in a suite
  std::string_view good;   // SQL of rows; the column is x
  std::string_view bad;
  int64_t failed_rows = 0;  // of the bad rows; 0 where the kind counts no rows
};

constexpr Case kColumnCases[] = {
    {"exists", "SELECT 1 AS x", "SELECT 1 AS y"},
    {"type: BIGINT", "SELECT 1::BIGINT AS x", "SELECT 1::INTEGER AS x"},
    {"type: int8", "SELECT 1::BIGINT AS x", "SELECT 'a' AS x"},
    {"type: [INTEGER, DOUBLE]", "SELECT 1::DOUBLE AS x", "SELECT 1::BIGINT AS x"},
    {"not_null", "SELECT 1 AS x", "SELECT unnest([1, NULL, NULL]) AS x", 2},
    {"null", "SELECT NULL::INTEGER AS x", "SELECT unnest([1, NULL, 3]) AS x", 2},
    {"between: {min: 0, max: 2}", "SELECT unnest([0, 2, NULL]) AS x",
     "SELECT unnest([-1, 1, 3]) AS x", 2},
    {"between: {max: 2}", "SELECT -9 AS x", "SELECT unnest([3.5, 'nan'::DOUBLE]) AS x", 2},
    {"between: {min: \"2001-01-01\"}", "SELECT TIMESTAMP '2001-01-01 00:00:00' AS x",
     "SELECT TIMESTAMP '2000-12-31 23:59:59' AS x", 1},
    {"between: {min: 0}", "SELECT 'inf'::FLOAT AS x", "SELECT 'nan'::FLOAT AS x", 1},
    {"greater_than: 0", "SELECT 0.1 AS x", "SELECT unnest([0, -1, 'nan'::DOUBLE]) AS x", 3},
    {"less_than: 1", "SELECT 0.9 AS x", "SELECT unnest([1, 2, 0]) AS x", 2},
    {"in_set: [a, b]", "SELECT unnest(['a', NULL]) AS x", "SELECT unnest(['a', 'c']) AS x", 1},
    {"in_set: [1, 2]", "SELECT 1 AS x", "SELECT 3 AS x", 1},
    {"in_set: it's", "SELECT 'it''s' AS x", "SELECT 'its' AS x", 1},
    {"not_in_set: [0]", "SELECT unnest([1, NULL]) AS x", "SELECT unnest([0, 0, 1]) AS x", 2},
    {"finite", "SELECT 1.5::DOUBLE AS x", "SELECT unnest(['nan'::DOUBLE, 'inf', '-inf', 0]) AS x",
     3},
    {"finite", "SELECT 1 AS x", "SELECT 'nan'::FLOAT AS x", 1},
    {"whole_number", "SELECT unnest([2.0, -3.0]) AS x", "SELECT unnest([2.5, 1.0]) AS x", 1},
    {"multiple_of: 5", "SELECT unnest([0, 10, -5]) AS x", "SELECT unnest([1, 5]) AS x", 1},
    {"not_in_future", "SELECT TIMESTAMP '2001-01-01' AS x", "SELECT TIMESTAMP '2999-01-01' AS x",
     1},
    {"not_in_future: \"2001-02-01\"", "SELECT DATE '2001-02-01' AS x",
     "SELECT DATE '2001-02-02' AS x", 1},
    {"list_length: 2", "SELECT [1, 2] AS x", "SELECT unnest([[1], [1, 2]]) AS x", 1},
    {"norm: {min: 0.99, max: 1.01}", "SELECT [0.6, 0.8] AS x", "SELECT [1.0, 1.0] AS x", 1},
    {"matches: \"[A-Z]{3}\"", "SELECT 'JFK' AS x", "SELECT unnest(['JFKX', 'jfk', 'LAX']) AS x", 2},
    {"not_matches: \"test.*\"", "SELECT 'a test' AS x", "SELECT 'testing' AS x", 1},
    {"like: \"US-%\"", "SELECT 'US-CA' AS x", "SELECT 'DE-BE' AS x", 1},
    {"not_like: \"%test%\"", "SELECT 'rest' AS x", "SELECT 'a test b' AS x", 1},
    {"contains: \"@\"", "SELECT 'a@b' AS x", "SELECT 'ab' AS x", 1},
    {"starts_with: ab", "SELECT 'abc' AS x", "SELECT 'cab' AS x", 1},
    {"ends_with: .jpg", "SELECT 'a.jpg' AS x", "SELECT 'a.jpg.exe' AS x", 1},
    {"length: {min: 1, max: 3}", "SELECT 'äöü' AS x", "SELECT unnest(['', 'abcd']) AS x", 2},
    {"length: 2", "SELECT 'ab' AS x", "SELECT 'abc' AS x", 1},
    {"not_empty", "SELECT 'a' AS x", "SELECT unnest(['', '  ']) AS x", 2},
    {"trimmed", "SELECT 'a b' AS x", "SELECT unnest([' a', 'a ']) AS x", 2},
    {"lower_case", "SELECT 'abc 1' AS x", "SELECT 'aBc' AS x", 1},
    {"upper_case", "SELECT 'ABC 1' AS x", "SELECT 'AbC' AS x", 1},
    {"ascii", "SELECT 'plain' AS x", "SELECT 'schön' AS x", 1},
    {"utf8", "SELECT '\\xC3\\xA4'::BLOB AS x", "SELECT '\\xC3'::BLOB AS x", 1},
    {"date_format: \"%d.%m.%Y\"", "SELECT '31.12.2001' AS x",
     "SELECT unnest(['2001-12-31', '31.02.2001']) AS x", 2},
    {"parses_as: DOUBLE", "SELECT '1e3' AS x", "SELECT unnest(['1,5', 'x']) AS x", 2},
    {"json", "SELECT '{\"a\": [1]}' AS x", "SELECT '{a: 1}' AS x", 1},
    {"email", "SELECT 'a.b+c@example.org' AS x",
     "SELECT unnest(['a@', 'a b@example.org', 'example.org']) AS x", 3},
    {"uuid", "SELECT '123e4567-e89b-12d3-a456-426614174000' AS x",
     "SELECT '123e4567e89b12d3a456426614174000' AS x", 1},
    {"ip_address", "SELECT unnest(['192.168.0.255', '::1', '2001:db8::8a2e:370:7334']) AS x",
     "SELECT unnest(['256.1.1.1', '1.2.3', '12345::', ':::']) AS x", 4},
    {"url", "SELECT 'https://example.org/a?b=c' AS x",
     "SELECT unnest(['example.org', 'http://', 'a b']) AS x", 3},
    {"min: {min: 0}", "SELECT unnest([0, 5]) AS x", "SELECT unnest([-1, 5]) AS x"},
    {"max: {min: \"2001-06-30\"}", "SELECT TIMESTAMP '2001-07-01' AS x",
     "SELECT TIMESTAMP '2001-06-29' AS x"},
    {"mean: {min: 2, max: 3}", "SELECT unnest([1, 4]) AS x", "SELECT unnest([1, 6]) AS x"},
    {"mean: {min: 2, max: 3}", "SELECT 2 AS x", "SELECT NULL::INTEGER AS x"},
    {"median: {max: 2}", "SELECT unnest([1, 2, 100]) AS x", "SELECT unnest([1, 3, 100]) AS x"},
    {"stddev: {min: 1}", "SELECT unnest([1, 3]) AS x", "SELECT unnest([1, 1]) AS x"},
    {"sum: {min: 10, max: 10}", "SELECT unnest([4, 6]) AS x", "SELECT unnest([4, 7]) AS x"},
    {"skewness: {max: 1}", "SELECT unnest([1, 2, 3]) AS x",
     "SELECT unnest([1, 1, 1, 1, 100]) AS x"},
    {"kurtosis: {max: 1}", "SELECT range AS x FROM range(50)",
     "SELECT CASE range WHEN 0 THEN 1000 ELSE 0 END AS x FROM range(50)"},
    {"entropy: {min: 1}", "SELECT unnest(['a', 'b']) AS x",
     "SELECT unnest(['a', 'a', 'a', 'b']) AS x"},
    {"mean_length: {min: 2}", "SELECT unnest(['a', 'abc']) AS x",
     "SELECT unnest(['a', 'ab']) AS x"},
    {"quantile: {of: 0.9, max: 9}", "SELECT range AS x FROM range(11)",
     "SELECT range AS x FROM range(12)"},
    {"correlation: {with: x, min: 0.99}", "SELECT unnest([1, 2]) AS x",
     "SELECT unnest([1, 1]) AS x"},
    {"null_share: {max: 0.5}", "SELECT unnest([1, NULL]) AS x",
     "SELECT unnest([1, NULL, NULL]) AS x"},
    {"null_count: {max: 1}", "SELECT unnest([1, NULL]) AS x",
     "SELECT unnest([NULL, NULL, 1]) AS x"},
    {"zero_share: {max: 0.5}", "SELECT unnest([0, 1, NULL]) AS x", "SELECT unnest([0, 0, 1]) AS x"},
    {"distinct_count: {min: 2, max: 3}", "SELECT unnest([1, 1, 2]) AS x",
     "SELECT unnest([1, 2, 3, 4]) AS x"},
    {"distinct_count: 1", "SELECT unnest([1, 1]) AS x", "SELECT unnest([1, 2]) AS x"},
    {"distinct_share: {min: 0.9}", "SELECT unnest([1, 2]) AS x", "SELECT unnest([1, 1]) AS x"},
    {"constant", "SELECT unnest([1, 1, NULL]) AS x", "SELECT unnest([1, 2]) AS x"},
    {"top_share: {max: 0.5}", "SELECT unnest(['a', 'b']) AS x",
     "SELECT unnest(['a', 'a', 'b']) AS x"},
    {"rarest_share: {min: 0.3}", "SELECT unnest([0, 0, 1]) AS x",
     "SELECT unnest([0, 0, 0, 1]) AS x"},
    {"top_value: [ok]", "SELECT unnest(['ok', 'ok', 'no']) AS x",
     "SELECT unnest(['ok', 'no', 'no']) AS x"},
    {"has_values: [0, 1]", "SELECT unnest([0, 1, 2]) AS x", "SELECT unnest([1, 2]) AS x"},
    {"freshness: {max_age: 2d, now: \"2001-07-03\"}", "SELECT TIMESTAMP '2001-07-01' AS x",
     "SELECT TIMESTAMP '2001-06-30 23:59:59' AS x"},
    {"unique", "SELECT unnest([1, 2, NULL, NULL]) AS x", "SELECT unnest([1, 1, 1, 2]) AS x", 2},
    {"increasing", "SELECT unnest([1, 1, 2]) AS x", "SELECT unnest([1, 3, 2, 4]) AS x", 1},
    {"increasing: {strictly: true}", "SELECT unnest([1, 2]) AS x", "SELECT unnest([1, 1]) AS x", 1},
    {"decreasing", "SELECT unnest([2, 1, 1]) AS x", "SELECT unnest([2, 1, 3]) AS x", 1},
    {"decreasing: {strictly: true}", "SELECT unnest([2, 1]) AS x", "SELECT unnest([2, 2]) AS x", 1},
    {"within_stddevs: 3", "SELECT range AS x FROM range(20)",
     "SELECT CASE range WHEN 0 THEN 1000 ELSE range END AS x FROM range(50)", 1},
    {"psi: {from: reference.parquet, max: 0.1}", "SELECT range % 100 AS x FROM range(500)",
     "SELECT 3 AS x FROM range(500)"},
    {"js_distance: {from: reference.parquet, max: 0.1}", "SELECT range % 100 AS x FROM range(500)",
     "SELECT 3 AS x FROM range(500)"},
    {"l_infinity: {from: reference.parquet, max: 0.1}", "SELECT range % 100 AS x FROM range(500)",
     "SELECT 3 AS x FROM range(500)"},
    {"cramers_v: {from: reference.parquet, max: 0.1}", "SELECT range % 100 AS x FROM range(500)",
     "SELECT 3 AS x FROM range(500)"},
    {"ks: {from: reference.parquet, max: 0.1}", "SELECT range % 100 AS x FROM range(500)",
     "SELECT range % 100 + 20 AS x FROM range(500)"},
    {"wasserstein: {from: reference.parquet, max: 3}",
     "SELECT range % 100 + 2 AS x FROM range(500)", "SELECT range % 100 + 4 AS x FROM range(500)"},
    {"mean_change: {from: reference.parquet, min: -1, max: 1}", "SELECT 50 AS x", "SELECT 60 AS x"},
};

constexpr Case kTableCases[] = {
    {"columns: [x, y]", "SELECT 1 AS y, 2 AS x", "SELECT 1 AS x, 2 AS y, 3 AS z"},
    {"columns: {names: [x, y], ordered: true}", "SELECT 1 AS x, 2 AS y", "SELECT 1 AS y, 2 AS x"},
    {"columns: {names: [x], others: true}", "SELECT 1 AS x, 2 AS y", "SELECT 1 AS y"},
    {"column_count: {min: 2}", "SELECT 1 AS x, 2 AS y", "SELECT 1 AS x"},
    {"row_count: 2", "SELECT unnest([1, 2]) AS x", "SELECT 1 AS x"},
    {"row: x <> y", "SELECT 1 AS x, 2 AS y", "SELECT 1 AS x, unnest([1, NULL]) AS y", 2},
    {"row: x > 0 -- positive", "SELECT 1 AS x", "SELECT 0 AS x", 1},
    {"implies: {when: x > 0, then: y IS NULL}",
     "SELECT unnest([1, 0]) AS x, unnest([NULL, 5]) AS y", "SELECT 1 AS x, 5 AS y", 1},
    {"share: {of: x > 15, min: 0.4, max: 0.6}", "SELECT unnest([1, 20]) AS x",
     "SELECT unnest([20, 20]) AS x"},
    {"aggregate: {of: max(x) - min(x), max: 5}", "SELECT unnest([1, 6]) AS x",
     "SELECT unnest([1, 7]) AS x"},
    {"no_duplicates: [x, y]", "SELECT 1 AS x, unnest([1, 2]) AS y",
     "SELECT 1 AS x, unnest([1, 1, 2]) AS y", 1},
    {"no_duplicates", "SELECT unnest([1, 2]) AS x", "SELECT unnest([1, 1, 1]) AS x", 2},
    {"no_rows: SELECT x FROM data GROUP BY x HAVING count(*) > 1", "SELECT unnest([1, 2]) AS x",
     "SELECT unnest([1, 1]) AS x", 1},
    {"ordered_columns: [x, y, z]", "SELECT 1 AS x, 1 AS y, 2 AS z", "SELECT 1 AS x, 3 AS y, 2 AS z",
     1},
    {"ordered_columns: {columns: [x, y], strictly: true}", "SELECT 1 AS x, 2 AS y",
     "SELECT 1 AS x, 1 AS y", 1},
    {"equal_columns: [x, y]", "SELECT NULL AS x, NULL AS y",
     "SELECT 1 AS x, unnest([1, NULL]) AS y", 1},
    {"sum_of_columns: {columns: [x, y], total: z, tolerance: 0.01}",
     "SELECT 1.0 AS x, 2.0 AS y, 3.005 AS z", "SELECT 1 AS x, 2 AS y, 4 AS z", 1},
    {"sum_of_columns: {columns: [x, y], total: 1}", "SELECT 0.3 AS x, 0.7 AS y",
     "SELECT 0.3 AS x, 0.6 AS y", 1},
    {"tuples_in_set: {columns: [x, y], set: [[DE, EUR], [US, USD]]}",
     "SELECT 'DE' AS x, 'EUR' AS y", "SELECT 'DE' AS x, 'USD' AS y", 1},
    {"any_filled: [x, y]", "SELECT 1 AS x, NULL AS y", "SELECT NULL AS x, NULL AS y", 1},
    {"one_filled: [x, y]", "SELECT 1 AS x, NULL AS y", "SELECT 1 AS x, unnest([2, NULL]) AS y", 1},
    {"references: {columns: [x], from: reference.parquet}", "SELECT unnest([3, NULL]) AS x",
     "SELECT unnest([3, 100, 101]) AS x", 2},
    {"references: {columns: [y], from: reference.parquet, to: [x]}", "SELECT 3 AS y",
     "SELECT 100 AS y", 1},
    {"disjoint: {columns: [x], from: reference.parquet}", "SELECT 100 AS x",
     "SELECT unnest([1, 2, 100]) AS x", 2},
    {"row_count_ratio: {from: reference.parquet, min: 0.5, max: 1.5}", "SELECT * FROM range(600)",
     "SELECT * FROM range(100)"},
    {"same_columns: reference.parquet", "SELECT 1::BIGINT AS x", "SELECT 1::INTEGER AS x, 2 AS y"},
};

class CheckKinds : public ::testing::Test {
 protected:
  CheckKinds() {
    bench_.WriteTable("reference.parquet", "SELECT range % 100 AS x FROM range(1000)");
  }

  CheckResult Run(std::string_view section, std::string_view check, std::string_view rows) {
    const auto report = bench_.CheckRows(fmt::format("{}\n  - {}\n", section, check), rows);
    if (!report.ok()) {
      ADD_FAILURE() << check << ": " << report.status();
      return {};
    }
    return report->results.at(0);
  }

  void Try(std::string_view section, const Case& test) {
    SCOPED_TRACE(test.check);
    const CheckResult good = Run(section, test.check, test.good);
    EXPECT_TRUE(good.passed) << good.observed;
    EXPECT_TRUE(good.computed) << good.observed;
    EXPECT_EQ(good.failed_rows, 0);
    EXPECT_FALSE(good.expected.empty());
    const CheckResult bad = Run(section, test.check, test.bad);
    EXPECT_FALSE(bad.passed) << bad.observed;
    EXPECT_EQ(bad.failed_rows, test.failed_rows);
    EXPECT_FALSE(bad.observed.empty());
    EXPECT_EQ(bad.examples.empty(), test.failed_rows == 0);
    // Only a missing column, which `exists` is about, has no answer.
    EXPECT_EQ(bad.computed, test.check != "exists") << bad.observed;
  }

  Workbench bench_;
};

TEST_F(CheckKinds, ColumnsAreJudged) {
  for (const Case& test : kColumnCases) Try("columns:\n  x:", test);
}

TEST_F(CheckKinds, TablesAreJudged) {
  for (const Case& test : kTableCases) Try("table:", test);
}

TEST_F(CheckKinds, FilesAreJudged) {
  const std::string path = bench_.WriteText("a.csv", "x\n1\n");
  for (const auto& [check, passed] :
       {std::pair{"file_size: 4", true}, std::pair{"file_size: {max: 3}", false},
        std::pair{"file_hash: 4be5ee9fbdbe0f7d2b1fcdbed1e4c1c4", false},
        std::pair{"file_hash: 42c8cbfb3eac14f3e10dab4a4a96fd9f", false}}) {
    const auto report = bench_.CheckFile(fmt::format("table:\n- {}\n", check), path);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->passed, passed) << check << ": " << report->results[0].observed;
  }
  const std::string digest = HashFile(HashKind::kSha256, path).value();
  EXPECT_TRUE(bench_.CheckFile("table:\n- file_hash: " + digest + "\n", path)->passed);
}

TEST_F(CheckKinds, EveryKindIsTriedHere) {
  std::set<std::string> tried = {"file_size", "file_hash"};
  for (const Case& test : kColumnCases) tried.insert(Split(test.check, ':')[0]);
  for (const Case& test : kTableCases) tried.insert(Split(test.check, ':')[0]);
  for (const internal::Kind& kind : internal::CheckKinds()) {
    EXPECT_TRUE(tried.contains(kind.name)) << kind.name;
  }
  EXPECT_GE(internal::CheckKinds().size(), 60u);
}

TEST_F(CheckKinds, PopulationStabilityIsTheKnownFigure) {
  // Shares .5/.5 against .9/.1: (.5-.9) ln(.5/.9) + (.5-.1) ln(.5/.1) = 0.8789.
  bench_.WriteTable("shares.parquet", "SELECT range < 9 AS x FROM range(10)");
  const CheckResult result = Run("columns:\n  x:", "psi: {from: shares.parquet, max: 1}",
                                 "SELECT unnest([true, false]) AS x");
  EXPECT_EQ(result.observed, "PSI 0.8789");
  const CheckResult distance = Run("columns:\n  x:", "js_distance: {from: shares.parquet, max: 1}",
                                   "SELECT unnest([true, false]) AS x");
  EXPECT_EQ(distance.observed, "JS distance 0.3831");
}

TEST_F(CheckKinds, AColumnThatIsAllNullHasNoDistribution) {
  const CheckResult result =
      Run("columns:\n  x:", "ks: {from: reference.parquet, max: 0.1}", "SELECT NULL::BIGINT AS x");
  EXPECT_FALSE(result.passed);
}

}  // namespace
}  // namespace caisson::data
