// How long a disk takes to keep its promise.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/context.h"
#include "base/status.h"

namespace caisson {

struct SyncLatency {
  Duration median{0};
  Duration worst{0};
};

// Makes `writes` small appends to a file in `folder` durable one by one, as a database commits, and
// removes the file. The folder must exist. Takes `writes` times the latency; ends with the
// context's error when that takes too long.
Result<SyncLatency> MeasureSyncLatency(const Context& context, const std::string& folder,
                                       int writes = 20);

}  // namespace caisson
