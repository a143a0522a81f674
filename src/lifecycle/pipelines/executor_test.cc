#include "lifecycle/pipelines/executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/strings.h"
#include "platform/lineage/lineage.h"
#include "platform/sql/testing.h"

namespace caisson::pipelines {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Two stages, the second on the output of the first. Each run leaves a line in runs.log, which no
// stage knows of.
constexpr char kPipeline[] = R"(
stages:
  double:
    cmd: echo double >> runs.log; sed 's/.*/&&/' numbers > doubled
    deps: [numbers]
    outs: [doubled]
  join:
    cmd: echo join >> runs.log; mkdir -p out; cat doubled > out/all; echo $GREETING >> out/all
    deps: [doubled]
    params: [join.sep]
    outs: [out]
)";

class ExecutorTest : public ::testing::Test {
 protected:
  ExecutorTest()
      : folder_(TemporaryDirectory::Create().value()),
        database_(PipelinesSchema()),
        executor_(*database_) {
    EXPECT_TRUE(database_->Migrate(lineage::LineageSchema()).ok());
    request_.folder = folder_.path();
    request_.run_id = "run-1";
    request_.environment["GREETING"] = "hello";
    Write("dvc.yaml", kPipeline);
    Write("params.yaml", "join: {sep: ','}\n");
    Write("numbers", "1\n2\n");
  }

  std::string Path(const std::string& name) { return folder_.path() + "/" + name; }
  void Write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(WriteFileAtomic(Path(name), text).ok());
  }
  std::string Read(const std::string& name) {
    const auto text = ReadFile(Path(name));
    return text.ok() ? *text : "(missing)";
  }
  // "double: ran", with the reasons in `reasons_`.
  std::vector<std::string> Run() {
    const auto outcome = executor_.Run(context_, request_, [this](const PipelineEvent& event) {
      if (event.kind == PipelineEvent::Kind::kStageOutput) output_ += event.text + "\n";
    });
    EXPECT_TRUE(outcome.ok()) << Message(outcome.status());
    if (!outcome.ok()) return {};
    outcome_ = *outcome;
    return Lines(outcome_);
  }
  std::vector<std::string> Plan() { return Lines(executor_.Plan(context_, request_).value()); }
  static std::vector<std::string> Lines(const PipelineOutcome& outcome) {
    std::vector<std::string> lines;
    for (const StageOutcome& stage : outcome.stages) {
      lines.push_back(fmt::format("{}: {}", stage.name, OutcomeName(stage.kind)));
    }
    return lines;
  }
  std::string Reason(size_t stage) { return outcome_.stages.at(stage).reason; }

  const Context context_ = Context::Background();
  TemporaryDirectory folder_;
  sql::testing::TestDatabase database_;
  Executor executor_;
  PipelineRequest request_;
  PipelineOutcome outcome_;
  std::string output_;
};

TEST_F(ExecutorTest, RunsInOrderAndOnlyOnce) {
  EXPECT_THAT(Plan(), ElementsAre("double: ran", "join: ran"));
  EXPECT_EQ(Read("doubled"), "(missing)");
  EXPECT_THAT(Run(), ElementsAre("double: ran", "join: ran"));
  EXPECT_EQ(Read("out/all"), "11\n22\nhello\n");
  EXPECT_EQ(Reason(0), "never run");
  EXPECT_THAT(Plan(), ElementsAre("double: unchanged", "join: unchanged"));
  EXPECT_THAT(Run(), ElementsAre("double: unchanged", "join: unchanged"));
  EXPECT_EQ(Read("runs.log"), "double\njoin\n");
  // What a stage used and made is in its outcome, also when it did not run.
  EXPECT_EQ(outcome_.stages[1].deps.at(0).path, "doubled");
  EXPECT_THAT(outcome_.stages[1].outs.at(0).md5, HasSubstr(".dir"));
}

TEST_F(ExecutorTest, NamesWhatChanged) {
  Run();
  Write("params.yaml", "join: {sep: ';'}\n");
  EXPECT_THAT(Run(), ElementsAre("double: unchanged", "join: ran"));
  EXPECT_EQ(Reason(1), "params.yaml: join.sep changed");
  Write("numbers", "3\n");
  EXPECT_THAT(Plan(), ElementsAre("double: ran", "join: ran"));
  EXPECT_THAT(Run(), ElementsAre("double: ran", "join: ran"));
  EXPECT_EQ(Reason(0), "numbers changed");
  EXPECT_EQ(Reason(1), "doubled changed");
  ASSERT_TRUE(RemoveFile(Path("doubled")).ok());
  Write("dvc.yaml", ReplaceAll(kPipeline, "echo join", "echo JOIN"));
  EXPECT_THAT(Run(), ElementsAre("double: restored from the cache", "join: ran"));
  EXPECT_EQ(Reason(0), "doubled is missing");
  EXPECT_EQ(Reason(1), "the command changed");
}

