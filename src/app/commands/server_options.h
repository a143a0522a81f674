// Options that every command that talks to the API has.
#pragma once

#include "app/command.h"

namespace caisson::app {

inline void AddServerOptions(Command& command) {
  command.options.push_back(
      {"data", "The data folder", OptionKind::kValue, "./caisson-data", "DIR"});
  command.options.push_back(
      {"server", "A running server; otherwise CAISSON_URL, then whoever holds the data folder",
       OptionKind::kValue, "", "URL"});
}

}  // namespace caisson::app
