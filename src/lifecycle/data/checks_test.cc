#include "lifecycle/data/checks.h"

#include <algorithm>
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "lifecycle/data/testing.h"

namespace caisson::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Workbench;

constexpr std::string_view kFlights =
    "SELECT TIMESTAMP '2001-01-01' + to_minutes(range) AS date, (range % 90 - 30)::BIGINT AS "
    "delay, 'JFK' AS origin "
    "FROM range(20000)";

class Checks : public ::testing::Test {
 protected:
  CheckResult RunOne(std::string_view suite, std::string_view rows) {
    const auto report = bench_.CheckRows(suite, rows);
    if (!report.ok()) ADD_FAILURE() << report.status();
    return report.ok() ? report->results.at(0) : CheckResult();
  }
  Workbench bench_;
};

TEST_F(Checks, AFileIsCheckedInOneGo) {
  const std::string path = bench_.WriteTable("flights.parquet", kFlights);
  const auto report = bench_.CheckFile(
      "table:\n- row_count: 20000\ncolumns:\n  delay:\n  - not_null\n  - between: {min: -30, max: "
      "59}\n  - mean: {min: 14, max: 15}\n",
      path);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->passed);
  EXPECT_EQ(report->row_count, 20000);
  EXPECT_EQ(report->source, path);
  EXPECT_EQ(report->suite, "suite.yaml");
  EXPECT_THAT(report->Failures(), ElementsAre());
  EXPECT_EQ(report->results[1].observed, "all 20,000 rows");
  EXPECT_EQ(report->results[1].checked_rows, 20000);
  EXPECT_GT(report->seconds, 0);
}

TEST_F(Checks, FailuresNameColumnCheckCountAndRows) {
  const auto report = bench_.CheckRows(
      "columns:\n  delay:\n  - between: {min: 0}\n    why: planes do not leave early\n",
      "SELECT unnest([5, -3, -4, NULL]) AS delay, 'JFK' AS origin");
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_FALSE(report->passed);
  const CheckResult& result = report->results[0];
  EXPECT_EQ(result.failed_rows, 2);
  EXPECT_EQ(result.checked_rows, 3);  // a null is not out of bounds
  EXPECT_EQ(result.observed, "2 of 3 rows fail, for example -3");
  EXPECT_THAT(result.examples, ElementsAre(Json::Of({{"delay", -3}, {"origin", "JFK"}}),
                                           Json::Of({{"delay", -4}, {"origin", "JFK"}})));
  EXPECT_THAT(report->Failures(), ElementsAre("delay: between failed for 2 of 3 rows; expected at "
                                              "least 0; for example delay: -3, origin: JFK "
                                              "(planes do not leave early)"));
}

TEST_F(Checks, AtMostFiveExamples) {
  const CheckResult result =
      RunOne("columns:\n  x:\n  - less_than: 0\n", "SELECT range AS x FROM range(100)");
  EXPECT_EQ(result.failed_rows, 100);
  EXPECT_EQ(result.examples.size(), 5u);
}

TEST_F(Checks, MostlyAllowsAShareExactly) {
  const std::string_view rows =
      "SELECT CASE WHEN range < 10 THEN NULL ELSE 1 END AS x FROM range(10000)";
  EXPECT_TRUE(RunOne("columns:\n  x:\n  - not_null:\n    mostly: 0.999\n", rows).passed);
  EXPECT_FALSE(RunOne("columns:\n  x:\n  - not_null:\n    mostly: 0.9991\n", rows).passed);
  EXPECT_EQ(RunOne("columns:\n  x:\n  - not_null:\n    mostly: 0.999\n", rows).expected,
            "not null for at least 99.9 %");
}

TEST_F(Checks, AWarningDoesNotFailTheSuite) {
  const auto report =
      bench_.CheckRows("columns:\n  x:\n  - not_null:\n    severity: warn\n", "SELECT NULL AS x");
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->passed);
  EXPECT_FALSE(report->results[0].passed);
  EXPECT_THAT(report->Failures(), ElementsAre());
}

TEST_F(Checks, AConditionChoosesRows) {
  const std::string_view rows = "SELECT unnest([1, -1, -2]) AS x, unnest(['a', 'b', 'b']) AS k";
  const CheckResult good =
      RunOne("columns:\n  x:\n  - greater_than: 0\n    where: k = 'a' -- only these\n", rows);
  EXPECT_TRUE(good.passed) << good.observed;
  EXPECT_EQ(good.checked_rows, 1);
  EXPECT_EQ(RunOne("columns:\n  x:\n  - mean: {max: -1.5}\n    where: k = 'b'\n", rows).observed,
            "mean -1.5");
  EXPECT_EQ(RunOne("columns:\n  k:\n  - unique:\n    where: k = 'b'\n", rows).failed_rows, 1);
  // The rows of the whole table are counted all the same.
  EXPECT_EQ(bench_.CheckRows("columns:\n  x:\n  - greater_than: 0\n    where: k = 'a'\n", rows)
                ->row_count,
            3);
}

