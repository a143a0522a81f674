#include "lifecycle/project/project_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"

namespace caisson::project {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kWhole[] = R"(# A comment
project: flights
pipeline: dvc.yaml
checks:
  data/flights.parquet: checks/flights.yaml
  ./data/airports.csv:
models:
  delay:
    from: train
    gate: [auc >= 0.65, auc >= champion - 0.005, p99_ms <= 5]
    evaluate: {data: features/valid.parquet, target: late}
endpoints:
  delay: {model: delay@champion, canary: {steps: [5, 50], bake: 30s}}
monitors:
  delay: {drift: {method: psi, threshold: 0.2}, on_drift: retrain}
server:
  http: 127.0.0.1:4600
)";

Result<ProjectFile> Parse(std::string_view text) {
  CAISSON_ASSIGN(const YamlDocument document, ParseYaml(text, "caisson.yaml"));
  return ParseProjectFile(document, "/somewhere");
}

TEST(ProjectFile, ReadsAWholeFile) {
  const auto file = Parse(kWhole);
  ASSERT_TRUE(file.ok()) << Message(file.status());
  EXPECT_EQ(file->name, "flights");
  EXPECT_EQ(file->folder, "/somewhere");
  ASSERT_EQ(file->data.size(), 2u);
  EXPECT_EQ(file->data[0].checks, "checks/flights.yaml");
  EXPECT_EQ(file->data[1].path, "data/airports.csv");
  EXPECT_EQ(file->data[1].checks, "");
  ASSERT_EQ(file->models.size(), 1u);
  EXPECT_EQ(file->models[0].stage, "train");
  EXPECT_EQ(file->models[0].gate.size(), 3u);
  EXPECT_EQ(file->models[0].evaluate_target, "late");
  EXPECT_THAT(file->endpoints.at(0).canary.steps, ElementsAre(5, 50));
  EXPECT_EQ(file->monitors.at(0).endpoint, "delay");
  EXPECT_EQ(Parse("project: tiny\n")->pipeline, "dvc.yaml");
}

// Errors name the line, what stands there, and what was probably meant.
TEST(ProjectFile, SaysWhatIsWrongAndWhere) {
  const std::pair<const char*, std::vector<const char*>> cases[] = {
      {"", {"caisson.yaml", "expected a map"}},
      {"- a\n", {"caisson.yaml", "expected a map"}},
      {"project:\n", {"project"}},
      {"pipeline: dvc.yaml\n", {"project"}},
      {"project: a b\n", {"caisson.yaml:1: project", "' '"}},
      {"project: a\nmodles: {}\n", {"modles", "did you mean 'models'?"}},
      {"project: a\nmodels: [x]\n",
       {"caisson.yaml:2: models", "expected a map of names, found array"}},
      {"project: a\nchecks: [x]\n", {"caisson.yaml:2: checks", "data file to check suite"}},
      {"project: a\nchecks:\n  data.csv: [x]\n",
       {"checks.data.csv", "expected the path of a check suite"}},
      {"project: a\nmodels:\n  m: {fron: train}\n", {"caisson.yaml:3: models.m", "from"}},
      {"project: a\nmodels:\n  m: {from: train, gat: []}\n", {"models.m", "did you mean 'gate'?"}},
      {"project: a\nmodels:\n  m: {from: train, gate: [auc > > 1]}\n",
       {"caisson.yaml:3: models.m.gate[0]"}},
      {"project: a\nmodels:\n  m/n: {from: train}\n", {"models.m/n", "'/'"}},
      {"project: a\nmodels:\n  m: {from: t, evaluate: {data: x}}\n",
       {"models.m.evaluate", "target"}},
      {"project: a\nmodels:\n  m: {from: t}\nendpoints:\n  e: {model: mm@champion}\n",
       {"caisson.yaml:5: endpoints.e.model", "no model 'mm'", "accepted: m"}},
      {"project: a\nendpoints:\n  e: {model: m}\n", {"no model 'm'"}},
      {"project: a\nmodels:\n  m: {from: t}\nendpoints:\n  e: {model: m, canary: {steps: [200]}}\n",
       {"caisson.yaml:5: endpoints.e.canary.steps", "200 is not accepted"}},
      {"project: a\nmodels:\n  m: {from: t}\nendpoints:\n  end: {model: m}\nmonitors:\n  ent: {}\n",
       {"monitors.ent", "no endpoint 'ent' to watch", "did you mean 'end'?"}},
      {"project: a\nmonitors:\n  e: {drift: {method: chi}}\n",
       {"caisson.yaml:3: monitors.e.drift", "psi, ks and js"}},
      {"project: a\nproject: b\n", {"caisson.yaml:2"}},
      {"project: [\n", {"caisson.yaml:"}},
  };
  for (const auto& [text, parts] : cases) {
    const auto file = Parse(text);
    ASSERT_FALSE(file.ok()) << text;
    EXPECT_EQ(file.status().code(), StatusCode::kInvalidArgument) << text;
    for (const char* part : parts) EXPECT_THAT(Message(file.status()), HasSubstr(part)) << text;
  }
}

TEST(ProjectFile, AFolderWithoutOneSaysWhatToDo) {
  const TemporaryDirectory folder = TemporaryDirectory::Create().value();
  const auto file = ReadProjectFile(folder.path());
  EXPECT_EQ(file.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(Message(file.status()), HasSubstr("caisson init"));
  ASSERT_TRUE(WriteFileAtomic(folder.path() + "/caisson.yaml", kWhole).ok());
  EXPECT_EQ(ReadProjectFile(folder.path())->name, "flights");
}

}  // namespace
}  // namespace caisson::project
