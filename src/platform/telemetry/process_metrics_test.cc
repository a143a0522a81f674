#include <chrono>
#include <cstdlib>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "platform/telemetry/metrics.h"

namespace caisson::telemetry {
namespace {

double ValueOf(const std::string& text, const std::string& name) {
  const size_t place = text.find("\n" + name + " ");
  EXPECT_NE(place, std::string::npos) << name << " in\n" << text;
  if (place == std::string::npos) return -1;
  return std::strtod(text.c_str() + place + name.size() + 2, nullptr);
}

TEST(ProcessMetricsTest, AreTrueOfThisProcess) {
  Registry registry;
  AddProcessMetrics(registry);
  const std::string before = registry.Expose();
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  const double started = ValueOf(before, "process_start_time_seconds");
  EXPECT_GT(started, now - 600);
  EXPECT_LT(started, now + 2);
  EXPECT_GE(ValueOf(before, "process_open_fds"), 3);
  EXPECT_GT(ValueOf(before, "process_max_fds"), ValueOf(before, "process_open_fds"));

  std::string block(100'000'000, 'x');
  const FileDescriptor file(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const std::string after = registry.Expose();
  EXPECT_GT(ValueOf(after, "process_resident_memory_bytes"),
            ValueOf(before, "process_resident_memory_bytes") + 90'000'000);
  EXPECT_GT(ValueOf(after, "process_virtual_memory_bytes"),
            ValueOf(after, "process_resident_memory_bytes"));
  EXPECT_EQ(ValueOf(after, "process_open_fds"), ValueOf(before, "process_open_fds") + 1);
  EXPECT_GT(ValueOf(after, "process_cpu_seconds_total"),
            ValueOf(before, "process_cpu_seconds_total"));
  EXPECT_NE(after.find("# TYPE process_cpu_seconds_total counter"), std::string::npos);
  EXPECT_EQ(block[9], 'x');
}

}  // namespace
}  // namespace caisson::telemetry
