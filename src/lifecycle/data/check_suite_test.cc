#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "lifecycle/data/check_catalogue.h"
#include "lifecycle/data/checks.h"

namespace caisson::data {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Result<CheckSuite> Parse(std::string_view text) {
  Result<YamlDocument> document = ParseYaml(text, "s.yaml");
  if (!document.ok()) return document.status();
  return ParseCheckSuite(*document, "s.yaml");
}

std::string Problem(std::string_view text) {
  const Result<CheckSuite> suite = Parse(text);
  if (suite.ok()) return "no problem";
  EXPECT_EQ(suite.status().code(), StatusCode::kInvalidArgument);
  return Message(suite.status());
}

TEST(CheckSuite, ReadsNamesArgumentsAndWhatStandsBesideThem) {
  const auto suite = Parse(R"(
name: nightly
table:
- row_count: {min: 10}
- no_duplicates: [a, b]
  mostly: 0.999
  severity: warn
columns:
  a:
  - not_null
  - between: {min: 0, max: 24}
    where: b > 0
    why: hours
  - null
  b: &same
  - type: BIGINT
  - row_count_is_none_of_these: 1
)");
  ASSERT_FALSE(suite.ok());
  const auto good = Parse(R"(
name: nightly
table:
- row_count: {min: 10}
- no_duplicates: [a, b]
  mostly: 0.999
  severity: warn
columns:
  a:
  - not_null
  - between: {min: 0, max: 24}
    where: b > 0
    why: hours
  - null
  b: &same
  - type: BIGINT
  c: *same
)");
  ASSERT_TRUE(good.ok()) << good.status();
  EXPECT_EQ(good->name, "nightly");
  ASSERT_EQ(good->checks.size(), 7u);
  const Check& duplicates = good->checks[1];
  EXPECT_EQ(duplicates.kind, "no_duplicates");
  EXPECT_EQ(duplicates.column, "");
  EXPECT_EQ(duplicates.mostly, 0.999);
  EXPECT_EQ(duplicates.severity, Severity::kWarn);
  EXPECT_EQ(duplicates.line, 5);
  EXPECT_EQ(duplicates.parameters["columns"], Json(Json::Array{"a", "b"}));
  const Check& between = good->checks[3];
  EXPECT_EQ(between.column, "a");
  EXPECT_EQ(between.where, "b > 0");
  EXPECT_EQ(between.why, "hours");
  EXPECT_EQ(between.severity, Severity::kError);
  EXPECT_EQ(between.line, 11);
  EXPECT_EQ(good->checks[4].kind, "null");
  EXPECT_EQ(good->checks[6].column, "c");
  EXPECT_EQ(good->checks[6].parameters["is"], Json(Json::Array{"BIGINT"}));
}

TEST(CheckSuite, ShortFormsAreSpelledOut) {
  const auto suite =
      Parse("table:\n- row_count: 5\n- row: true\n- columns: a\ncolumns:\n  a:\n  - in_set: 1\n");
  ASSERT_TRUE(suite.ok()) << suite.status();
  EXPECT_EQ(suite->checks[0].parameters, Json::Of({{"min", 5}, {"max", 5}}));
  EXPECT_EQ(suite->checks[1].parameters, Json::Of({{"is", "true"}}));
  EXPECT_EQ(suite->checks[2].parameters, Json::Of({{"names", Json::Array{"a"}}}));
  EXPECT_EQ(suite->checks[3].parameters, Json::Of({{"values", Json::Array{1}}}));
}

TEST(CheckSuite, ProblemsNameLineColumnAndWhatWasMeant) {
  EXPECT_THAT(Problem("columns:\n  a:\n  - betwen: {min: 0}\n"),
              AllOf(StartsWith("s.yaml:3:"), HasSubstr("unknown check `betwen`"),
                    HasSubstr("did you mean 'between'?")));
  EXPECT_THAT(Problem("columns:\n  a:\n  - not_nul\n"),
              AllOf(StartsWith("s.yaml:3:5"), HasSubstr("not_null")));
  EXPECT_THAT(Problem("columns:\n  a:\n  - between: {mim: 0}\n"),
              AllOf(StartsWith("s.yaml:3:"), HasSubstr("no parameter `mim`"), HasSubstr("'min'")));
  EXPECT_THAT(Problem("colums:\n  a: []\n"),
              HasSubstr("unknown key `colums` (did you mean 'columns'?)"));
  EXPECT_THAT(Problem("columns:\n  a:\n  - row: x > 0\n"), HasSubstr("belongs below `table`"));
  EXPECT_THAT(Problem("table:\n- unique\n"), HasSubstr("belongs below `columns`"));
  EXPECT_THAT(
      Problem("columns:\n  a:\n  - not_null:\n    mosty: 0.9\n"),
      AllOf(HasSubstr("`mosty` stands beside `not_null`"), HasSubstr("did you mean 'mostly'?")));
  EXPECT_THAT(Problem("table:\n- row_count: 3\n  mostly: 0.5\n"),
              AllOf(StartsWith("s.yaml:3:"), HasSubstr("no meaning")));
}

TEST(CheckSuite, ValuesThatMakeNoSenseAreRefused) {
  EXPECT_THAT(Problem("columns:\n  a:\n  - not_null:\n    mostly: 2\n"),
              HasSubstr("`mostly` is 2; a share from 0 to 1"));
  EXPECT_THAT(Problem("columns:\n  a:\n  - not_null:\n    severity: fatal\n"),
              HasSubstr("error and warn are accepted"));
  EXPECT_THAT(Problem("columns:\n  a:\n  - not_null: 3\n"), HasSubstr("takes no argument"));
  EXPECT_THAT(Problem("columns:\n  a:\n  - between: {}\n"),
              HasSubstr("needs `min`, `max` or both"));
  EXPECT_THAT(Problem("columns:\n  a:\n  - between\n"), HasSubstr("needs `min`, `max` or both"));
  EXPECT_THAT(Problem("columns:\n  a:\n  - between: {min: 3, max: 2}\n"),
              HasSubstr("`min` 3 is greater than `max` 2"));
  EXPECT_THAT(Problem("columns:\n  a:\n  - between: {min: [1]}\n"),
              HasSubstr("a number or a text is accepted"));
  EXPECT_THAT(Problem("columns:\n  a:\n  - quantile: {max: 3}\n"),
              HasSubstr("needs `of`, for example quantile:"));
  EXPECT_THAT(Problem("columns:\n  a:\n  - quantile: 3\n"), HasSubstr("takes a map"));
  EXPECT_THAT(Problem("columns:\n  a:\n  - in_set: []\n"),
              HasSubstr("a list of values is accepted"));
  EXPECT_THAT(Problem("table:\n- row: \"\"\n"), HasSubstr("SQL as a text"));
  EXPECT_THAT(Problem("columns:\n  a:\n  - mostly: 0.5\n"),
              HasSubstr("name of a check is missing"));
  EXPECT_THAT(Problem("columns:\n  a: not_null\n"), HasSubstr("a list of checks is expected"));
  EXPECT_THAT(Problem("columns: [a]\n"), HasSubstr("a map from a column"));
  EXPECT_THAT(Problem("columns:\n  a:\n  - [not_null]\n"),
              HasSubstr("a check is a name, or a map"));
  EXPECT_THAT(Problem("table: []\n"), HasSubstr("no checks"));
  EXPECT_THAT(Problem("- not_null\n"), HasSubstr("a suite is a map"));
  EXPECT_THAT(Problem(""), HasSubstr("a suite is a map"));
  EXPECT_THAT(Problem("table: [\n"), StartsWith("s.yaml:"));
}

TEST(CheckSuite, EveryExampleOfTheCatalogueIsASuite) {
  const Json catalogue = CheckCatalogue();
  for (const Json& kind : catalogue.array()) {
    const std::string section = kind["scope"].AsString() == "table" ? "table:" : "columns:\n  a:";
    const auto suite = Parse(fmt::format("{}\n  - {}\n", section, kind["example"].AsString()));
    ASSERT_TRUE(suite.ok()) << suite.status();
    EXPECT_EQ(suite->checks[0].kind, kind["name"].AsString());
  }
}

TEST(CheckSuite, AMissingFileSaysSo) {
  EXPECT_EQ(ReadCheckSuite("no/such/suite.yaml").status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace caisson::data
