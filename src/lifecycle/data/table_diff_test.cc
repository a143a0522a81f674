#include "lifecycle/data/table_diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lifecycle/data/testing.h"

namespace caisson::data {
namespace {

using ::testing::HasSubstr;
using testing::Workbench;

class TableDiffs : public ::testing::Test {
 protected:
  Result<TableDiff> Compare(std::string_view before, std::string_view after,
                            const std::vector<std::string>& keys = {}) {
    return CompareTables(Context::Background(), bench_.database(),
                         bench_.WriteTable("before.parquet", before),
                         bench_.WriteTable("after.parquet", after), keys);
  }
  Workbench bench_;
};

TEST_F(TableDiffs, TheSameRowsInAnyOrderAreTheSame) {
  const auto diff = Compare("SELECT unnest([1, 2, NULL]) AS x", "SELECT unnest([NULL, 2, 1]) AS x");
  ASSERT_TRUE(diff.ok()) << diff.status();
  EXPECT_TRUE(diff->same());
  EXPECT_THAT(diff->ToText(), HasSubstr("The same rows"));
}

TEST_F(TableDiffs, WithoutKeysRowsAreCountedAsOftenAsTheyOccur) {
  const auto diff = Compare("SELECT unnest([1, 1, 2]) AS x", "SELECT unnest([1, 3, 3]) AS x");
  ASSERT_TRUE(diff.ok()) << diff.status();
  EXPECT_EQ(diff->rows_added, 2);
  EXPECT_EQ(diff->rows_removed, 2);
  EXPECT_FALSE(diff->same());
  EXPECT_THAT(diff->ToText(), HasSubstr("x max: 2 -> 3"));
}

TEST_F(TableDiffs, KeysTellChangedRowsFromNewOnes) {
  const auto diff =
      Compare("SELECT unnest([1, 2, 3]) AS id, unnest(['a', 'b', NULL]) AS v, 5 AS w",
              "SELECT unnest([2, 3, 4]) AS id, unnest(['B', NULL, 'd']) AS v, 5 AS w", {"id"});
  ASSERT_TRUE(diff.ok()) << diff.status();
  EXPECT_EQ(diff->rows_added, 1);
  EXPECT_EQ(diff->rows_removed, 1);
  EXPECT_EQ(diff->rows_changed, 1);
  EXPECT_EQ(diff->columns[1].changed, 1);
  EXPECT_EQ(diff->columns[2].changed, 0);
  ASSERT_EQ(diff->changed.size(), 1u);
  EXPECT_EQ(diff->changed[0]["v before"], Json("b"));
  EXPECT_EQ(diff->changed[0]["v after"], Json("B"));
  EXPECT_EQ(diff->added[0]["id"], Json(4));
  EXPECT_EQ(diff->removed[0]["id"], Json(1));
  EXPECT_EQ(diff->ToJson()["rows_changed"], Json(1));
}

TEST_F(TableDiffs, ColumnsThatCameWentOrChangedTheirType) {
  const auto diff = Compare("SELECT 1::BIGINT AS id, 2::INTEGER AS n, 'x' AS old",
                            "SELECT 1::BIGINT AS id, 2::BIGINT AS n, 0.5 AS fresh", {"id"});
  ASSERT_TRUE(diff.ok()) << diff.status();
  EXPECT_FALSE(diff->same());
  EXPECT_EQ(diff->rows_changed, 0);
  const std::string text = diff->ToText();
  EXPECT_THAT(text, HasSubstr("~ n: INTEGER -> BIGINT"));
  EXPECT_THAT(text, HasSubstr("- old: gone, was VARCHAR"));
  EXPECT_THAT(text, HasSubstr("+ fresh: new, DECIMAL"));
}

TEST_F(TableDiffs, BadKeysAndFilesAreNamed) {
  const auto repeated = Compare("SELECT unnest([1, 1]) AS id", "SELECT 1 AS id", {"id"});
  EXPECT_THAT(Message(repeated.status()), HasSubstr("id is no key of"));
  const auto unknown = Compare("SELECT 1 AS id", "SELECT 1 AS id", {"ident"});
  EXPECT_THAT(Message(unknown.status()), HasSubstr("the key ident is not a column of both"));
  EXPECT_EQ(CompareTables(Context::Background(), bench_.database(), "none.parquet", "none.csv", {})
                .status()
                .code(),
            StatusCode::kNotFound);
}

}  // namespace
}  // namespace caisson::data
