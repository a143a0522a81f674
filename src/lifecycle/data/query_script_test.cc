#include "lifecycle/data/query_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "lifecycle/data/internal/script_session.h"
#include "lifecycle/data/testing.h"

namespace caisson::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Workbench;

const Context kContext = Context::Background();

class QueryScripts : public ::testing::Test {
 protected:
  QueryScripts() {
    bench_.WriteTable(
        "in.parquet",
        "SELECT range AS id, 'k' || range % 7 AS key, random() AS r FROM range(50000)");
  }
  QueryScript Script(std::string_view text) {
    QueryScript script;
    script.file = bench_.WriteText("script.sql", text);
    script.inputs = {{"rows", bench_.Path("in.parquet")}};
    script.outputs = {{"out", bench_.Path("made/below/out.parquet")}};
    return script;
  }
  std::string Problem(const QueryScript& script) {
    const auto outcome = RunQueryScript(kContext, script);
    EXPECT_FALSE(outcome.ok());
    return Message(outcome.status());
  }
  Workbench bench_;
};

TEST_F(QueryScripts, WritesWhatTheScriptMakes) {
  QueryScript script = Script(
      "CREATE TABLE counts AS SELECT key, count(*) AS n FROM rows WHERE id < getvariable('limit') "
      "GROUP BY key;\n"
      "CREATE VIEW out AS SELECT * FROM counts WHERE key <> getvariable('without').name ORDER BY "
      "key;\n"
      "CREATE VIEW other AS SELECT unnest(getvariable('list')) AS x");
  script.parameters = Json::Of(
      {{"limit", 70}, {"without", Json::Of({{"name", "k0"}})}, {"list", Json::Array{1.5, 2}}});
  script.outputs.push_back({"other", bench_.Path("other.csv")});
  const auto outcome = RunQueryScript(kContext, script);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  ASSERT_EQ(outcome->outputs.size(), 2u);
  EXPECT_EQ(outcome->outputs[0].rows, 6);
  EXPECT_EQ(outcome->outputs[0].bytes,
            static_cast<int64_t>(ReadFile(script.outputs[0].path)->size()));
  const auto table = bench_.database().QueryTable(
      kContext, fmt::format("SELECT min(n), max(n) FROM '{}'", script.outputs[0].path));
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->rows[0], (std::vector<Json>{10, 10}));
  EXPECT_EQ(ReadFile(bench_.Path("other.csv")).value(), "x\n1.5\n2.0\n");
  const auto compression = bench_.database().QueryTable(
      kContext, fmt::format("SELECT DISTINCT compression FROM parquet_metadata('{}')",
                            script.outputs[0].path));
  EXPECT_EQ(compression->rows[0][0], Json("ZSTD"));
}

TEST_F(QueryScripts, TheSameBytesWithAnyNumberOfThreads) {
  std::vector<std::string> digests;
  for (const int threads : {1, 2, 4}) {
    QueryScript script = Script("CREATE VIEW out AS SELECT * FROM rows ORDER BY r");
    script.threads = threads;
    ASSERT_TRUE(RunQueryScript(kContext, script).ok());
    digests.push_back(HashFile(HashKind::kMd5, script.outputs[0].path).value());
  }
  EXPECT_THAT(digests, ElementsAre(digests[0], digests[0], digests[0]));
}

