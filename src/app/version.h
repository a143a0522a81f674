// What this program is.
#pragma once

#include <string>

namespace caisson::app {

std::string Version();       // "0.1.0"
std::string CompilerName();  // "g++ 12.2.0"

}  // namespace caisson::app