TEST_F(Checks, AMissingColumnFailsItsOwnChecksOnly) {
  const auto report = bench_.CheckRows(
      "table:\n- row: dleay > 0\n- no_duplicates: [date, dleay]\ncolumns:\n  dleay:\n  - "
      "not_null\n  "
      "- mean: {min: 0}\n  date:\n  - not_null\n",
      "SELECT 1 AS delay, 2 AS date");
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_FALSE(report->passed);
  for (const size_t i : {0, 1, 2, 3}) {
    EXPECT_FALSE(report->results[i].passed);
    EXPECT_FALSE(report->results[i].computed);
    EXPECT_THAT(report->results[i].observed, HasSubstr("dleay"));
  }
  EXPECT_EQ(report->results[2].observed,
            "there is no column dleay (did you mean 'delay'?); the columns are delay, date");
  EXPECT_TRUE(report->results[4].passed);
}

TEST_F(Checks, AWrongTypeFailsWhatNeedsTheRightOne) {
  const auto report = bench_.CheckRows(
      "columns:\n  x:\n  - type: BIGINT\n  - mean: {min: 0}\n  - between: {min: 0, max: 5}\n  - "
      "not_null\n",
      "SELECT unnest(['1', 'many', '3']) AS x");
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->results[0].observed, "type VARCHAR");
  EXPECT_FALSE(report->results[1].computed);
  EXPECT_THAT(report->results[1].observed, HasSubstr("avg(VARCHAR)"));
  EXPECT_FALSE(report->results[2].computed);
  EXPECT_THAT(report->results[2].observed, AllOf(HasSubstr("VARCHAR"), Not(HasSubstr("FILTER"))));
  EXPECT_TRUE(report->results[3].passed);
  EXPECT_EQ(report->row_count, 3);
  EXPECT_THAT(report->Failures()[1], HasSubstr("x: mean could not be computed: "));
}

TEST_F(Checks, AnEmptyTableHasNoFailingRowsAndNoStatistics) {
  const auto report =
      bench_.CheckRows("columns:\n  x:\n  - not_null\n  - mean: {min: 0}\n  - constant\n",
                       "SELECT 1 AS x WHERE false");
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->results[0].passed);
  EXPECT_FALSE(report->results[1].passed);
  EXPECT_EQ(report->results[1].observed, "mean of no values");
}

TEST_F(Checks, CsvAndJsonAreRead) {
  const std::string csv = bench_.WriteText("a.csv", "x,y\n1,a\n2,b\n");
  EXPECT_TRUE(bench_.CheckFile("columns:\n  x:\n  - type: BIGINT\n  - sum: 3\n", csv)->passed);
  const std::string json = bench_.WriteText("a.jsonl", "{\"x\": 1}\n{\"x\": 2}\n");
  EXPECT_TRUE(bench_.CheckFile("columns:\n  x:\n  - sum: 3\n", json)->passed);
  const auto other =
      bench_.CheckFile("columns:\n  x:\n  - not_null\n", bench_.WriteText("a.txt", "x"));
  EXPECT_EQ(other.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(other.status()), HasSubstr(".parquet"));
}

