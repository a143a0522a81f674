#include "app/api_client.h"
#include "app/commands/commands.h"
#include "app/commands/server_options.h"
#include "app/output.h"
#include "app/replay.h"
#include "base/files.h"
#include "base/strings.h"

namespace caisson::app {
namespace {

Json LiveDeployments(const Json& endpoint) {
  Json live = Json::MakeArray();
  for (const Json& deployment : endpoint["deployments"].array()) {
    if (deployment["traffic_percent"].AsInt() > 0) live.Append(deployment);
  }
  return live;
}

Result<int> List(const Invocation& invocation) {
  CAISSON_ASSIGN(const std::unique_ptr<ApiClient> client, ApiClient::Connect(invocation));
  CAISSON_ASSIGN(const Json endpoints, client->Get("/api/v1/endpoints"));
  if (invocation.json_output()) {
    PrintJson(endpoints);
    return kExitOk;
  }
  TextTable table({"endpoint", "follows", "serving", "predictions", "labels"});
  for (const Json& endpoint : endpoints["items"].array()) {
    std::vector<std::string> serving;
    const Json live = LiveDeployments(endpoint);
    for (const Json& deployment : live.array()) {
      serving.push_back(fmt::format("v{} {} % ({})", deployment["version"].AsInt(),
                                    deployment["traffic_percent"].AsInt(),
                                    deployment["state"].AsString()));
    }
    table.Add({endpoint["name"].AsString(), endpoint["spec"]["model"].AsString(),
               serving.empty() ? "nothing yet" : Join(serving, ", "),
               HumanCount(endpoint["predictions"].AsInt()),
               HumanCount(endpoint["labels"].AsInt())});
  }
  Print(table.ToString(
      "No endpoints yet. Declare one under `endpoints:` in caisson.yaml and run `caisson run`.\n"));
  return kExitOk;
}

Result<int> Show(const Invocation& invocation) {
  CAISSON_ASSIGN(const std::unique_ptr<ApiClient> client, ApiClient::Connect(invocation));
  CAISSON_ASSIGN(const Json endpoint, client->Get("/api/v1/endpoints/" +
                                                  PercentEncode(invocation.Argument("endpoint"))));
  if (invocation.json_output()) {
    PrintJson(endpoint);
    return kExitOk;
  }
  Print(fmt::format("{} follows {}; {} predictions, {} labels\n\n", endpoint["name"].AsString(),
                    endpoint["spec"]["model"].AsString(),
                    HumanCount(endpoint["predictions"].AsInt()),
                    HumanCount(endpoint["labels"].AsInt())));
  TextTable table({"version", "state", "traffic", "since", "until", "why"});
  for (const Json& deployment : endpoint["deployments"].array()) {
    table.Add({std::to_string(deployment["version"].AsInt()), deployment["state"].AsString(),
               fmt::format("{} %", deployment["traffic_percent"].AsInt()),
               deployment["created_at"].AsString().substr(0, 19),
               deployment["ended_at"].AsString().substr(0, 19), deployment["reason"].AsString()});
  }
  Print(table.ToString("Nothing has served here yet.\n"));
  return kExitOk;
}

std::function<Result<int>(const Invocation&)> Change(std::string action) {
  return [action](const Invocation& invocation) -> Result<int> {
    Json body = Json::MakeObject();
    if (action == "canary") {
      const auto version = ParseInt(invocation.Argument("version"));
      if (!version.has_value())
        return InvalidArgument("the version is '{}'; a number is accepted",
                               invocation.Argument("version"));
      body.Set("version", *version);
    }
    if (invocation.Given("reason")) body.Set("reason", invocation.Value("reason"));
    CAISSON_ASSIGN(const std::unique_ptr<ApiClient> client, ApiClient::Connect(invocation));
    CAISSON_ASSIGN(const Json endpoint,
                   client->Post(fmt::format("/api/v1/endpoints/{}/{}",
                                            PercentEncode(invocation.Argument("endpoint")), action),
                                body));
    if (invocation.json_output()) {
      PrintJson(endpoint);
      return kExitOk;
    }
    const Json live = LiveDeployments(endpoint);
    for (const Json& deployment : live.array()) {
      Print(fmt::format("version {}: {} % ({})\n", deployment["version"].AsInt(),
                        deployment["traffic_percent"].AsInt(), deployment["state"].AsString()));
    }
    return kExitOk;
  };
}

Result<int64_t> Number(const Invocation& invocation, std::string_view name) {
  const auto value = ParseInt(invocation.Value(name));
  if (!value.has_value())
    return InvalidArgument("--{} {}: a whole number is accepted", name, invocation.Value(name));
  return *value;
}

Result<int> RunReplay(const Invocation& invocation) {
  CAISSON_ASSIGN(const std::unique_ptr<ApiClient> client, ApiClient::Connect(invocation));
  if (client->url().empty())
    return Unavailable("no server is running for {}. Next: caisson up", invocation.Value("data"));
  ReplayRequest request;
  request.url = client->url();
  if (const char* token = std::getenv("CAISSON_TOKEN")) request.token = token;
  request.endpoint = invocation.Argument("endpoint");
  request.file = invocation.Value("file");
  request.time_column = invocation.Value("time");
  request.target_column = invocation.Value("target");
  CAISSON_ASSIGN(request.every, Number(invocation, "every"));
  CAISSON_ASSIGN(request.offset, Number(invocation, "offset"));
  CAISSON_ASSIGN(const int64_t connections, Number(invocation, "connections"));
  request.connections = static_cast<int>(connections);
  CAISSON_ASSIGN(request.hold_rate, Number(invocation, "hold-rate"));
  if (!FileExists(request.file)) return NotFound("there is no file {}", request.file);

  ProgressLine progress;
  std::string holding;
  CAISSON_ASSIGN(
      const ReplayResult result,
      Replay(Context::Background(), request, [&](const ReplayProgress& now) {
        if (now.holding != holding && !invocation.json_output()) {
          progress.Clear();
          if (!now.holding.empty())
            Print(fmt::format("  {}  {}\n", FormatTime(now.event_time).substr(0, 16), now.holding));
          holding = now.holding;
        }
        progress.Update(fmt::format("  {}  {} predictions, {} labels",
                                    FormatTime(now.event_time).substr(0, 16), HumanCount(now.sent),
                                    HumanCount(now.labels)));
      }));
  progress.Clear();
  if (invocation.json_output()) {
    PrintJson(Json::Of({{"predictions", result.predictions},
                        {"failed", result.failed},
                        {"labels", result.labels},
                        {"seconds", result.seconds},
                        {"p50_ms", result.p50_ms},
                        {"p99_ms", result.p99_ms},
                        {"first_prediction_id", result.first_prediction_id},
                        {"last_prediction_id", result.last_prediction_id},
                        {"first_error", result.first_error}}));
  } else {
    Print(fmt::format(
        "{} predictions and {} labels in {:.1f} s ({} a second; p50 {:.2f} ms, p99 {:.2f} ms)\n",
        HumanCount(result.predictions), HumanCount(result.labels), result.seconds,
        HumanCount(static_cast<int64_t>(static_cast<double>(result.predictions) /
                                        std::max(result.seconds, 1e-9))),
        result.p50_ms, result.p99_ms));
    if (!result.last_prediction_id.empty())
      Print(fmt::format("Next: caisson explain prediction {}\n", result.last_prediction_id));
  }
  if (result.failed > 0)
    return FailedPrecondition("{} requests failed; the first: {}", result.failed,
                              result.first_error);
  return kExitOk;
}

Command MakeCommand(std::string path, std::string summary, std::string example,
                    std::function<Result<int>(const Invocation&)> run) {
  Command command;
  command.path = std::move(path);
  command.summary = std::move(summary);
  command.example = std::move(example);
  command.run = std::move(run);
  return command;
}

}  // namespace

std::vector<Command> EndpointsCommands() {
  Command list = MakeCommand("endpoints list", "Lists endpoints and the versions that answer.",
                             "caisson endpoints list", List);
  Command show = MakeCommand("endpoints show", "Shows an endpoint and the history of its versions.",
                             "caisson endpoints show delay", Show);
  Command canary = MakeCommand("endpoints canary", "Starts a canary of a version.",
                               "caisson endpoints canary delay 3", Change("canary"));
  Command promote =
      MakeCommand("endpoints promote", "Ends the canary for good: it takes all the traffic.",
                  "caisson endpoints promote delay", Change("promote"));
  Command rollback =
      MakeCommand("endpoints rollback", "Ends the canary and keeps the stable version.",
                  "caisson endpoints rollback delay --reason 'too slow'", Change("rollback"));
  Command replay =
      MakeCommand("endpoints replay",
                  "Sends recorded rows to an endpoint, one a request, and their labels after them.",
                  "caisson endpoints replay delay --file features/replay.parquet --time date "
                  "--target late --every 8",
                  RunReplay);
  for (Command* command : {&show, &canary, &promote, &rollback, &replay})
    command->positionals = {{"endpoint", "The endpoint's name"}};
  canary.positionals.push_back({"version", "The model version"});
  rollback.options = {
      {"reason", "Kept with the deployment", OptionKind::kValue, "asked for", "TEXT"}};
  replay.options = {
      {"file", "The rows, in the order of time", OptionKind::kValue, "", "FILE"},
      {"time", "The column that says when a row happened", OptionKind::kValue, "date", "COLUMN"},
      {"target", "The column with the label; empty sends none", OptionKind::kValue, "", "COLUMN"},
      {"every", "Only each n-th row", OptionKind::kValue, "1", "N"},
      {"offset", "Beginning with this one", OptionKind::kValue, "0", "N"},
      {"connections", "Connections at a time", OptionKind::kValue, "4", "N"},
      {"hold-rate",
       "Requests a second while a retrain or a canary is under way; 0 never slows down",
       OptionKind::kValue, "0", "N"}};
  std::vector<Command> commands = {list, show, canary, promote, rollback, replay};
  for (Command& command : commands) AddServerOptions(command);
  return commands;
}

}  // namespace caisson::app
