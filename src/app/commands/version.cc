#include "app/version.h"

#include "app/commands/commands.h"
#include "app/output.h"

namespace caisson::app {

std::vector<Command> VersionCommands() {
  Command command;
  command.path = "version";
  command.summary = "Prints the program's version.";
  command.example = "caisson version -o json";
  command.run = [](const Invocation& invocation) -> Result<int> {
    if (invocation.json_output()) {
      PrintJson(Json::Of({{"version", Version()}, {"compiler", CompilerName()}}));
    } else {
      Print(fmt::format("caisson {} ({})\n", Version(), CompilerName()));
    }
    return kExitOk;
  };
  return {command};
}

}  // namespace caisson::app
