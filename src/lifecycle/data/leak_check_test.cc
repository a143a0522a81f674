// Leaks are planted into a small copy of the flights' features, and must be found.
#include "lifecycle/data/leak_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lifecycle/data/testing.h"

namespace caisson::data {
namespace {

using ::testing::HasSubstr;
using testing::Workbench;

const Context kContext = Context::Background();

// A flight every half hour for twenty days, late in no simple pattern.
constexpr std::string_view kFlights =
    "SELECT TIMESTAMP '2001-01-01' + to_minutes(30 * range) AS date, (hash(range) % 60)::BIGINT - "
    "20 AS delay, "
    "'A' || (range // 4 % 2) AS origin FROM range(960)";

// The share of late flights from the same origin between `from` and `to` before the flight.
std::string Script(std::string_view from, std::string_view to) {
  return fmt::format(
      "CREATE VIEW raw AS SELECT f.date, f.delay, f.origin, (f.delay > 15)::TINYINT AS late,\n"
      "  coalesce((SELECT avg((h.delay > 15)::TINYINT) FROM flights h WHERE h.origin = f.origin\n"
      "    AND h.date >= f.date - INTERVAL '{}' AND h.date <= f.date - INTERVAL '{}'), 0)::FLOAT "
      "AS history\n"
      "FROM flights f;\n"
      "CREATE VIEW features AS SELECT date, hour(date)::FLOAT AS hour, history, late FROM raw "
      "ORDER BY date",
      from, to);
}

class Leaks : public ::testing::Test {
 protected:
  Leaks() {
    check_.script.inputs = {{"flights", bench_.WriteTable("flights.parquet", kFlights)}};
    check_.time = "date";
    check_.label = "delay";
    check_.target = "late";
    check_.moments = {"2001-01-10 12:02"};
  }
  LeakReport Run(std::string_view script) {
    check_.script.file = bench_.WriteText("script.sql", script);
    Result<LeakReport> report = CheckLeakage(kContext, check_);
    if (!report.ok()) ADD_FAILURE() << report.status();
    return report.ok() ? *std::move(report) : LeakReport();
  }
  std::string Problem(std::string_view script) {
    check_.script.file = bench_.WriteText("script.sql", script);
    return Message(CheckLeakage(kContext, check_).status());
  }
  Workbench bench_;
  LeakCheck check_;
};

TEST_F(Leaks, AHistoryThatEndsBeforeTheHorizonIsClean) {
  check_.horizon = std::chrono::hours(1);
  const LeakReport report = Run(Script("4 hours", "61 minutes"));
  EXPECT_TRUE(report.passed()) << report.ToText();
  ASSERT_EQ(report.findings.size(), 1u);  // `raw` has the label and is no set of features
  EXPECT_EQ(report.findings[0].relation, "features");
  EXPECT_EQ(report.findings[0].rows, 7 * 48);  // of the last seven days
  check_.window = Duration::zero();
  EXPECT_EQ(Run(Script("4 hours", "61 minutes")).findings.at(0).rows, 9 * 48 + 25 + 2);
  EXPECT_THAT(report.ToText(), HasSubstr("No leak found"));
}

TEST_F(Leaks, APlantedLeakIsCaught) {
  // The history goes on for six hours after the flight.
  const LeakReport report = Run(Script("4 hours", "-6 hours"));
  EXPECT_FALSE(report.passed());
  ASSERT_EQ(report.findings.at(0).columns.size(), 1u);
  const LeakFinding::Column& column = report.findings[0].columns[0];
  EXPECT_EQ(column.name, "history");
  EXPECT_GT(column.changed, 5);
  EXPECT_EQ(column.changed, report.changed_values());
  EXPECT_NE(column.before, column.after);
  EXPECT_EQ(column.time.substr(0, 10), "2001-01-10");
  EXPECT_THAT(report.ToText(), HasSubstr("LEAK"));
  EXPECT_EQ(report.ToJson()["findings"][0]["columns"][0]["name"], Json("history"));
}

TEST_F(Leaks, TheHorizonDecidesWhatCountsAsKnown) {
  // It ends half an hour before the flight: honest as the plane leaves, not an hour ahead.
  EXPECT_TRUE(Run(Script("4 hours", "30 minutes")).passed());
  check_.horizon = std::chrono::hours(1);
  EXPECT_FALSE(Run(Script("4 hours", "30 minutes")).passed());
}

TEST_F(Leaks, ADistantFutureIsFoundFromAnyMoment) {
  check_.moments.clear();
  const LeakReport report =
      Run("CREATE VIEW features AS SELECT date, (SELECT avg(delay) FROM flights)::FLOAT AS mean, "
          "delay > 15 AS late FROM flights");
  EXPECT_EQ(report.findings.size(), 3u);
  for (const LeakFinding& finding : report.findings) EXPECT_TRUE(finding.leaks());
}

TEST_F(Leaks, RowsThatComeAndGoWithTheLabelAreALeak) {
  // Only flights before the last very late one; with mirrored delays another one is the last.
  check_.horizon = std::chrono::days(30);
  const LeakReport report = Run(
      "CREATE VIEW features AS SELECT date, delay > 15 AS late FROM flights WHERE date < (SELECT "
      "max(date) FROM flights WHERE delay > 35) ORDER BY date");
  EXPECT_FALSE(report.passed());
  EXPECT_NE(report.findings.at(0).rows_changed_by, 0);
}

TEST_F(Leaks, ABooleanLabelIsTurnedRound) {
  bench_.WriteTable("flights.parquet",
                    fmt::format("SELECT date, delay > 15 AS late FROM ({})", kFlights));
  check_.label = "late";
  check_.target = "";
  const std::string_view script =
      "CREATE VIEW features AS SELECT date, lead(late) OVER (ORDER BY date) AS next, late FROM "
      "flights ORDER BY date";
  EXPECT_EQ(Run(script).changed_values(), 1);
}

TEST_F(Leaks, MistakesAreNamed) {
  const std::string good = Script("4 hours", "61 minutes");
  check_.label = "dela";
  EXPECT_THAT(Problem(good), HasSubstr("has no column dela (did you mean 'delay'?)"));
  check_.label = "origin";
  EXPECT_THAT(Problem(good), HasSubstr("a number or a boolean"));
  check_.label = "delay";
  check_.time = "origin";
  EXPECT_THAT(Problem(good), HasSubstr("TIMESTAMP or DATE"));
  check_.time = "date";
  check_.target = "other";
  EXPECT_THAT(Problem(good), HasSubstr("no relation of"));
  check_.target = "late";
  check_.relations = {"feature"};
  EXPECT_THAT(Problem(good), HasSubstr("did you mean 'features'?"));
  check_.relations.clear();
  check_.moments = {"2000-01-01"};
  EXPECT_THAT(Problem(good), HasSubstr("choose a later moment"));
  check_.moments = {"soon"};
  EXPECT_THAT(Problem(good), HasSubstr("soon"));
}

}  // namespace
}  // namespace caisson::data
