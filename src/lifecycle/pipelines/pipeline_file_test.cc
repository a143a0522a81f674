#include "lifecycle/pipelines/pipeline_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"

namespace caisson::pipelines {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PipelineFileTest : public ::testing::Test {
 protected:
  PipelineFileTest() : folder_(TemporaryDirectory::Create().value()) {}
  void Write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(WriteFileAtomic(folder_.path() + "/" + name, text).ok());
  }
  Pipeline Read(const std::string& text) {
    Write("dvc.yaml", text);
    const auto pipeline = ReadPipeline(folder_.path(), "dvc.yaml");
    EXPECT_TRUE(pipeline.ok()) << Message(pipeline.status());
    return pipeline.ok() ? *pipeline : Pipeline();
  }
  std::string Error(const std::string& text) {
    Write("dvc.yaml", text);
    const auto pipeline = ReadPipeline(folder_.path(), "dvc.yaml");
    return pipeline.ok() ? "no error" : std::string(Message(pipeline.status()));
  }
  static std::vector<std::string> Names(const Pipeline& pipeline) {
    std::vector<std::string> names;
    for (const Stage& stage : pipeline.stages) names.push_back(stage.name);
    return names;
  }
  static std::vector<std::string> Order(const Pipeline& pipeline,
                                        const std::vector<std::string>& targets = {}) {
    const auto order = StageOrder(pipeline, targets);
    if (!order.ok()) return {std::string(Message(order.status()))};
    std::vector<std::string> names;
    for (const size_t index : *order) names.push_back(pipeline.stages[index].name);
    return names;
  }
  TemporaryDirectory folder_;
};

TEST_F(PipelineFileTest, ReadsAStage) {
  const Pipeline pipeline = Read(R"(
stages:
  train:
    desc: trains
    cmd: python train.py
    wdir: src
    deps: [data.csv, ../lib]
    params: [lr, train.depth, other.yaml: [b, a], all.yaml:]
    outs: [model.bin, log.txt: {cache: false, persist: true, desc: kept}]
    metrics: [metrics.json: {cache: false}]
    plots: [curve.csv: {x: step, y: loss}]
    frozen: true
    always_changed: false
    meta: {anything: 1}
)");
  ASSERT_EQ(pipeline.stages.size(), 1u);
  const Stage& stage = pipeline.stages[0];
  EXPECT_THAT(stage.commands, ElementsAre("python train.py"));
  EXPECT_EQ(stage.working_directory, "src");
  EXPECT_EQ(StagePath(stage, "data.csv"), "src/data.csv");
  EXPECT_EQ(StagePath(stage, "../lib"), "lib");
  // params.yaml first, then by name, as dvc.lock has them.
  ASSERT_EQ(stage.params.size(), 3u);
  EXPECT_EQ(stage.params[0].file, "params.yaml");
  EXPECT_THAT(stage.params[0].keys, ElementsAre("lr", "train.depth"));
  EXPECT_EQ(stage.params[1].file, "all.yaml");
  EXPECT_TRUE(stage.params[1].keys.empty());
  EXPECT_THAT(stage.params[2].keys, ElementsAre("b", "a"));
  ASSERT_EQ(stage.outs.size(), 4u);
  EXPECT_TRUE(stage.outs[0].cache);
  EXPECT_FALSE(stage.outs[1].cache);
  EXPECT_TRUE(stage.outs[1].persist);
  EXPECT_EQ(stage.outs[3].path, "curve.csv");
  EXPECT_TRUE(stage.frozen);
}

TEST_F(PipelineFileTest, EachLineOfATextIsACommand) {
  const Pipeline pipeline =
      Read("stages:\n  a:\n    cmd: |\n      one\n\n      two\n  b: {cmd: [x, y]}\n");
  EXPECT_THAT(pipeline.stages[0].commands, ElementsAre("one", "two"));
  EXPECT_EQ(pipeline.stages[0].command.AsString(), "one\n\ntwo\n");
  EXPECT_THAT(pipeline.stages[1].commands, ElementsAre("x", "y"));
}

