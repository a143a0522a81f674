#include "app/commands/commands.h"
#include "app/output.h"
#include "platform/auth/auth.h"

namespace caisson::app {

std::vector<Command> TokenCommands() {
  Command create;
  create.path = "token create";
  create.summary = "Makes an access token for `caisson up --token-file`; only its hash is stored.";
  create.example = "caisson token create alice --file tokens";
  create.positionals = {{"name", "Whom the audit log shall name"}};
  create.options = {
      {"file", "The token file; made when needed", OptionKind::kValue, "./caisson-tokens", "FILE"}};
  create.run = [](const Invocation& invocation) -> Result<int> {
    CAISSON_ASSIGN(const std::string token,
                   auth::TokenFile::Create(invocation.Value("file"), invocation.Argument("name")));
    if (invocation.json_output()) {
      PrintJson(Json::Of({{"name", invocation.Argument("name")}, {"token", token}}));
    } else {
      Print(
          fmt::format("{}\n\nThis is the only time that it is shown. Clients send it as\n"
                      "  export CAISSON_TOKEN=...          # caisson\n"
                      "  export MLFLOW_TRACKING_TOKEN=...  # MLflow\n",
                      token));
    }
    return kExitOk;
  };
  return {create};
}

}  // namespace caisson::app
