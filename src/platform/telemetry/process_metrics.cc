#include <cstdlib>
#include <limits>

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/files.h"
#include "base/process.h"
#include "base/strings.h"
#include "platform/telemetry/metrics.h"

namespace caisson::telemetry {
namespace {

double CpuSeconds() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

// The fields of /proc/self/stat from the third on (proc(5)); the second, the name, may hold
// anything.
std::vector<std::string> StatFields() {
  const Result<std::string> text = ReadFile("/proc/self/stat");
  if (!text.ok()) return {};
  const size_t name_end = text->rfind(") ");
  if (name_end == std::string::npos) return {};
  return Split(std::string_view(*text).substr(name_end + 2), ' ');
}

double NumberAt(const std::vector<std::string>& fields, size_t field) {
  // proc(5) counts from 1, and two fields are gone.
  return field - 3 < fields.size() ? ParseDouble(fields[field - 3]).value_or(0) : 0;
}

double BootTimeSeconds() {
  const Result<std::string> text = ReadFile("/proc/stat");
  if (!text.ok()) return 0;
  const size_t place = text->find("\nbtime ");
  return place == std::string::npos ? 0 : std::strtod(text->c_str() + place + 7, nullptr);
}

double MaxOpenFiles() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur == RLIM_INFINITY ? std::numeric_limits<double>::infinity()
                                         : static_cast<double>(limit.rlim_cur);
}

}  // namespace

void AddProcessMetrics(Registry& registry) {
  constexpr size_t kVirtualMemory = 23;
  constexpr size_t kStartTicks = 22;
  registry.GetGauge("process_start_time_seconds", "When the process started, in Unix seconds.")
      .Set(BootTimeSeconds() +
           NumberAt(StatFields(), kStartTicks) / static_cast<double>(sysconf(_SC_CLK_TCK)));
  Gauge& resident =
      registry.GetGauge("process_resident_memory_bytes", "Memory of the process that is in RAM.");
  Gauge& address_space =
      registry.GetGauge("process_virtual_memory_bytes", "Address space of the process.");
  Gauge& cpu = registry.GetExternalCounter("process_cpu_seconds_total",
                                           "User and system CPU time of the process.");
  Gauge& open_files = registry.GetGauge("process_open_fds", "Open file descriptors.");
  Gauge& max_files = registry.GetGauge("process_max_fds", "File descriptors that may be open.");
  registry.AddCollector([&](Registry&) {
    resident.Set(static_cast<double>(ResidentMemoryBytes()));
    address_space.Set(NumberAt(StatFields(), kVirtualMemory));
    cpu.Set(CpuSeconds());
    max_files.Set(MaxOpenFiles());
    // One of the entries is the descriptor of the listing itself.
    const auto entries = ListDirectory("/proc/self/fd");
    if (entries.ok()) open_files.Set(static_cast<double>(entries->size()) - 1);
  });
}

}  // namespace caisson::telemetry