TEST_F(PipelineFileTest, ResolvesTemplatesFromParamsAndVars) {
  Write("params.yaml", "train: {lr: 0.1}\n");
  Write("more.yaml", "a: 1\nb: 2\n");
  const Pipeline pipeline = Read(R"(
vars:
  - name: model
  - more.yaml:a
stages:
  train:
    vars: [more.yaml, {extra: 9}]
    cmd: train --lr ${train.lr} --a ${a} --b ${b} ${extra}
    outs: ["${name}.bin"]
)");
  EXPECT_EQ(pipeline.stages.at(0).commands.at(0), "train --lr 0.1 --a 1 --b 2 9");
  EXPECT_EQ(pipeline.stages.at(0).outs.at(0).path, "model.bin");
}

TEST_F(PipelineFileTest, Foreach) {
  Write("params.yaml", "years: {first: {from: 1999}, second: {from: 2000}}\n");
  EXPECT_THAT(
      Names(Read("stages:\n  a:\n    foreach: [x, 2, 0.5]\n    do: {cmd: 'run ${item}'}\n")),
      ElementsAre("a@x", "a@2", "a@0.5"));
  const Pipeline pipeline =
      Read("stages:\n  a:\n    foreach: ${years}\n    do: {cmd: 'run ${key} ${item.from}'}\n");
  EXPECT_THAT(Names(pipeline), ElementsAre("a@first", "a@second"));
  EXPECT_EQ(pipeline.stages[1].commands[0], "run second 2000");
  EXPECT_THAT(
      Names(Read("stages:\n  a:\n    foreach: [{x: 1}, {x: 2}]\n    do: {cmd: 'run ${item.x}'}\n")),
      ElementsAre("a@0", "a@1"));
}

TEST_F(PipelineFileTest, Matrix) {
  const Pipeline pipeline = Read(R"(
stages:
  a:
    matrix: {model: [cnn, tree], size: [1, 2], opts: [{x: 1}]}
    cmd: run ${item.model} ${item.size} ${item.opts.x} ${key}
)");
  EXPECT_THAT(Names(pipeline),
              ElementsAre("a@cnn-1-opts0", "a@cnn-2-opts0", "a@tree-1-opts0", "a@tree-2-opts0"));
  EXPECT_EQ(pipeline.stages[3].commands[0], "run tree 2 1 tree-2-opts0");
}

TEST_F(PipelineFileTest, SaysWhatIsWrongAndWhere) {
  const std::pair<const char*, const char*> cases[] = {
      {"stages:\n  a:\n    outs: [x]\n", "dvc.yaml:3: stages.a has no `cmd`"},
      {"stages:\n  a: {cmd: x, dpes: [y]}\n", "did you mean 'deps'?"},
      {"stagse: {}\n", "did you mean 'stages'?"},
      {"stages: [a]\n", "no map `stages`"},
      {"stages:\n  a: cmd\n", "expected a map with `cmd`"},
      {"stages:\n  a: {cmd: 'x ${nope}'}\n", "${nope}"},
      {"stages:\n  a: {cmd: x, outs: y}\n", "stages.a.outs: expected a list"},
      {"stages:\n  a: {cmd: x, outs: [y: {cahce: false}]}\n", "did you mean 'cache'?"},
      {"stages:\n  a: {cmd: x, outs: [{y: {}, z: {}}]}\n", "neither a path"},
      {"stages:\n  a: {cmd: x, params: lr}\n", "params: expected a list"},
      {"stages:\n  a: {cmd: x, params: [other.yaml: lr]}\n", "other.yaml: expected a list of keys"},
      {"stages:\n  a: {cmd: x, params: [other.yaml: [{x: 1}]]}\n", "is not a key"},
      {"stages:\n  a: {foreach: [1], cmd: x}\n", "cmd"},
      {"stages:\n  a: {foreach: [1]}\n", "`foreach` needs `do`"},
      {"stages:\n  a: {foreach: x, do: {cmd: x}}\n", "`foreach` expects a list or a map"},
      {"stages:\n  a: {foreach: [1, 1], do: {cmd: x}}\n", "there is a stage 'a@1' already"},
      {"stages:\n  a: {matrix: {m: x}, cmd: x}\n", "m expects a list of values"},
      {"stages:\n  a: {matrix: [x], cmd: x}\n", "`matrix` expects a map of lists"},
      {"vars: [nope.yaml]\nstages: {}\n", "nope.yaml is not there"},
      {"vars: [{a: 1}, {a: 2}]\nstages: {}\n", "'a' has another value"},
      {"stages:\n  a: {cmd: x\n", "dvc.yaml:"},
  };
  for (const auto& [text, problem] : cases) EXPECT_THAT(Error(text), HasSubstr(problem)) << text;
  Write("more.yaml", "a: 1\n");
  EXPECT_THAT(Error("vars: ['more.yaml:b']\nstages: {}\n"), HasSubstr("more.yaml has no key 'b'"));
  EXPECT_THAT(Message(ReadPipeline(folder_.path(), "other.yaml").status()),
              HasSubstr("there is no other.yaml"));
}

