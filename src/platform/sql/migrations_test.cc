#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/sql/database.h"
#include "platform/sql/testing.h"

namespace caisson::sql {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kFirst =
    "CREATE TABLE test_a (id BIGINT); -- a comment\nCREATE INDEX test_a_id ON test_a (id);\n";
constexpr std::string_view kSecond = "ALTER TABLE test_a ADD COLUMN name TEXT;";

std::vector<std::string> Columns(testing::TestDatabase& database) {
  return *database->ReadFor<std::vector<std::string>>(Context::Background(), [](Session& session) {
    return session.QueryAll<std::string>("SELECT name FROM pragma_table_info('test_a')", {},
                                         [](const Row& row) { return row.String(0); });
  });
}

TEST(MigrationsTest, AppliesEachStepOnce) {
  testing::TestDatabase database;
  ASSERT_TRUE(database->Migrate({"test", {{1, "a", kFirst}}}).ok());
  EXPECT_THAT(Columns(database), ElementsAre("id"));
  ASSERT_TRUE(database->Migrate({"test", {{1, "a", kFirst}, {2, "name", kSecond}}}).ok());
  database.Reopen();
  ASSERT_TRUE(database->Migrate({"test", {{1, "a", kFirst}, {2, "name", kSecond}}}).ok());
  EXPECT_THAT(Columns(database), ElementsAre("id", "name"));
}

TEST(MigrationsTest, ModulesDoNotMix) {
  testing::TestDatabase database;
  ASSERT_TRUE(database->Migrate({"test", {{1, "a", kFirst}}}).ok());
  ASSERT_TRUE(database->Migrate({"other", {{1, "b", "CREATE TABLE other_b (id BIGINT)"}}}).ok());
  ASSERT_TRUE(database->Migrate({"test", {{1, "a", kFirst}}}).ok());
}

TEST(MigrationsTest, RefusesANewerFile) {
  testing::TestDatabase database;
  ASSERT_TRUE(database->Migrate({"test", {{1, "a", kFirst}, {2, "name", kSecond}}}).ok());
  // As a later program would have left it.
  ASSERT_TRUE(
      database
          ->Write(Context::Background(),
                  [](Transaction& transaction) {
                    return transaction
                        .Execute("UPDATE caisson_migrations SET version = '7.1.0' WHERE number = 2")
                        .status();
                  })
          .ok());
  const Status status = database->Migrate({"test", {{1, "a", kFirst}}});
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(status), HasSubstr("Use caisson 7.1.0 or newer"));
  EXPECT_THAT(Message(status), HasSubstr("step 2 (name) of test"));
}

TEST(MigrationsTest, RefusesAChangedStep) {
  testing::TestDatabase database;
  ASSERT_TRUE(database->Migrate({"test", {{1, "a", kFirst}}}).ok());
  const Status status =
      database->Migrate({"test", {{1, "a", "CREATE TABLE test_a (other BIGINT)"}}});
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(status), HasSubstr("differs"));
}

TEST(MigrationsTest, AStepThatFailsLeavesNothing) {
  testing::TestDatabase database;
  const Status status = database->Migrate(
      {"test", {{1, "a", kFirst}, {2, "bad", "CREATE TABLE test_b (id BIGINT); SELEKT;"}}});
  EXPECT_EQ(status.code(), StatusCode::kInternal);
  EXPECT_THAT(Message(status), HasSubstr("step 2 (bad) of test"));
  EXPECT_THAT(Columns(database), ElementsAre("id"));
  // The table of the failed step is not in the way of the repaired one.
  EXPECT_TRUE(
      database
          ->Migrate({"test", {{1, "a", kFirst}, {2, "good", "CREATE TABLE test_b (id BIGINT);"}}})
          .ok());
}

TEST(MigrationsTest, RefusesAGapInTheProgramsOwnSteps) {
  testing::TestDatabase database;
  EXPECT_EQ(database->Migrate({"test", {{2, "a", kFirst}}}).code(), StatusCode::kInternal);
}

}  // namespace
}  // namespace caisson::sql
