#include "lifecycle/project/internal/workspace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/yaml.h"

namespace caisson::project::internal {
namespace {

using ::testing::HasSubstr;

class WorkspaceTest : public ::testing::Test {
 protected:
  WorkspaceTest() : folder_(TemporaryDirectory::Create().value()) {
    Write("project/params.yaml", "prepare: {as_of: '2001-01-01', rows: 5}\nseed: 1\n");
    Write("project/dvc.yaml", "stages: {}\n");
    Write("project/sql/prepare.sql", "SELECT 1\n");
    Write("project/.git/HEAD", "ref\n");
    Write("project/.dvc/config", "");
    Write("project/data/large.bin", std::string((4 << 20) + 1, 'x'));
  }
  std::string Path(const std::string& name) { return folder_.path() + "/" + name; }
  void Write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(MakeDirectories(ParentPath(Path(name))).ok());
    ASSERT_TRUE(WriteFileAtomic(Path(name), text).ok());
  }
  // Where the server puts it: below the project's data folder.
  std::string workspace() { return Path("project/state/workspaces/job-1"); }
  Status Prepare(const char* overrides) {
    return PrepareWorkspace(Path("project"), workspace(), *ParseJson(overrides));
  }

  TemporaryDirectory folder_;
};

TEST_F(WorkspaceTest, HasTheProjectWithOtherParameters) {
  Write("project/state/caisson.db", "not to be copied");
  const Status status = Prepare(R"({"prepare.as_of": "2001-08-13"})");
  ASSERT_TRUE(status.ok()) << Message(status);
  const Json params = ReadYamlFile(workspace() + "/params.yaml")->value;
  EXPECT_EQ(params, *ParseJson(R"({"prepare": {"as_of": "2001-08-13", "rows": 5}, "seed": 1})"));
  EXPECT_EQ(ReadFile(workspace() + "/sql/prepare.sql").value(), "SELECT 1\n");
  EXPECT_FALSE(FileExists(workspace() + "/.git"));
  EXPECT_FALSE(FileExists(workspace() + "/state"));
  // Data is shared, not copied.
  EXPECT_EQ(ReadFile(workspace() + "/data/large.bin")->size(), (4u << 20) + 1);
  EXPECT_EQ(StatFile(workspace() + "/data/large.bin", FollowLinks::kNo)->kind, FileKind::kSymlink);
  EXPECT_THAT(ReadFile(workspace() + "/.dvc/config").value(),
              HasSubstr(Path("project/.dvc/cache")));
  // The project itself is as it was.
  EXPECT_THAT(ReadFile(Path("project/params.yaml")).value(), HasSubstr("2001-01-01"));
}

TEST_F(WorkspaceTest, AWholeOneIsLeftAsItIs) {
  ASSERT_TRUE(Prepare(R"({"seed": 2})").ok());
  ASSERT_TRUE(WriteFileAtomic(workspace() + "/made", "by a stage").ok());
  ASSERT_TRUE(Prepare(R"({"seed": 3})").ok());
  EXPECT_TRUE(FileExists(workspace() + "/made"));
  EXPECT_EQ(ReadYamlFile(workspace() + "/params.yaml")->value["seed"], Json(2));
}

TEST_F(WorkspaceTest, AHalfOneIsMadeAnew) {
  ASSERT_TRUE(MakeDirectories(workspace()).ok());
  ASSERT_TRUE(WriteFileAtomic(workspace() + "/params.yaml", "half").ok());
  ASSERT_TRUE(WriteFileAtomic(workspace() + "/stale", "x").ok());
  ASSERT_TRUE(Prepare(R"({"seed": 2})").ok());
  EXPECT_FALSE(FileExists(workspace() + "/stale"));
}

TEST_F(WorkspaceTest, NamesAParameterThatIsNotThere) {
  const Status status = Prepare(R"({"prepare.asof": "2001-08-13"})");
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(status), HasSubstr("'prepare.asof'"));
  // Nothing of it counts as whole.
  ASSERT_TRUE(Prepare(R"({"prepare.as_of": "2001-08-13"})").ok());
}

}  // namespace
}  // namespace caisson::project::internal
