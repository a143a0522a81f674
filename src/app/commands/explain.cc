#include "app/api_client.h"
#include "app/commands/commands.h"
#include "app/commands/server_options.h"
#include "app/output.h"
#include "base/files.h"
#include "base/strings.h"

namespace caisson::app {
namespace {

Result<int> Explain(const Invocation& invocation) {
  CAISSON_ASSIGN(const std::unique_ptr<ApiClient> client, ApiClient::Connect(invocation));
  const std::string path =
      fmt::format("/api/v1/explain/{}/{}", PercentEncode(invocation.Argument("kind")),
                  PercentEncode(invocation.Argument("name"), "/"));
  std::string format = invocation.Value("format");
  if (invocation.json_output()) format = "json";
  if (format == "json") {
    CAISSON_ASSIGN(const Json graph, client->Get(path + "?format=json"));
    PrintJson(graph);
    return kExitOk;
  }
  CAISSON_ASSIGN(const std::string drawing,
                 client->GetText(path + "?format=" + PercentEncode(format)));
  if (invocation.Given("out")) {
    CAISSON_TRY(WriteFileAtomic(invocation.Value("out"), drawing));
    Print(fmt::format("wrote {}\n", invocation.Value("out")));
  } else {
    Print(drawing);
  }
  return kExitOk;
}

}  // namespace

std::vector<Command> ExplainCommands() {
  Command command;
  command.path = "explain";
  command.summary =
      "Shows what stands behind an answer, an endpoint or a model version, back to the raw data.";
  command.example =
      "caisson explain endpoint delay\ncaisson explain prediction 01j9... --format svg --out "
      "chain.svg";
  command.positionals = {
      {"kind", "prediction, endpoint, model_version, run, deployment, dataset_version, ..."},
      {"name", "Its id or name, for example delay or delay/3"}};
  command.options = {{"format", "tree, mermaid, svg or json", OptionKind::kValue, "tree", "FORMAT"},
                     {"out", "Write to a file", OptionKind::kValue, "", "FILE"}};
  AddServerOptions(command);
  command.run = Explain;
  return {command};
}

}  // namespace caisson::app