TEST_F(Checks, AMissingFileIsNotFound) {
  const auto report = bench_.CheckFile("table:\n- row_count: 1\n", bench_.Path("none.parquet"));
  EXPECT_EQ(report.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(Message(report.status()), HasSubstr("none.parquet"));
}

TEST_F(Checks, DamagedFilesAreDataLossAndNamed) {
  const std::string path = bench_.WriteTable("flights.parquet", kFlights);
  const std::string bytes = ReadFile(path).value();
  constexpr std::string_view kSuite =
      "columns:\n  delay:\n  - not_null\n  - mean: {min: 0}\n  origin:\n  - matches: "
      "\"[A-Z]{3}\"\n";
  // Cut off: the footer is gone.
  const auto cut = bench_.CheckFile(
      kSuite, bench_.WriteText("cut.parquet", std::string_view(bytes).substr(0, bytes.size() / 2)));
  EXPECT_EQ(cut.status().code(), StatusCode::kDataLoss) << cut.status();
  EXPECT_THAT(Message(cut.status()),
              AllOf(HasSubstr("cut.parquet cannot be read"), Not(HasSubstr("\n"))));
  const auto empty = bench_.CheckFile(kSuite, bench_.WriteText("empty.parquet", ""));
  EXPECT_EQ(empty.status().code(), StatusCode::kDataLoss) << empty.status();
  // Pages overwritten: the footer promises what is not there.
  std::string torn = bytes;
  uint32_t footer = 0;  // its length stands before the last four bytes
  std::memcpy(&footer, bytes.data() + bytes.size() - 8, sizeof(footer));
  std::fill(torn.begin() + 4, torn.end() - 8 - footer, '\x5a');
  const auto damaged = bench_.CheckFile(kSuite, bench_.WriteText("torn.parquet", torn));
  EXPECT_EQ(damaged.status().code(), StatusCode::kDataLoss) << damaged.status();
  EXPECT_THAT(Message(damaged.status()), AllOf(HasSubstr("torn.parquet"), HasSubstr("column ")));
}

TEST_F(Checks, AnOtherFileThatIsMissingFailsOneCheck) {
  const auto report = bench_.CheckRows(
      "columns:\n  x:\n  - psi: {from: last.parquet, max: 0.1}\n  - not_null\n", "SELECT 1 AS x");
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(report->results[0].observed,
              AllOf(HasSubstr("there is no file"), HasSubstr("last.parquet")));
  EXPECT_TRUE(report->results[1].passed);
}

TEST_F(Checks, AnEndedContextIsNoFailedCheck) {
  CancelSource source;
  source.Cancel();
  const auto suite = ParseCheckSuite(*ParseYaml("table:\n- row_count: 1\n", "s"), "s");
  bench_.Execute("CREATE TABLE t AS SELECT 1 AS x");
  const auto report =
      RunChecks(Context::Background().WithCancel(source), bench_.database(), *suite, "t");
  EXPECT_EQ(report.status().code(), StatusCode::kCancelled);
}

TEST_F(Checks, TheSameDatabaseServesAgain) {
  for (int i = 0; i < 2; ++i)
    EXPECT_TRUE(bench_.CheckRows("table:\n- row_count: 1\n", "SELECT 1 AS x")->passed);
  // The view that the checks look at is gone.
  EXPECT_FALSE(bench_.database().Execute(Context::Background(), "SELECT * FROM data").ok());
}

TEST_F(Checks, ReportsAsTextPageAndJUnit) {
  const auto report = bench_.CheckRows(
      "columns:\n  a<b:\n  - not_null\n  - in_set: [\"x\"]\n    severity: warn\n  - length: {max: "
      "9}\n",
      "SELECT unnest(['<script>', NULL]) AS \"a<b\"");
  ASSERT_TRUE(report.ok()) << report.status();
  const std::string text = report->ToText();
  EXPECT_THAT(text,
              AllOf(HasSubstr("failed   a<b     not_null  1 of 2 rows fail"), HasSubstr("warning"),
                    HasSubstr("as suite.yaml:3 says"), HasSubstr("1 of 3 checks hold for 2 rows")));
  const std::string html = report->ToHtml();
  EXPECT_THAT(
      html, AllOf(HasSubstr("<!doctype html>"), HasSubstr("&lt;script&gt;"),
                  HasSubstr("does not hold"), Not(HasSubstr("<script>")), Not(HasSubstr("http"))));
  const std::string junit = report->ToJUnit();
  EXPECT_THAT(junit, AllOf(HasSubstr("tests=\"3\" failures=\"1\""),
                           HasSubstr("<failure message=\"a&lt;b: not_null failed for 1 of 2"),
                           HasSubstr("<system-out>warning: ")));
  const Json json = report->ToJson();
  EXPECT_EQ(json["row_count"], Json(2));
  EXPECT_EQ(json["passed"], Json(false));
  EXPECT_EQ(json["results"][0]["check"], Json("not_null"));
  EXPECT_EQ(json["results"][0]["failed_count"], Json(1));
  EXPECT_EQ(json["results"][1]["severity"], Json("warn"));
}

TEST_F(Checks, ControlCharactersInDataDoNotBreakReports) {
  const auto report = bench_.CheckRows("columns:\n  x:\n  - less_than: a\n",
                                       "SELECT 'b' || chr(10) || chr(1) || 'c' AS x");
  ASSERT_TRUE(report.ok()) << report.status();
  // XML 1.0 has no character below space but tab and line ends.
  for (const std::string& page : {report->ToJUnit(), report->ToHtml()}) {
    EXPECT_EQ(page.find('\x01'), std::string::npos);
  }
  EXPECT_EQ(report->Failures()[0].find('\n'), std::string::npos);
}

}  // namespace
}  // namespace caisson::data
