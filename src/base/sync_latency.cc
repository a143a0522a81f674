#include "base/sync_latency.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <vector>

#include <unistd.h>

#include "base/files.h"

namespace caisson {

Result<SyncLatency> MeasureSyncLatency(const Context& context, const std::string& folder,
                                       int writes) {
  if (!FileExists(folder)) return NotFound("folder {} does not exist", folder);
  CAISSON_ASSIGN(PendingFile file, PendingFile::Create(JoinPath(folder, "sync-latency")));
  std::vector<Duration> latencies;
  for (int i = 0; i < std::max(writes, 1); ++i) {
    CAISSON_TRY(context.Check());
    const auto start = std::chrono::steady_clock::now();
    CAISSON_TRY(file.Append("one small record\n"));
    if (fdatasync(file.descriptor()) != 0) {
      return ErrnoStatus(errno, fmt::format("sync {}", file.temporary_path()));
    }
    latencies.push_back(std::chrono::steady_clock::now() - start);
  }
  std::sort(latencies.begin(), latencies.end());
  return SyncLatency{latencies[latencies.size() / 2], latencies.back()};
}

}  // namespace caisson
