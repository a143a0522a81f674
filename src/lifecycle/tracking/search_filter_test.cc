#include "lifecycle/tracking/search_filter.h"

#include <gtest/gtest.h>

namespace caisson::tracking {
namespace {

std::string ErrorOf(FilterDialect dialect, std::string_view filter) {
  const auto parsed = ParseFilter(dialect, filter);
  return parsed.ok() ? "no error" : Message(parsed.status());
}

Comparison One(std::string_view filter, FilterDialect dialect = FilterDialect::kRuns) {
  const auto parsed = ParseFilter(dialect, filter);
  EXPECT_TRUE(parsed.ok()) << filter << ": " << parsed.status();
  if (!parsed.ok() || parsed->size() != 1) return {};
  return (*parsed)[0];
}

TEST(SearchFilter, ReadsMetricsWithEveryNumberForm) {
  EXPECT_EQ(One("metrics.m > 1").number, 1);
  EXPECT_EQ(One("metric.m>=-1.5e3").number, -1500);
  EXPECT_EQ(One("metrics.m = .5").number, 0.5);
  EXPECT_EQ(One("metrics.m != 1E-2").number, 0.01);
  EXPECT_EQ(One("metrics.`a b` < 2").key, "a b");
  EXPECT_EQ(One("metrics.\"a/b\" <= 2").key, "a/b");
  EXPECT_EQ(One("metrics.a.b.c > 2").key, "a.b.c");
}

TEST(SearchFilter, ReadsTextsInBothQuotes) {
  const Comparison single = One("params.p = 'it''s'");
  EXPECT_EQ(single.entity, FilterEntity::kParameter);
  EXPECT_EQ(single.text, "it''s");  // the reference keeps doubled quotes as they are
  EXPECT_EQ(One("tags.x != \"y z\"").text, "y z");
  EXPECT_EQ(One("tags.mlflow.user LIKE '%a%'").comparator, Comparator::kLike);
  EXPECT_EQ(One("param.x ilike 'A'").comparator, Comparator::kIlike);
}

TEST(SearchFilter, KnowsEveryNameOfAnEntity) {
  for (const char* name : {"metric", "metrics"}) {
    EXPECT_EQ(One(std::string(name) + ".a > 1").entity, FilterEntity::kMetric);
  }
  for (const char* name : {"parameter", "parameters", "param", "params"}) {
    EXPECT_EQ(One(std::string(name) + ".a = '1'").entity, FilterEntity::kParameter);
  }
  for (const char* name : {"attribute", "attributes", "attr", "run"}) {
    EXPECT_EQ(One(std::string(name) + ".status = 'RUNNING'").entity, FilterEntity::kAttribute);
  }
  EXPECT_EQ(One("dataset.name = 'd'").entity, FilterEntity::kDataset);
  EXPECT_EQ(One("status = 'FINISHED'").key, "status");
  EXPECT_EQ(One("attributes.`Run name` = 'x'").key, "Run name");
  EXPECT_EQ(One("created > 5").number, 5);
}

TEST(SearchFilter, ReadsListsAndNullTests) {
  EXPECT_EQ(One("attributes.run_id IN ('a', \"b\")").list, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(One("run_id not in ('a')").comparator, Comparator::kNotIn);
  EXPECT_EQ(One("params.p IS NULL").comparator, Comparator::kIsNull);
  EXPECT_EQ(One("tags.p is not null").comparator, Comparator::kIsNotNull);
}

TEST(SearchFilter, JoinsWithAndOnly) {
  const auto parsed = ParseFilter(
      FilterDialect::kRuns, "metrics.a > 1 and params.b='x' AND run_id IN ('q') AND tags.c != ''");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->size(), 4u);
  EXPECT_EQ(ErrorOf(FilterDialect::kRuns, "metrics.m > 1 OR metrics.m < 2"),
            "Invalid clause(s) in filter string: 'OR'");
  EXPECT_EQ(ErrorOf(FilterDialect::kRuns, "metrics.m > 1;"),
            "Invalid clause(s) in filter string: ';'");
  EXPECT_EQ(ErrorOf(FilterDialect::kRuns, "a = 'x'; b = 'y'"),
            "Search filter contained multiple expression \"a = 'x'; b = 'y'\". Provide AND-ed "
            "expression list.");
}

TEST(SearchFilter, SaysWhatMlflowSays) {
  EXPECT_EQ(ErrorOf(FilterDialect::kRuns, "foo.m > 1"),
            "Invalid entity type 'foo'. Valid values are ['metric', 'parameter', 'tag', "
            "'attribute', 'dataset']");
  EXPECT_EQ(ErrorOf(FilterDialect::kRuns, "metrics.m > x"),
            "Expected numeric value type for metric. Found x");
  EXPECT_EQ(ErrorOf(FilterDialect::kRuns, "params.p = 1"),
            "Expected a quoted string value for parameter (e.g. 'my-value'). Got value 1");
  EXPECT_EQ(ErrorOf(FilterDialect::kRuns, "params.p = abc"),
            "Parameter value is either not quoted or unidentified quote types used for string "
            "value abc. Use either single or "
            "double quotes.");
  EXPECT_EQ(ErrorOf(FilterDialect::kRuns, "metrics.m-1 > 2"),
            "Invalid clause(s) in filter string: 'metrics.m'");
  EXPECT_EQ(ErrorOf(FilterDialect::kRuns, "metrics.m/1 > 2"),
            "Invalid comparison clause. Expected 'Identifier' found 'metrics.m/1'");
  EXPECT_EQ(ErrorOf(FilterDialect::kRuns, "status IN ('a')"),
            "Only ['run_id'] attributes support comparison with a list of quoted string values.");
  EXPECT_EQ(ErrorOf(FilterDialect::kRuns, "run_id IN ()"),
            "While parsing a list in the query, expected a non-empty list of string values, but "
            "got empty list");
  EXPECT_EQ(ErrorOf(FilterDialect::kRuns, "dataset.size = 'x'"),
            "Invalid dataset key 'size' specified. Valid keys are '{'name', 'digest', 'context'}'");
  EXPECT_EQ(ErrorOf(FilterDialect::kRuns, "metrics.m == 1").substr(0, 33),
            "Invalid comparator '==' not one o");
}

TEST(SearchFilter, DialectsDiffer) {
  EXPECT_EQ(One("name LIKE 'a%'", FilterDialect::kExperiments).key, "name");
  EXPECT_EQ(ErrorOf(FilterDialect::kExperiments, "name like 'a%'").substr(0, 27),
            "Invalid comparator 'like' n");
  EXPECT_EQ(ErrorOf(FilterDialect::kExperiments, "metrics.a > 1"),
            "Invalid entity type 'metrics'. Valid entity types are ('attribute', 'tag', 'tags')");
  EXPECT_EQ(One("version_number > 3", FilterDialect::kModelVersions).number, 3);
  EXPECT_EQ(ErrorOf(FilterDialect::kModelVersions, "version_number > 1.5"),
            "Invalid value for numeric attribute 'version_number': 1.5");
  EXPECT_EQ(ErrorOf(FilterDialect::kRegisteredModels, "foo = 'x'"),
            "Invalid attribute key 'foo' specified. Valid keys are '{'name'}'");
  EXPECT_EQ(One("params.a = 'x'", FilterDialect::kLoggedModels).text, "x");
  EXPECT_EQ(
      ErrorOf(FilterDialect::kLoggedModels, "foo.a = 'x'"),
      "Invalid entity type: 'foo'. Expected one of ['attributes', 'metrics', 'params', 'tags'].");
}

TEST(SearchFilter, SurvivesNonsense) {
  for (const char* text :
       {"'",           "\"",         "`",    "(((((",     "))))",           "= = =", "a.",
        ".a",          "a..b = 'x'", "-- x", "/*",        "metrics.m > ",   "AND",   "metrics.m >",
        "IN IN IN IN", "a IN (",     "\\",   "a = 'b\\'", "run_id IN ('a'", "* = *", "x y z w"}) {
    const auto parsed = ParseFilter(FilterDialect::kRuns, text);
    if (!parsed.ok()) {
      EXPECT_EQ(parsed.status().code(), StatusCode::kInvalidArgument) << text;
    }
  }
}

TEST(OrderBy, ReadsKeysAndDirections) {
  const auto metric = ParseOrderBy(FilterDialect::kRuns, "metrics.`a b` DESC");
  ASSERT_TRUE(metric.ok()) << metric.status();
  EXPECT_EQ(metric->key, "a b");
  EXPECT_FALSE(metric->ascending);
  EXPECT_TRUE(ParseOrderBy(FilterDialect::kRuns, "start_time")->ascending);
  EXPECT_TRUE(ParseOrderBy(FilterDialect::kRuns, "attributes.end_time asc")->ascending);
  EXPECT_EQ(ParseOrderBy(FilterDialect::kRegisteredModels, "timestamp DESC")->key, "timestamp");
  EXPECT_EQ(Message(ParseOrderBy(FilterDialect::kRuns, "metrics.m foo").status()),
            "Invalid ordering key in order_by clause 'metrics.m foo'.");
  EXPECT_EQ(Message(ParseOrderBy(FilterDialect::kRuns, "metrics.m DESC NULLS LAST").status()),
            "Invalid order_by clause 'metrics.m DESC NULLS LAST'. Could not be parsed.");
}

TEST(Like, MatchesAsSqlDoes) {
  EXPECT_TRUE(MatchesLike("abc", "a%", false));
  EXPECT_TRUE(MatchesLike("abc", "_b_", false));
  EXPECT_FALSE(MatchesLike("abc", "A%", false));
  EXPECT_TRUE(MatchesLike("abc", "A%C", true));
  EXPECT_TRUE(MatchesLike("\xC3\xA9x", "_x", false));
  EXPECT_TRUE(MatchesLike("aXbXc", "%X%c", false));
  EXPECT_FALSE(MatchesLike("", "_", false));
  EXPECT_TRUE(MatchesLike("", "%%", false));
}

}  // namespace
}  // namespace caisson::tracking
