// caisson: the program.
#include <csignal>

#include "app/commands/commands.h"
#include "base/log.h"

int main(int argc, char** argv) {
  using namespace caisson;
  std::signal(SIGPIPE, SIG_IGN);
  // Commands speak through what they print; `caisson up` sets its own level.
  ConfigureLog(LogLevel::kWarning, LogFormat::kAuto);
  app::CommandLine command_line;
  for (const auto& commands :
       {app::InitCommands(), app::RunCommands(), app::UpCommands(), app::ExplainCommands(),
        app::DataCommands(), app::RunsCommands(), app::ModelsCommands(), app::EndpointsCommands(),
        app::MonitorsCommands(), app::JobsCommands(), app::QueryCommands(), app::TrainCommands(),
        app::TokenCommands(), app::DoctorCommands(), app::VersionCommands()}) {
    for (const app::Command& command : commands) command_line.Add(command);
  }
  return command_line.Run(argc, argv);
}
