#include "app/api_client.h"
#include "app/commands/commands.h"
#include "app/commands/server_options.h"
#include "app/output.h"
#include "base/strings.h"

namespace caisson::app {
namespace {

std::string Aliases(const Json& version) {
  std::vector<std::string> names;
  for (const Json& alias : version["aliases"].array()) names.push_back(alias.AsString());
  return names.empty() ? "-" : Join(names, ", ");
}

Result<int> List(const Invocation& invocation) {
  CAISSON_ASSIGN(const std::unique_ptr<ApiClient> client, ApiClient::Connect(invocation));
  CAISSON_ASSIGN(const Json versions, client->Get("/api/v1/model-versions?model=" +
                                                  PercentEncode(invocation.Argument("model"))));
  if (invocation.json_output()) {
    PrintJson(versions);
    return kExitOk;
  }
  TextTable table({"model", "version", "aliases", "gate", "run", "created", "why"});
  for (const Json& version : versions["items"].array()) {
    table.Add({version["model"].AsString(), std::to_string(version["version"].AsInt()),
               Aliases(version), version["gate"].AsString("-"),
               version["run_id"].AsString().substr(0, 8),
               version["created_at"].AsString().substr(0, 19), version["description"].AsString()});
  }
  Print(table.ToString(
      "No models. `caisson run` registers one, and so does mlflow.register_model().\n"));
  return kExitOk;
}

std::string VersionPath(const Invocation& invocation) {
  return fmt::format("/api/v1/models/{}/versions/{}", PercentEncode(invocation.Argument("model")),
                     PercentEncode(invocation.Argument("version")));
}

Result<int> Show(const Invocation& invocation) {
  CAISSON_ASSIGN(const std::unique_ptr<ApiClient> client, ApiClient::Connect(invocation));
  CAISSON_ASSIGN(const Json version, client->Get(VersionPath(invocation)));
  if (invocation.json_output()) {
    PrintJson(version);
    return kExitOk;
  }
  Print(fmt::format("{} version {}  aliases: {}\nrun     {}\ndigest  {}\ncreated {}\n\n",
                    version["model"].AsString(), version["version"].AsInt(), Aliases(version),
                    version["run_id"].AsString(), version["digest"].AsString(),
                    version["created_at"].AsString()));
  const Json& gate = version["gate"];
  if (gate.is_object()) {
    Print(fmt::format("gate    {}, {}\n", gate["admitted"].AsBool() ? "admitted" : "refused",
                      gate["decided_at"].AsString()));
    for (const Json& line : gate["lines"].array()) {
      Print(fmt::format(
          "        {}  {}\n",
          line["passed"].AsBool() ? Paint("passed", Colour::kGreen) : Paint("failed", Colour::kRed),
          line["why"].AsString()));
    }
    Print("\n");
  }
  TextTable table({"file", "size", "sha256"});
  for (const Json& file : version["files"].array()) {
    table.Add({file["path"].AsString(), HumanBytes(static_cast<uint64_t>(file["size"].AsInt())),
               file["sha256"].AsString()});
  }
  Print(table.ToString("Its files are kept elsewhere.\n"));
  return kExitOk;
}

Result<int> Promote(const Invocation& invocation) {
  CAISSON_ASSIGN(const std::unique_ptr<ApiClient> client, ApiClient::Connect(invocation));
  const Json body =
      Json::Of({{"alias", invocation.Value("alias")}, {"force", invocation.Flag("force")}});
  CAISSON_ASSIGN(const Json answer, client->Post(VersionPath(invocation) + "/promote", body));
  if (invocation.json_output()) {
    PrintJson(answer);
  } else {
    Print(fmt::format("{}@{} is version {} now\n", answer["model"].AsString(),
                      answer["alias"].AsString(), answer["version"].AsInt()));
  }
  return kExitOk;
}

}  // namespace

std::vector<Command> ModelsCommands() {
  Command list;
  list.path = "models list";
  list.summary = "Lists model versions with their aliases and gates.";
  list.example = "caisson models list delay";
  list.positionals = {{"model", "Only this model", false}};
  list.run = List;

  Command show;
  show.path = "models show";
  show.summary = "Shows a version: its run, its files and how its gate decided.";
  show.example = "caisson models show delay 2";
  show.positionals = {{"model", "The model"}, {"version", "The version's number"}};
  show.run = Show;

  Command promote;
  promote.path = "models promote";
  promote.summary = "Moves an alias to a version; endpoints that follow it switch at once.";
  promote.example = "caisson models promote delay 2";
  promote.positionals = {{"model", "The model"}, {"version", "The version's number"}};
  promote.options = {{"alias", "The alias", OptionKind::kValue, "champion", "ALIAS"},
                     {"force", "Also a version that its gate refused", OptionKind::kFlag, "", ""}};
  promote.run = Promote;

  std::vector<Command> commands = {list, show, promote};
  for (Command& command : commands) AddServerOptions(command);
  return commands;
}

}  // namespace caisson::app
