#include "lifecycle/data/datasets.h"

#include <gtest/gtest.h>

#include "platform/audit/audit.h"
#include "platform/lineage/lineage.h"
#include "platform/sql/testing.h"

namespace caisson::data {
namespace {

const Context kContext = Context::Background();

class DatasetsTest : public ::testing::Test {
 protected:
  DatasetsTest() : datasets_(*database_) {
    EXPECT_TRUE(database_->Migrate(audit::AuditSchema()).ok());
    EXPECT_TRUE(database_->Migrate(lineage::LineageSchema()).ok());
    EXPECT_TRUE(database_->Migrate(DataSchema()).ok());
  }
  static DatasetVersion Version(std::string md5) {
    DatasetVersion version;
    version.path = "data/flights.parquet";
    version.md5 = std::move(md5);
    version.size = 7;
    version.schema = Json(Json::Array{Json::Of({{"name", "x"}, {"type", "BIGINT"}})});
    version.profile = Json::Of({{"rows", 3}});
    return version;
  }
  size_t AuditEntries() {
    return database_
        ->ReadFor<std::vector<audit::Entry>>(
            kContext, [](sql::Session& session) { return audit::List(session, {}); })
        ->size();
  }

  sql::testing::TestDatabase database_;
  Datasets datasets_;
};

TEST_F(DatasetsTest, AVersionIsRecordedOnce) {
  const auto first = datasets_.RecordVersion(kContext, Version("901eadf99cebf2b2405b33077404882d"));
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->name(), "data/flights.parquet@901eadf9");
  EXPECT_GT(first->created_at, 0);
  const auto second =
      datasets_.RecordVersion(kContext, Version("901eadf99cebf2b2405b33077404882d"));
  EXPECT_EQ(second->created_at, first->created_at);
  EXPECT_EQ(datasets_.Versions(kContext, "")->size(), 1u);
  EXPECT_EQ(AuditEntries(), 1u);
  const auto found =
      datasets_.FindVersion(kContext, "data/flights.parquet", "901eadf99cebf2b2405b33077404882d");
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->schema, Version("").schema);
  EXPECT_EQ((*found)->profile["rows"], Json(3));
  EXPECT_EQ((*found)->size, 7);
}

TEST_F(DatasetsTest, VersionsAreListedByPathNewestFirst) {
  ASSERT_TRUE(datasets_.RecordVersion(kContext, Version(std::string(32, 'a'))).ok());
  ASSERT_TRUE(datasets_.RecordVersion(kContext, Version(std::string(32, 'b'))).ok());
  DatasetVersion other = Version(std::string(32, 'c'));
  other.path = "other.csv";
  ASSERT_TRUE(datasets_.RecordVersion(kContext, other).ok());
  EXPECT_EQ(datasets_.Versions(kContext, "")->size(), 3u);
  EXPECT_EQ(datasets_.Versions(kContext, "other.csv")->size(), 1u);
  EXPECT_EQ(datasets_.Versions(kContext, "none")->size(), 0u);
  const auto flights = datasets_.Versions(kContext, "data/flights.parquet").value();
  EXPECT_GE(flights[0].created_at, flights[1].created_at);
}

TEST_F(DatasetsTest, ProjectsDoNotSeeEachOther) {
  ASSERT_TRUE(
      datasets_.RecordVersion(kContext.WithProject("one"), Version(std::string(32, 'a'))).ok());
  EXPECT_EQ(datasets_.Versions(kContext.WithProject("two"), "")->size(), 0u);
  EXPECT_FALSE(
      datasets_
          .FindVersion(kContext.WithProject("two"), "data/flights.parquet", std::string(32, 'a'))
          ->has_value());
}

TEST_F(DatasetsTest, ACheckRunHangsOnItsVersion) {
  const DatasetVersion version = *datasets_.RecordVersion(kContext, Version(std::string(32, 'a')));
  CheckRun run;
  run.dataset = version.name();
  run.suite = "checks/flights.yaml";
  run.suite_md5 = std::string(32, 's');
  run.passed = true;
  run.report = Json::Of({{"results", Json::Array{1, 2}}, {"row_count", 3}});
  const auto first = datasets_.RecordCheckRun(kContext, run);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(datasets_.RecordCheckRun(kContext, run)->id, first->id);
  // Another suite of the same name is another run.
  run.suite_md5 = std::string(32, 't');
  run.passed = false;
  EXPECT_NE(datasets_.RecordCheckRun(kContext, run)->id, first->id);
  EXPECT_EQ(datasets_.CheckRuns(kContext, version.name())->size(), 2u);
  EXPECT_EQ(datasets_.CheckRuns(kContext, "other")->size(), 0u);
  EXPECT_EQ(datasets_.CheckRuns(kContext, "")->back().report["row_count"], Json(3));
  const auto graph = database_->ReadFor<lineage::Graph>(kContext, [&](sql::Session& session) {
    return lineage::Walk(session, "default", {"dataset_version", version.name()},
                         lineage::Direction::kUpstream);
  });
  ASSERT_TRUE(graph.ok()) << graph.status();
  ASSERT_EQ(graph->edges.size(), 2u);
  EXPECT_EQ(graph->edges[0].relation, "checked_by");
}

}  // namespace
}  // namespace caisson::data
