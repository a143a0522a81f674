// The report of a monitor as a page that stands alone: no script, no other file.
#pragma once

#include <string>
#include <vector>

#include "lifecycle/monitoring/monitors.h"

namespace caisson::monitoring::internal {

// Reports in the order of time.
std::string ReportPage(const MonitorSpec& spec, const std::vector<WindowReport>& reports);

}  // namespace caisson::monitoring::internal