// Outputs are removed before the command runs.
TEST_F(PipelineFileTest, AnOutputIsNeverTheProjectItself) {
  for (const char* path : {".", "''", "..", "../..", "/", "/elsewhere/x", "a/..", "a/../.."}) {
    EXPECT_THAT(Error(fmt::format("stages:\n  a: {{cmd: x, outs: [{}]}}\n", path)),
                HasSubstr("is not accepted"))
        << path;
  }
  EXPECT_THAT(Error("stages:\n  a: {cmd: x, wdir: sub, outs: [..]}\n"), HasSubstr("not accepted"));
  EXPECT_EQ(Error("stages:\n  a: {cmd: x, wdir: sub, outs: [../out]}\n"), "no error");
}

TEST_F(PipelineFileTest, OrdersStagesByWhatTheyNeed) {
  const Pipeline pipeline = Read(R"(
stages:
  report: {cmd: x, deps: [model/weights.bin, data], outs: [report.html]}
  train: {cmd: x, deps: [data/train.csv], outs: [model]}
  prepare: {cmd: x, wdir: data, deps: [../raw], outs: [train.csv, test.csv]}
  other: {cmd: x}
)");
  EXPECT_THAT(Order(pipeline), ElementsAre("prepare", "train", "report", "other"));
  EXPECT_THAT(Order(pipeline, {"train"}), ElementsAre("prepare", "train"));
  EXPECT_THAT(Order(pipeline, {"other", "prepare"}), ElementsAre("other", "prepare"));
  EXPECT_THAT(Order(pipeline, {"trian"}), ElementsAre(HasSubstr("did you mean 'train'?")));
}

TEST_F(PipelineFileTest, ATargetNamesAllOfAForeach) {
  const Pipeline pipeline =
      Read("stages:\n  a:\n    foreach: [1, 2]\n    do: {cmd: 'x ${item}'}\n  ab: {cmd: x}\n");
  EXPECT_THAT(Order(pipeline, {"a"}), ElementsAre("a@1", "a@2"));
  EXPECT_THAT(Order(pipeline, {"a@2"}), ElementsAre("a@2"));
}

TEST_F(PipelineFileTest, NamesTheStagesOfACycle) {
  const Pipeline pipeline = Read(R"(
stages:
  a: {cmd: x, deps: [c.out], outs: [a.out]}
  b: {cmd: x, deps: [a.out], outs: [b.out]}
  c: {cmd: x, deps: [b.out], outs: [c.out]}
)");
  EXPECT_THAT(Order(pipeline), ElementsAre(HasSubstr("a -> c -> b -> a")));
  EXPECT_THAT(Order(Read("stages:\n  a: {cmd: x, deps: [d/x], outs: [d]}\n")),
              ElementsAre(HasSubstr("a -> a")));
}

TEST_F(PipelineFileTest, NamesTwoMakersOfOneOutput) {
  EXPECT_THAT(
      Order(Read("stages:\n  a: {cmd: x, outs: [o]}\n  b: {cmd: x, wdir: ., outs: [./o]}\n")),
      ElementsAre(HasSubstr("output of both a and b")));
  EXPECT_THAT(Order(Read("stages:\n  a: {cmd: x, outs: [o]}\n  b: {cmd: x, outs: [o/part]}\n")),
              ElementsAre(HasSubstr("output of both a and b")));
}

}  // namespace
}  // namespace caisson::pipelines
