#include "engines/loader/loader.h"

#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"

namespace caisson::loader {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const EngineLibrary kEngine = {
    "duckdb", "DuckDB", {"libnowhere.so.1", "libnowhere.so"}, "`./dev setup` fetches it"};

Surroundings At(std::string folder, std::map<std::string, std::string> variables = {}) {
  return {std::move(folder), [variables = std::move(variables)](const char* name) -> const char* {
            const auto found = variables.find(name);
            return found == variables.end() ? nullptr : found->second.c_str();
          }};
}

TEST(CandidatePaths, LooksBesideTheExecutableAndThenInTheSystem) {
  EXPECT_THAT(
      CandidatePaths({"duckdb", "DuckDB", {"libduckdb.so"}, ""}, At("/opt/app/bin")),
      ElementsAre("/opt/app/bin/engines/duckdb/libduckdb.so", "/opt/app/bin/engines/libduckdb.so",
                  "/opt/app/engines/duckdb/libduckdb.so", "/opt/app/engines/libduckdb.so",
                  "/opt/app/lib/caisson/duckdb/libduckdb.so", "/opt/app/lib/caisson/libduckdb.so",
                  "libduckdb.so"));
}

TEST(CandidatePaths, TheChosenFolderComesFirst) {
  const auto paths =
      CandidatePaths(kEngine, At("/opt/app/bin", {{"CAISSON_ENGINES_DIR", "/srv/engines"}}));
  EXPECT_EQ(paths.front(), "/srv/engines/duckdb/libnowhere.so.1");
}

TEST(CandidatePaths, ANamedFileStandsAlone) {
  EXPECT_THAT(
      CandidatePaths(kEngine, At("/opt/app/bin", {{"CAISSON_DUCKDB_LIBRARY", "/srv/duck.so"},
                                                  {"CAISSON_ENGINES_DIR", "/srv/engines"}})),
      ElementsAre("/srv/duck.so"));
}

TEST(OpenEngine, AMissingLibrarySaysWhereWasLookedAndWhatToDo) {
  const Status status = OpenEngine(kEngine, At("/nowhere/bin")).status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_THAT(Message(status), HasSubstr("libnowhere.so.1"));
  EXPECT_THAT(Message(status), HasSubstr("/nowhere/bin/engines/duckdb"));
  EXPECT_THAT(Message(status), HasSubstr("`./dev setup`"));
  EXPECT_THAT(Message(status), HasSubstr("CAISSON_DUCKDB_LIBRARY"));
}

TEST(OpenEngine, ANamedFileThatIsMissingIsNotReplacedByAnother) {
  const EngineLibrary libc = {"duckdb", "DuckDB", {"libc.so.6"}, ""};
  const Status status =
      OpenEngine(libc, At("/nowhere/bin", {{"CAISSON_DUCKDB_LIBRARY", "/nowhere/duck.so"}}))
          .status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_THAT(Message(status), HasSubstr("CAISSON_DUCKDB_LIBRARY=/nowhere/duck.so"));
}

TEST(OpenEngine, AFileThatIsNoLibraryIsAnErrorAndNotSkipped) {
  auto folder = TemporaryDirectory::Create();
  ASSERT_TRUE(folder.ok());
  const std::string path = JoinPath(folder->path(), "libc.so.6");
  ASSERT_TRUE(WriteFileAtomic(path, "not a library").ok());
  const EngineLibrary libc = {"duckdb", "DuckDB", {"libc.so.6"}, ""};
  const Status status =
      OpenEngine(libc, At("/nowhere/bin", {{"CAISSON_ENGINES_DIR", folder->path()}})).status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(status), HasSubstr(path));
}

TEST(OpenEngine, TheSystemsLoaderIsTheLastResort) {
  const auto library = OpenEngine({"duckdb", "DuckDB", {"libc.so.6"}, ""}, At("/nowhere/bin"));
  ASSERT_TRUE(library.ok()) << library.status();
  EXPECT_TRUE(library->Symbol("getpid").ok());
}

}  // namespace
}  // namespace caisson::loader
