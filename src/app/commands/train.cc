// caisson train: the built-in trainer, as a command of a pipeline.
#include "app/commands/commands.h"
#include "app/output.h"
#include "base/strings.h"
#include "lifecycle/data/query_script.h"
#include "lifecycle/training/trainer.h"

namespace caisson::app {
namespace {

Result<int> Train(const Invocation& invocation) {
  CAISSON_ASSIGN(const Json section, data::ReadParameters(invocation.Value("params")));
  training::TrainRequest request;
  CAISSON_ASSIGN(request.spec, training::ParseTrainSpec(section, invocation.Value("params")));
  request.train_path = invocation.Value("train");
  request.valid_path = invocation.Value("valid");
  request.target = invocation.Value("target");
  request.output_folder = invocation.Value("out");
  for (const auto& [name, value] : {std::pair{"train", request.train_path},
                                    {"valid", request.valid_path},
                                    {"target", request.target},
                                    {"out", request.output_folder}}) {
    if (value.empty()) return InvalidArgument("--{} is needed; see caisson train --help", name);
  }
  ProgressLine progress;
  request.on_progress = [&](const training::TrainProgress& now) {
    const auto metric = now.metrics.find("valid/" + request.spec.metric);
    progress.Update(
        fmt::format("  candidate {} of {} ({}): round {} of {}{}", now.candidate + 1,
                    now.candidates, now.name, now.round, now.rounds,
                    metric == now.metrics.end()
                        ? ""
                        : fmt::format(", {} {:.4f}", request.spec.metric, metric->second)));
  };
  CAISSON_ASSIGN(const std::vector<training::Candidate> candidates,
                 training::Train(Context::Background(), request));
  progress.Clear();
  if (invocation.json_output()) {
    Json list = Json::MakeArray();
    for (const training::Candidate& candidate : candidates) {
      Json metrics = Json::MakeObject();
      for (const auto& [name, value] : candidate.metrics) metrics.Set(name, value);
      list.Append(
          Json::Of({{"name", candidate.name}, {"best", candidate.best}, {"metrics", metrics}}));
    }
    PrintJson(Json::Of({{"candidates", list}}));
    return kExitOk;
  }
  TextTable table({"candidate", "auc", "logloss", "best"});
  const auto figure = [](const training::Candidate& candidate, const char* name) {
    const auto metric = candidate.metrics.find(name);
    return metric == candidate.metrics.end() ? std::string("-")
                                             : fmt::format("{:.4f}", metric->second);
  };
  for (const training::Candidate& candidate : candidates) {
    table.Add({candidate.name, figure(candidate, "auc"), figure(candidate, "logloss"),
               candidate.best ? "*" : ""});
  }
  Print(table.ToString());
  return kExitOk;
}

}  // namespace

std::vector<Command> TrainCommands() {
  Command command;
  command.path = "train";
  command.summary =
      "Trains the built-in gradient-boosted trees over a grid and leaves an ONNX model.";
  command.example =
      "caisson train --params params.yaml:train --train features/train.parquet --valid "
      "features/valid.parquet "
      "--target late --out model";
  command.options = {
      {"params", "The file and section with the training's parameters", OptionKind::kValue,
       "params.yaml:train", "FILE:SECTION"},
      {"train", "The table to learn from", OptionKind::kValue, "", "FILE"},
      {"valid", "The table to judge by", OptionKind::kValue, "", "FILE"},
      {"target", "The column with the answer, 0 or 1", OptionKind::kValue, "", "COLUMN"},
      {"out", "The folder for the model", OptionKind::kValue, "", "DIR"}};
  command.run = Train;
  return {command};
}

}  // namespace caisson::app