TEST_F(ExecutorTest, AnEarlierResultIsRestored) {
  Run();
  Write("numbers", "3\n");
  Run();
  Write("numbers", "1\n2\n");
  EXPECT_THAT(Run(),
              ElementsAre("double: restored from the cache", "join: restored from the cache"));
  EXPECT_EQ(Read("out/all"), "11\n22\nhello\n");
  EXPECT_EQ(Read("runs.log"), "double\njoin\ndouble\njoin\n");
  // Without the lock the run cache still knows.
  ASSERT_TRUE(RemoveFile(Path("dvc.lock")).ok());
  ASSERT_TRUE(RemoveTree(Path("out")).ok());
  EXPECT_THAT(Run(),
              ElementsAre("double: restored from the cache", "join: restored from the cache"));
  EXPECT_EQ(Read("out/all"), "11\n22\nhello\n");
}

TEST_F(ExecutorTest, AnOutputChangedByHandIsPutBack) {
  Run();
  Write("doubled", "no\n");
  EXPECT_THAT(Run(), ElementsAre("double: restored from the cache", "join: unchanged"));
  EXPECT_EQ(Reason(0), "doubled was changed by hand");
  EXPECT_EQ(Read("doubled"), "11\n22\n");
}

TEST_F(ExecutorTest, ForceRunsAllTheSame) {
  Run();
  request_.force = true;
  EXPECT_THAT(Run(), ElementsAre("double: ran", "join: ran"));
  EXPECT_EQ(Reason(0), "forced");
}

TEST_F(ExecutorTest, ATargetRunsWithWhatItNeeds) {
  request_.targets = {"double"};
  EXPECT_THAT(Run(), ElementsAre("double: ran"));
  request_.targets = {"nope"};
  EXPECT_EQ(executor_.Run(context_, request_, nullptr).status().code(),
            StatusCode::kInvalidArgument);
}

TEST_F(ExecutorTest, AStageThatFailsEndsTheRun) {
  Write("dvc.yaml", ReplaceAll(kPipeline, "sed 's/.*/&&/' numbers > doubled",
                               "echo the disk is wet >&2; exit 7"));
  EXPECT_THAT(Run(), ElementsAre("double: failed", "join: skipped"));
  EXPECT_FALSE(outcome_.ok());
  EXPECT_EQ(outcome_.stages[0].exit_code, 7);
  EXPECT_THAT(outcome_.stages[0].error, HasSubstr("ended with 7"));
  EXPECT_THAT(outcome_.stages[0].error, HasSubstr("the disk is wet"));
  EXPECT_THAT(output_, HasSubstr("the disk is wet\n"));
  Write("dvc.yaml", kPipeline);
  EXPECT_THAT(Run(), ElementsAre("double: ran", "join: ran"));
}

// As in DVC, and unlike a script, the first line that fails ends the stage.
TEST_F(ExecutorTest, EachLineMustSucceed) {
  Write("dvc.yaml", "stages:\n  a:\n    cmd: |\n      false\n      touch done\n    outs: [done]\n");
  EXPECT_THAT(Run(), ElementsAre("a: failed"));
  EXPECT_EQ(Read("done"), "(missing)");
}

TEST_F(ExecutorTest, SaysWhatIsMissing) {
  Write("dvc.yaml", "stages:\n  a: {cmd: 'true', outs: [never]}\n");
  EXPECT_THAT(Run(), ElementsAre("a: failed"));
  EXPECT_THAT(outcome_.stages[0].error, HasSubstr("did not make never"));
  Write("dvc.yaml", "stages:\n  a: {cmd: 'true', deps: [nowhere]}\n");
  EXPECT_THAT(Run(), ElementsAre("a: failed"));
  EXPECT_THAT(outcome_.stages[0].error, HasSubstr("nowhere, which stage a depends on"));
  Write("dvc.yaml", "stages:\n  a: {cmd: 'true', params: [join.nope]}\n");
  EXPECT_THAT(Run(), ElementsAre("a: failed"));
  EXPECT_THAT(outcome_.stages[0].error, HasSubstr("no parameter 'join.nope'"));
  Write("dvc.yaml", "stages:\n  a: {cmd: 'true', params: [other.yaml: [x]]}\n");
  EXPECT_THAT(Run(), ElementsAre("a: failed"));
  EXPECT_THAT(outcome_.stages[0].error, HasSubstr("other.yaml"));
}

