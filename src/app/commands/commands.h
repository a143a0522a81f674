// Every command of the program, one file each.
#pragma once

#include "app/command.h"

namespace caisson::app {

std::vector<Command> VersionCommands();
std::vector<Command> DoctorCommands();
std::vector<Command> InitCommands();
std::vector<Command> UpCommands();
std::vector<Command> RunCommands();  // run, plan
std::vector<Command> ExplainCommands();
std::vector<Command> DataCommands();
std::vector<Command> QueryCommands();
std::vector<Command> TrainCommands();
std::vector<Command> RunsCommands();
std::vector<Command> ModelsCommands();
std::vector<Command> EndpointsCommands();
std::vector<Command> MonitorsCommands();
std::vector<Command> JobsCommands();
std::vector<Command> TokenCommands();

}  // namespace caisson::app
