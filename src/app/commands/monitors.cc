#include "app/api_client.h"
#include "app/commands/commands.h"
#include "app/commands/server_options.h"
#include "app/output.h"
#include "base/files.h"
#include "base/strings.h"

namespace caisson::app {
namespace {

Result<int> List(const Invocation& invocation) {
  CAISSON_ASSIGN(const std::unique_ptr<ApiClient> client, ApiClient::Connect(invocation));
  CAISSON_ASSIGN(const Json monitors, client->Get("/api/v1/monitors"));
  if (invocation.json_output()) {
    PrintJson(monitors);
    return kExitOk;
  }
  TextTable table({"endpoint", "method", "threshold", "performance"});
  for (const Json& monitor : monitors["items"].array()) {
    const Json& spec = monitor["spec"];
    table.Add({monitor["endpoint"].AsString(), spec["drift"]["method"].AsString(),
               fmt::format("{:g}", spec["drift"]["threshold"].AsDouble()),
               spec["performance"].is_null()
                   ? "-"
                   : fmt::format("{} dropping by {:g}", spec["performance"]["metric"].AsString(),
                                 spec["performance"]["drop"].AsDouble())});
  }
  Print(table.ToString(
      "No monitors yet. Declare one under `monitors:` in caisson.yaml and run `caisson run`.\n"));
  return kExitOk;
}

std::string Figure(const Json& value) {
  return value.is_number() ? fmt::format("{:.4f}", value.AsDouble()) : "-";
}

void PrintReports(const Json& reports) {
  TextTable table({"window", "version", "predictions", "labels", "performance", "worst drift",
                   "value", "findings"});
  for (const Json& report : reports["items"].array()) {
    std::string worst = "-";
    double value = 0;
    for (const Json& feature : report["features"].array()) {
      if (feature["value"].AsDouble() < value) continue;
      worst = feature["name"].AsString();
      value = feature["value"].AsDouble();
    }
    table.Add(
        {report["start"].AsString().substr(0, 10) + " .. " + report["end"].AsString().substr(5, 5),
         std::to_string(report["version"].AsInt()), HumanCount(report["predictions"].AsInt()),
         HumanCount(report["labels"].AsInt()), Figure(report["performance"]), worst,
         fmt::format("{:.3f}", value), std::to_string(report["findings"].size())});
  }
  Print(table.ToString("No window has been evaluated yet.\n"));
  for (const Json& report : reports["items"].array()) {
    for (const Json& finding : report["findings"].array()) {
      Print(fmt::format("{}  version {}: {}\n", report["end"].AsString().substr(0, 10),
                        report["version"].AsInt(), Paint(finding.AsString(), Colour::kRed)));
    }
  }
}

Result<int> Report(const Invocation& invocation) {
  CAISSON_ASSIGN(const std::unique_ptr<ApiClient> client, ApiClient::Connect(invocation));
  const std::string endpoint = PercentEncode(invocation.Argument("endpoint"));
  if (invocation.Given("html")) {
    CAISSON_ASSIGN(const std::string page, client->GetText("/monitors/" + endpoint));
    CAISSON_TRY(WriteFileAtomic(invocation.Value("html"), page));
    Print(fmt::format("wrote {}\n", invocation.Value("html")));
    return kExitOk;
  }
  CAISSON_ASSIGN(const Json reports, client->Get("/api/v1/monitors/" + endpoint + "/reports"));
  if (invocation.json_output()) {
    PrintJson(reports);
  } else {
    PrintReports(reports);
  }
  return kExitOk;
}

Result<int> Evaluate(const Invocation& invocation) {
  CAISSON_ASSIGN(const std::unique_ptr<ApiClient> client, ApiClient::Connect(invocation));
  const std::string path = "/api/v1/monitors/" + PercentEncode(invocation.Argument("endpoint"));
  CAISSON_ASSIGN(const Json evaluated,
                 client->Post(path + "/evaluate", Json::Of({{"final", invocation.Flag("final")}})));
  if (invocation.json_output()) {
    PrintJson(evaluated);
  } else {
    PrintReports(evaluated);
  }
  return kExitOk;
}

}  // namespace

std::vector<Command> MonitorsCommands() {
  Command list;
  list.path = "monitors list";
  list.summary = "Lists monitors and their bounds.";
  list.example = "caisson monitors list";
  list.run = List;

  Command report;
  report.path = "monitors report";
  report.summary = "Shows the windows of a monitor: drift, performance, findings.";
  report.example =
      "caisson monitors report delay\ncaisson monitors report delay --html report.html";
  report.positionals = {{"endpoint", "The endpoint that is watched"}};
  report.options = {{"html", "Write a page with plots", OptionKind::kValue, "", "FILE"}};
  report.run = Report;

  Command evaluate;
  evaluate.path = "monitors evaluate";
  evaluate.summary = "Evaluates the windows that are due now instead of in a moment.";
  evaluate.example = "caisson monitors evaluate delay --final";
  evaluate.positionals = {{"endpoint", "The endpoint that is watched"}};
  evaluate.options = {{"final", "The open window too", OptionKind::kFlag, "", ""}};
  evaluate.run = Evaluate;

  std::vector<Command> commands = {list, report, evaluate};
  for (Command& command : commands) AddServerOptions(command);
  return commands;
}

}  // namespace caisson::app