TEST_F(QueryScripts, MistakesAreNamed) {
  EXPECT_THAT(Problem(Script("CREATE VIEW oout AS SELECT 1")),
              AllOf(HasSubstr("makes no table or view out"), HasSubstr("did you mean 'oout'?")));
  EXPECT_THAT(Problem(Script("CREATE VIEW out AS SELEC 1")),
              AllOf(HasSubstr("script.sql"), HasSubstr("SELEC")));
  EXPECT_THAT(Problem(Script("CREATE VIEW out AS SELECT * FROM rows WHERE id < 0")),
              HasSubstr("the output out has no rows"));
  QueryScript misspelt =
      Script("CREATE VIEW out AS SELECT * FROM rows WHERE id < getvariable('limt')");
  misspelt.parameters = Json::Of({{"limit", 3}});
  EXPECT_THAT(Problem(misspelt),
              AllOf(HasSubstr("reads the variable limt"), HasSubstr("did you mean 'limit'?")));
  QueryScript missing = Script("CREATE VIEW out AS SELECT 1");
  missing.inputs[0].path = bench_.Path("none.parquet");
  EXPECT_THAT(Problem(missing),
              AllOf(HasSubstr("the input rows is not there"), HasSubstr("none.parquet")));
  missing.inputs[0].path = bench_.WriteText("torn.parquet", "PAR1");
  EXPECT_THAT(Problem(missing), HasSubstr("torn.parquet) cannot be read"));
  QueryScript twice = Script("CREATE VIEW out AS SELECT 1");
  twice.inputs.push_back(twice.inputs[0]);
  EXPECT_THAT(Problem(twice), HasSubstr("given twice"));
  QueryScript none = Script("CREATE VIEW out AS SELECT 1");
  none.outputs.clear();
  EXPECT_THAT(Problem(none), HasSubstr("--output"));
  QueryScript ending = Script("CREATE VIEW out AS SELECT 1 AS x");
  ending.outputs[0].path = bench_.Path("out.xlsx");
  EXPECT_THAT(Problem(ending), HasSubstr(".parquet"));
}

TEST_F(QueryScripts, AnErrorLeavesEveryOutputAsItWas) {
  QueryScript script =
      Script("CREATE VIEW out AS SELECT 1 AS x; CREATE VIEW none AS SELECT 1 AS x WHERE false");
  script.outputs[0].path = bench_.WriteText("kept.parquet", "before");
  script.outputs.push_back({"none", bench_.Path("none.parquet")});
  EXPECT_FALSE(RunQueryScript(kContext, script).ok());
  EXPECT_EQ(ReadFile(script.outputs[0].path).value(), "before");
  const std::vector<DirectoryEntry> entries = ListDirectory(bench_.folder()).value();
  for (const DirectoryEntry& entry : entries) {
    EXPECT_FALSE(entry.name.starts_with(kTemporaryFilePrefix)) << entry.name;
  }
}

TEST(ScriptVariables, AreFoundInCodeOnly) {
  EXPECT_THAT(
      internal::VariablesOf(
          "SELECT getvariable('a') -- getvariable('b')\n"
          "/* getvariable('c') */ + GETVARIABLE ( 'd' ) || 'getvariable(' || getvariable('a')"),
      ElementsAre("a", "d"));
  EXPECT_THAT(internal::VariablesOf("SET VARIABLE mine = 3; SELECT getvariable('mine')"),
              ElementsAre());
}

TEST(Parameters, AreASectionOfAFile) {
  Workbench bench;
  const std::string path =
      bench.WriteText("params.yaml", "prepare:\n  as_of: \"2001-05-01\"\n  deep: {n: 3}\n");
  EXPECT_EQ(ReadParameters(path + ":prepare")->Find("as_of")->AsString(), "2001-05-01");
  EXPECT_EQ(ReadParameters(path + ":prepare.deep").value(), Json::Of({{"n", 3}}));
  EXPECT_EQ(ReadParameters(path)->size(), 1u);
  const auto missing = ReadParameters(path + ":prepar");
  EXPECT_EQ(missing.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(Message(missing.status()), HasSubstr("did you mean 'prepare'?"));
  EXPECT_FALSE(ReadParameters(path + ":prepare.as_of").ok());
}

TEST(NamedFiles, AreANameAndAPath) {
  EXPECT_EQ(ParseNamedFile("a=b=c.parquet")->path, "b=c.parquet");
  for (const char* text : {"", "a", "=a", "a="}) EXPECT_FALSE(ParseNamedFile(text).ok()) << text;
}

}  // namespace
}  // namespace caisson::data