// A run that ended between two stages goes on with the second, in another process too.
TEST_F(ExecutorTest, ARunThatWasCutOffGoesOn) {
  CancelSource source;
  const auto cut =
      executor_.Run(context_.WithCancel(source), request_, [&](const PipelineEvent& event) {
        if (event.kind == PipelineEvent::Kind::kStageFinished) source.Cancel();
      });
  EXPECT_EQ(cut.status().code(), StatusCode::kCancelled);
  EXPECT_EQ(Read("runs.log"), "double\n");
  EXPECT_THAT(Run(), ElementsAre("double: unchanged", "join: ran"));
  EXPECT_EQ(Read("runs.log"), "double\njoin\n");
}

TEST_F(ExecutorTest, StagesWithoutDependenciesAndFrozenOnes) {
  Write("dvc.yaml", R"(
stages:
  always: {cmd: echo always >> runs.log, always_changed: true}
  frozen: {cmd: cp numbers copy, deps: [numbers], outs: [copy], frozen: true}
)");
  EXPECT_THAT(Run(), ElementsAre("always: ran", "frozen: ran"));
  Write("numbers", "5\n");
  EXPECT_THAT(Run(), ElementsAre("always: ran", "frozen: unchanged"));
  EXPECT_EQ(Read("copy"), "1\n2\n");
}

TEST_F(ExecutorTest, PersistedOutputsAreNotRemoved) {
  Write("dvc.yaml", R"(
stages:
  grow: {cmd: 'cat numbers >> grown; cat numbers >> fresh', deps: [numbers], outs: [grown: {persist: true}, fresh]}
)");
  Run();
  Write("numbers", "3\n");
  Run();
  EXPECT_EQ(Read("grown"), "1\n2\n3\n");
  EXPECT_EQ(Read("fresh"), "3\n");
}

// The cache has a copy that must not change under a command that writes into its old output.
TEST_F(ExecutorTest, TheCacheIsNotWrittenThrough) {
  Run();
  const std::string md5 = outcome_.stages[0].outs.at(0).md5;
  Write("numbers", "9\n");
  Run();
  EXPECT_EQ(Read(".dvc/cache/files/md5/" + md5.substr(0, 2) + "/" + md5.substr(2)), "11\n22\n");
}

TEST_F(ExecutorTest, NothingOutsideTheRepositoryIsRemoved) {
  ASSERT_TRUE(MakeDirectories(Path("project")).ok());
  Write("project/dvc.yaml", "stages:\n  a: {cmd: 'true', outs: [../numbers]}\n");
  request_.folder = Path("project");
  const auto outcome = executor_.Run(context_, request_, nullptr);
  EXPECT_EQ(outcome.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(outcome.status()), HasSubstr("outside the repository"));
  EXPECT_EQ(Read("numbers"), "1\n2\n");
}

TEST_F(ExecutorTest, TwoRunsExcludeEachOther) {
  std::string inner;
  const auto outcome = executor_.Run(context_, request_, [&](const PipelineEvent& event) {
    if (event.kind != PipelineEvent::Kind::kStageStarted || !inner.empty()) return;
    inner = Message(executor_.Run(context_, request_, nullptr).status());
  });
  EXPECT_TRUE(outcome.ok());
  EXPECT_THAT(inner, HasSubstr("caisson run"));
}

TEST_F(ExecutorTest, WritesLineage) {
  Run();
  const StageOutcome& join = outcome_.stages[1];
  const int64_t rows =
      *database_->ReadFor<int64_t>(context_, [&](sql::Session& session) -> Result<int64_t> {
        CAISSON_ASSIGN(const auto count,
                       session.QueryOne<int64_t>(
                           "SELECT count(*) FROM pipelines_stage_runs WHERE lock_hash = $1",
                           {join.lock_hash}, [](const sql::Row& row) { return row.Int(0); }));
        return count.value_or(0);
      });
  EXPECT_EQ(rows, 1);
  EXPECT_EQ(join.lock_hash.size(), 16u);
}

}  // namespace
}  // namespace caisson::pipelines
