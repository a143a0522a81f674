#include "app/api_client.h"
#include "app/commands/commands.h"
#include "app/commands/server_options.h"
#include "app/output.h"

namespace caisson::app {
namespace {

Result<int> List(const Invocation& invocation) {
  CAISSON_ASSIGN(const std::unique_ptr<ApiClient> client, ApiClient::Connect(invocation));
  CAISSON_ASSIGN(const Json jobs, client->Get("/api/v1/jobs"));
  if (invocation.json_output()) {
    PrintJson(jobs);
    return kExitOk;
  }
  TextTable table({"id", "kind", "state", "attempt", "created", "why"});
  for (const Json& job : jobs["items"].array()) {
    table.Add({job["id"].AsString(), job["kind"].AsString(), job["state"].AsString(),
               std::to_string(job["attempt"].AsInt()), job["created_at"].AsString(),
               job["error"].AsString().empty() ? job["payload"]["reason"].AsString()
                                               : job["error"].AsString()});
  }
  Print(table.ToString("No jobs yet. `caisson run` makes one.\n"));
  return kExitOk;
}

Result<int> Cancel(const Invocation& invocation) {
  CAISSON_ASSIGN(const std::unique_ptr<ApiClient> client, ApiClient::Connect(invocation));
  CAISSON_TRY(
      client->Post("/api/v1/jobs/" + invocation.Argument("id") + "/cancel", Json::MakeObject()));
  Print("cancelled\n");
  return kExitOk;
}

}  // namespace

std::vector<Command> JobsCommands() {
  Command list;
  list.path = "jobs list";
  list.summary = "Lists durable work: runs and retrains.";
  list.example = "caisson jobs list";
  AddServerOptions(list);
  list.run = List;

  Command cancel;
  cancel.path = "jobs cancel";
  cancel.summary = "Ends a job.";
  cancel.example = "caisson jobs cancel 01j9x...";
  cancel.positionals = {{"id", "The job's id"}};
  AddServerOptions(cancel);
  cancel.run = Cancel;
  return {list, cancel};
}

}  // namespace caisson::app
