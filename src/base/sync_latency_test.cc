#include "base/sync_latency.h"

#include <gtest/gtest.h>

#include "base/files.h"

namespace caisson {
namespace {

TEST(SyncLatencyTest, MeasuresAndLeavesNothing) {
  const auto folder = TemporaryDirectory::Create();
  ASSERT_TRUE(folder.ok()) << folder.status();
  const auto latency = MeasureSyncLatency(Context::Background(), folder->path(), 5);
  ASSERT_TRUE(latency.ok()) << latency.status();
  EXPECT_GT(latency->median.count(), 0);
  EXPECT_GE(latency->worst, latency->median);
  EXPECT_TRUE(ListDirectory(folder->path())->empty());
}

TEST(SyncLatencyTest, EndsWithItsContextAndRefusesAMissingFolder) {
  const auto folder = TemporaryDirectory::Create();
  ASSERT_TRUE(folder.ok()) << folder.status();
  const Context over = Context::Background().WithTimeout(Duration(0));
  EXPECT_EQ(MeasureSyncLatency(over, folder->path()).status().code(),
            StatusCode::kDeadlineExceeded);
  const std::string missing = JoinPath(folder->path(), "none");
  EXPECT_EQ(MeasureSyncLatency(Context::Background(), missing).status().code(),
            StatusCode::kNotFound);
  EXPECT_TRUE(ListDirectory(folder->path())->empty());
}

}  // namespace
}  // namespace caisson
