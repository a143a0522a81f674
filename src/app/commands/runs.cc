#include <set>

#include "app/api_client.h"
#include "app/commands/commands.h"
#include "app/commands/server_options.h"
#include "app/output.h"
#include "base/strings.h"

namespace caisson::app {
namespace {

// The metrics that most runs have, so that the table stays narrow.
std::vector<std::string> CommonMetrics(const Json& runs, size_t most) {
  std::map<std::string, int> counts;
  for (const Json& run : runs.array()) {
    for (const auto& [name, value] : run["metrics"].object()) ++counts[name];
  }
  static const std::vector<std::string> kPreferred = {"auc", "accuracy", "logloss", "loss",
                                                      "p99_ms"};
  std::vector<std::string> chosen;
  for (const std::string& name : kPreferred) {
    if (counts.erase(name) > 0 && chosen.size() < most) chosen.push_back(name);
  }
  for (const auto& [name, count] : counts) {
    if (chosen.size() < most && name.find('/') == std::string::npos) chosen.push_back(name);
  }
  return chosen;
}

std::string Figure(const Json& value) {
  return value.is_number() ? fmt::format("{:.5g}", value.AsDouble()) : "-";
}

Result<int> List(const Invocation& invocation) {
  CAISSON_ASSIGN(const std::unique_ptr<ApiClient> client, ApiClient::Connect(invocation));
  std::string path = "/api/v1/runs?limit=" + PercentEncode(invocation.Value("limit"));
  for (const char* name : {"filter", "experiment"}) {
    if (invocation.Given(name))
      path += fmt::format("&{}={}", name, PercentEncode(invocation.Value(name)));
  }
  if (invocation.Given("order-by"))
    path += "&order_by=" + PercentEncode(invocation.Value("order-by"));
  CAISSON_ASSIGN(const Json runs, client->Get(path));
  if (invocation.json_output()) {
    PrintJson(runs);
    return kExitOk;
  }
  const std::vector<std::string> metrics = CommonMetrics(runs["items"], 4);
  std::vector<std::string> headers = {"run", "name", "status", "started"};
  headers.insert(headers.end(), metrics.begin(), metrics.end());
  TextTable table(headers);
  for (const Json& run : runs["items"].array()) {
    std::vector<std::string> row = {run["run_id"].AsString().substr(0, 8), run["name"].AsString(),
                                    run["status"].AsString(),
                                    run["start_time"].AsString().substr(0, 19)};
    for (const std::string& metric : metrics) row.push_back(Figure(run["metrics"][metric]));
    table.Add(std::move(row));
  }
  Print(table.ToString("No runs. `caisson run` makes some, and so does any MLflow client.\n"));
  return kExitOk;
}

Result<int> Show(const Invocation& invocation) {
  CAISSON_ASSIGN(const std::unique_ptr<ApiClient> client, ApiClient::Connect(invocation));
  CAISSON_ASSIGN(const Json run,
                 client->Get("/api/v1/runs/" + PercentEncode(invocation.Argument("run"))));
  if (invocation.json_output()) {
    PrintJson(run);
    return kExitOk;
  }
  Print(fmt::format("run {}  {}  {}\nstarted {}, ended {}\n", run["run_id"].AsString(),
                    run["name"].AsString(), run["status"].AsString(), run["start_time"].AsString(),
                    run["end_time"].AsString("-")));
  for (const char* section : {"params", "metrics", "tags"}) {
    TextTable table({section, "value"});
    for (const auto& [name, value] : run[section].object()) {
      table.Add({name, value.is_string() ? value.AsString() : Figure(value)});
    }
    Print("\n" + table.ToString(fmt::format("no {}\n", section)));
  }
  return kExitOk;
}

Result<int> Compare(const Invocation& invocation) {
  CAISSON_ASSIGN(const std::unique_ptr<ApiClient> client, ApiClient::Connect(invocation));
  Json runs = Json::MakeArray();
  for (const std::string& id : invocation.Arguments("run")) {
    CAISSON_ASSIGN(Json run, client->Get("/api/v1/runs/" + PercentEncode(id)));
    runs.Append(std::move(run));
  }
  if (invocation.json_output()) {
    PrintJson(runs);
    return kExitOk;
  }
  std::vector<std::string> headers = {"what"};
  for (const Json& run : runs.array()) headers.push_back(run["run_id"].AsString().substr(0, 8));
  TextTable table(headers);
  for (const char* section : {"params", "metrics"}) {
    std::set<std::string> names;
    for (const Json& run : runs.array()) {
      for (const auto& [name, value] : run[section].object()) names.insert(name);
    }
    for (const std::string& name : names) {
      std::vector<std::string> row = {name};
      bool differs = false;
      for (const Json& run : runs.array()) {
        const Json& value = run[section][name];
        row.push_back(value.is_null() ? "-" : value.is_string() ? value.AsString() : Figure(value));
        differs = differs || row.back() != row[1];
      }
      if (differs || invocation.Flag("all")) table.Add(std::move(row));
    }
  }
  Print(table.ToString("The runs are alike in every parameter and metric.\n"));
  return kExitOk;
}

Result<int> Delete(const Invocation& invocation) {
  CAISSON_ASSIGN(const std::unique_ptr<ApiClient> client, ApiClient::Connect(invocation));
  for (const std::string& id : invocation.Arguments("run")) {
    CAISSON_ASSIGN(const Json run,
                   client->Call(http::Method::kDelete, "/api/v1/runs/" + PercentEncode(id)));
    Print(fmt::format("deleted {}; an MLflow client can restore it\n", run["run_id"].AsString()));
  }
  return kExitOk;
}

}  // namespace

std::vector<Command> RunsCommands() {
  Command list;
  list.path = "runs list";
  list.summary = "Lists runs, by MLflow's filter and order.";
  list.example = "caisson runs list --filter \"metrics.auc > 0.7\" --order-by \"metrics.auc DESC\"";
  list.options = {{"filter", "MLflow's filter language", OptionKind::kValue, "", "FILTER"},
                  {"order-by", "MLflow's order, for example 'metrics.auc DESC'", OptionKind::kValue,
                   "", "ORDER"},
                  {"experiment", "Only this experiment", OptionKind::kValue, "", "NAME"},
                  {"limit", "The most runs", OptionKind::kValue, "50", "N"}};
  list.run = List;

  Command show;
  show.path = "runs show";
  show.summary = "Shows one run; the first digits of its id are enough.";
  show.example = "caisson runs show 3f2a";
  show.positionals = {{"run", "The run's id"}};
  show.run = Show;

  Command compare;
  compare.path = "runs compare";
  compare.summary = "Shows where runs differ, side by side.";
  compare.example = "caisson runs compare 3f2a 91bc";
  compare.positionals = {{"run", "Ids of runs", true, true}};
  compare.options = {{"all", "Also what is alike", OptionKind::kFlag, "", ""}};
  compare.run = Compare;

  Command remove;
  remove.path = "runs delete";
  remove.summary = "Marks runs as deleted.";
  remove.example = "caisson runs delete 3f2a";
  remove.positionals = {{"run", "Ids of runs", true, true}};
  remove.run = Delete;

  std::vector<Command> commands = {list, show, compare, remove};
  for (Command& command : commands) AddServerOptions(command);
  return commands;
}

}  // namespace caisson::app
