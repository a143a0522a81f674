#include "lifecycle/data/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lifecycle/data/suggest.h"
#include "lifecycle/data/testing.h"

namespace caisson::data {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::Workbench;

const Context kContext = Context::Background();

constexpr std::string_view kTable =
    "SELECT range AS id, CASE WHEN range % 4 = 0 THEN NULL ELSE range % 10 END AS digit, "
    "['red', 'red', 'blue'][range % 3 + 1] AS colour, (range / 10)::DOUBLE AS share, "
    "TIMESTAMP '2001-01-01' + to_hours(range) AS at, range % 2 = 0 AS even, [range] AS list "
    "FROM range(1000)";

TableDescription Describe(Workbench& bench, const std::string& path) {
  Result<TableDescription> description = DescribeTable(kContext, bench.database(), path);
  if (!description.ok()) ADD_FAILURE() << description.status();
  return description.ok() ? *std::move(description) : TableDescription();
}

TEST(Profile, EveryColumnIsDescribedAsItsTypeAllows) {
  Workbench bench;
  const TableDescription description = Describe(bench, bench.WriteTable("t.parquet", kTable));
  EXPECT_EQ(description.schema[1], Json::Of({{"name", "digit"}, {"type", "BIGINT"}}));
  EXPECT_EQ(description.profile["rows"], Json(1000));
  const Json& columns = description.profile["columns"];
  ASSERT_EQ(columns.size(), 7u);
  const Json& id = columns[0];
  EXPECT_EQ(id["nulls"], Json(0));
  EXPECT_EQ(id["min"], Json(0));
  EXPECT_EQ(id["max"], Json(999));
  EXPECT_EQ(id["mean"], Json(499.5));
  EXPECT_NEAR(id["stddev"].AsDouble(), 288.819, 0.001);
  EXPECT_EQ(id["quantiles"]["0.5"], Json(499.5));
  EXPECT_NEAR(id["distinct"].AsDouble(), 1000, 300);
  const Json& digit = columns[1];
  EXPECT_EQ(digit["nulls"], Json(250));
  EXPECT_EQ(digit["top"][0], Json::Of({{"value", 1}, {"count", 100}}));
  const Json& colour = columns[2];
  EXPECT_EQ(colour["min"], Json("blue"));
  EXPECT_EQ(colour["top"][0], Json::Of({{"value", "red"}, {"count", 667}}));
  EXPECT_TRUE(colour["histogram"].is_null());
  EXPECT_EQ(colour["min_length"], Json(3));
  EXPECT_EQ(colour["max_length"], Json(4));
  EXPECT_EQ(colour["characters"], Json("[a-z]"));
  EXPECT_EQ(columns[4]["max"], Json("2001-02-11 15:00:00"));
  EXPECT_EQ(columns[4]["quantiles"]["0.5"].AsString().substr(0, 10), "2001-01-21");
  EXPECT_EQ(columns[5]["top"].size(), 2u);
  EXPECT_TRUE(columns[6]["min"].is_null());
}

TEST(Profile, HistogramsCountEveryNumberOnce) {
  Workbench bench;
  // One outlier on each side, a NaN, an infinity and a null.
  const std::string path = bench.WriteTable("t.parquet",
                                            "SELECT x::DOUBLE AS x FROM range(1000) AS t(x) UNION "
                                            "ALL SELECT unnest([-1e9, 1e9, 'nan', 'inf', NULL])");
  const TableDescription description = Describe(bench, path);
  const Json& histogram = description.profile["columns"][0]["histogram"];
  ASSERT_EQ(histogram["counts"].size(), 20u);
  ASSERT_EQ(histogram["edges"].size(), 21u);
  int64_t total = 0;
  for (const Json& count : histogram["counts"].array()) total += count.AsInt();
  EXPECT_EQ(total, 1002);
  EXPECT_EQ(histogram["edges"][0], Json(-1e9));
  EXPECT_EQ(histogram["edges"][20], Json(1e9));
  // The outliers do not flatten the middle.
  EXPECT_NEAR(histogram["counts"][10].AsDouble(), 49, 2);
}

TEST(Profile, TwiceTheSame) {
  Workbench bench;
  const std::string path = bench.WriteTable("t.parquet", kTable);
  EXPECT_EQ(WriteJson(Describe(bench, path).profile), WriteJson(Describe(bench, path).profile));
}

TEST(Profile, EmptyAndConstantTablesAreDescribed) {
  Workbench bench;
  const TableDescription empty =
      Describe(bench, bench.WriteTable("empty.parquet", "SELECT 1 AS x, 'a' AS t WHERE false"));
  EXPECT_EQ(empty.profile["rows"], Json(0));
  EXPECT_TRUE(empty.profile["columns"][0]["min"].is_null());
  EXPECT_TRUE(empty.profile["columns"][0]["histogram"].is_null());
  const TableDescription constant =
      Describe(bench, bench.WriteTable("one.parquet", "SELECT 7 AS x FROM range(5)"));
  EXPECT_EQ(constant.profile["columns"][0]["histogram"]["counts"], Json(Json::Array{5}));
}

TEST(Profile, DamageAndAbsenceAreTold) {
  Workbench bench;
  const auto damaged =
      DescribeTable(kContext, bench.database(), bench.WriteText("a.parquet", "PAR1 and no more"));
  EXPECT_EQ(damaged.status().code(), StatusCode::kDataLoss);
  EXPECT_THAT(Message(damaged.status()), HasSubstr("a.parquet cannot be read"));
  EXPECT_EQ(DescribeTable(kContext, bench.database(), bench.Path("none.parquet")).status().code(),
            StatusCode::kNotFound);
}

TEST(Suggest, TheTablePassesWhatIsSuggested) {
  Workbench bench;
  const std::string path = bench.WriteTable("t.parquet", kTable);
  const std::string suite = SuggestSuite(Describe(bench, path), path);
  const auto report = bench.CheckFile(suite, path);
  ASSERT_TRUE(report.ok()) << report.status() << "\n" << suite;
  EXPECT_TRUE(report->passed) << report->ToText();
  EXPECT_THAT(
      suite,
      HasSubstr("columns: [\"id\", \"digit\", \"colour\", \"share\", \"at\", \"even\", \"list\"]"));
  EXPECT_THAT(suite, HasSubstr("in_set: [\"blue\", \"red\"]"));
  EXPECT_THAT(suite, HasSubstr("null_share: {max: 0.4}"));
  EXPECT_THAT(suite, HasSubstr("row_count: {min: 500, max: 2000}"));
  // Bounds leave room, and what is never negative stays so.
  EXPECT_THAT(suite, HasSubstr("between: {min: 0, max: 1500}"));
}

TEST(Suggest, CodesAreKnownByTheirForm) {
  Workbench bench;
  const std::string path = bench.WriteTable(
      "t.parquet",
      "SELECT printf('%03d', range % 200) AS code, 'x y' || range % 300 AS words FROM range(9000)");
  const std::string suite = SuggestSuite(Describe(bench, path), path);
  EXPECT_THAT(suite, HasSubstr("- matches: \"[0-9]{3}\""));
  EXPECT_THAT(suite, HasSubstr("- not_empty"));
  EXPECT_TRUE(bench.CheckFile(suite, path)->passed);
}

TEST(Suggest, ABrokenTableFailsIt) {
  Workbench bench;
  const std::string path = bench.WriteTable("t.parquet", kTable);
  const std::string suite = SuggestSuite(Describe(bench, path), path);
  const auto report = bench.CheckFile(
      suite, bench.WriteTable(
                 "u.parquet",
                 fmt::format("SELECT * REPLACE (-id AS id, 'pink' AS colour) FROM ({})", kTable)));
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_FALSE(report->passed);
  EXPECT_THAT(report->Failures(), Not(::testing::IsEmpty()));
}

TEST(Suggest, OddNamesAreQuoted) {
  Workbench bench;
  const std::string path = bench.WriteTable(
      "t.parquet", "SELECT 1 AS \"a: b\", 2 AS \"on\", 'x' AS \"#c\" FROM range(3)");
  const std::string suite = SuggestSuite(Describe(bench, path), path);
  const auto report = bench.CheckFile(suite, path);
  ASSERT_TRUE(report.ok()) << report.status() << "\n" << suite;
  EXPECT_TRUE(report->passed) << report->ToText();
}

}  // namespace
}  // namespace caisson::data
