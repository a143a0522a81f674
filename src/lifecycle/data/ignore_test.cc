#include "lifecycle/data/internal/ignore.h"

#include <gtest/gtest.h>

namespace caisson::data::internal {
namespace {

TEST(MatchName, KnowsThePatternsOfGitignore) {
  for (const auto& [pattern, name] : {std::pair{"*.tmp", "a.tmp"},
                                      {"*", ""},
                                      {"a?c", "abc"},
                                      {"[a-c]x", "bx"},
                                      {"[!a-c]x", "dx"},
                                      {"\\*", "*"},
                                      {"a*b*c", "aXbYbZc"},
                                      {"[]a]", "]"},
                                      {"[a", "[a"},
                                      {"x\\[1]", "x[1]"}}) {
    EXPECT_TRUE(MatchName(pattern, name)) << pattern << " " << name;
  }
  for (const auto& [pattern, name] : {std::pair{"*.tmp", "a.tmpx"},
                                      {"a?c", "ac"},
                                      {"[a-c]x", "dx"},
                                      {"[!a-c]x", "ax"},
                                      {"\\*", "a"},
                                      {"a", "A"},
                                      {"", "a"},
                                      {"a*b", "a"}}) {
    EXPECT_FALSE(MatchName(pattern, name)) << pattern << " " << name;
  }
}

TEST(IgnoreRules, NamesCountAtEveryDepthAndPathsFromTheirFolder) {
  IgnoreRules rules;
  rules.Add(
      "", "# a comment\n*.tmp\n/top\nbuild/\ndocs/*.txt\n**/cache/x\ndeep/**\n\\#odd\nspace\\ \n");
  EXPECT_TRUE(rules.Ignores("a/b/c.tmp", false));
  EXPECT_TRUE(rules.Ignores("top", false));
  EXPECT_FALSE(rules.Ignores("a/top", false));
  EXPECT_TRUE(rules.Ignores("a/build", true));
  EXPECT_FALSE(rules.Ignores("a/build", false));
  EXPECT_TRUE(rules.Ignores("docs/a.txt", false));
  EXPECT_FALSE(rules.Ignores("docs/sub/a.txt", false));
  EXPECT_TRUE(rules.Ignores("p/q/cache/x", false));
  EXPECT_TRUE(rules.Ignores("cache/x", false));
  EXPECT_TRUE(rules.Ignores("deep/a/b", false));
  EXPECT_FALSE(rules.Ignores("deep", true));
  EXPECT_TRUE(rules.Ignores("#odd", false));
  EXPECT_TRUE(rules.Ignores("space ", false));
  EXPECT_FALSE(rules.Ignores("a comment", false));
}

TEST(IgnoreRules, TheLastRuleWins) {
  IgnoreRules rules;
  rules.Add("", "*.csv\n!keep.csv\n");
  rules.Add("data", "/other\nkeep.csv\n");
  EXPECT_TRUE(rules.Ignores("a.csv", false));
  EXPECT_FALSE(rules.Ignores("keep.csv", false));
  EXPECT_TRUE(rules.Ignores("data/keep.csv", false));
  EXPECT_TRUE(rules.Ignores("data/other", true));
  EXPECT_FALSE(rules.Ignores("database/other", true));
}

TEST(IgnoreRules, ToolsFoldersAlwaysAre) {
  const IgnoreRules rules;
  EXPECT_TRUE(rules.Ignores("sub/.git", true));
  EXPECT_TRUE(rules.Ignores(".dvc", true));
  EXPECT_FALSE(rules.Ignores("x.dvc", false));
}

}  // namespace
}  // namespace caisson::data::internal
