#include "base/context.h"

#include <chrono>

#include <gtest/gtest.h>

namespace caisson {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(ContextTest, BackgroundNeverEnds) {
  const Context context = Context::Background();
  EXPECT_TRUE(context.Check().ok());
  EXPECT_FALSE(context.deadline().has_value());
  EXPECT_EQ(context.TimeLeft(hours(5)), hours(5));
  EXPECT_EQ(context.principal(), "local");
  EXPECT_EQ(context.project(), "default");
  EXPECT_EQ(context.trace_id(), "");
}

TEST(ContextTest, APassedDeadlineIsAnError) {
  const Context context = Context::Background().WithTimeout(nanoseconds(0));
  EXPECT_EQ(context.Check().code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(context.TimeLeft(seconds(1)), nanoseconds(0));
}

TEST(ContextTest, TheEarlierDeadlineHolds) {
  const auto now = std::chrono::steady_clock::now();
  const Context soon = Context::Background().WithDeadline(now + seconds(10));
  EXPECT_EQ(soon.WithDeadline(now + seconds(20)).deadline(), now + seconds(10));
  EXPECT_EQ(soon.WithDeadline(now + seconds(5)).deadline(), now + seconds(5));
  EXPECT_EQ(soon.WithTimeout(hours(1)).deadline(), now + seconds(10));
}

TEST(ContextTest, TimeLeftIsBetweenZeroAndTheLimit) {
  const Context context = Context::Background().WithTimeout(hours(1));
  EXPECT_EQ(context.TimeLeft(seconds(1)), seconds(1));
  EXPECT_LE(context.TimeLeft(hours(2)), hours(1));
  EXPECT_GT(context.TimeLeft(hours(2)), hours(1) - seconds(60));
  EXPECT_EQ(context.TimeLeft(seconds(-1)), nanoseconds(0));
}

TEST(ContextTest, ATimeoutBeyondTheClockMeansNone) {
  const Context context = Context::Background().WithTimeout(nanoseconds::max());
  EXPECT_FALSE(context.deadline().has_value());
  EXPECT_TRUE(context.Check().ok());
}

TEST(ContextTest, EitherOfTwoSourcesCancels) {
  CancelSource outer, inner;
  const Context one = Context::Background().WithCancel(outer);
  const Context both = one.WithCancel(inner);
  inner.Cancel();
  inner.Cancel();
  EXPECT_EQ(both.Check().code(), StatusCode::kCancelled);
  EXPECT_TRUE(one.Check().ok());
  outer.Cancel();
  EXPECT_EQ(one.Check().code(), StatusCode::kCancelled);
  EXPECT_TRUE(outer.cancelled());
}

TEST(ContextTest, CancellationOutlivesItsSource) {
  Context context = Context::Background();
  {
    CancelSource source;
    context = context.WithCancel(source);
    source.Cancel();
  }
  EXPECT_EQ(context.Check().code(), StatusCode::kCancelled);
}

TEST(ContextTest, CarriesWhoAsksAndLeavesTheOriginalAlone) {
  const Context base = Context::Background();
  const std::string trace_id = "0af7651916cd43dd8448eb211c80319c";
  const Context context =
      base.WithPrincipal("ann").WithProject("flights").WithTraceId(trace_id).WithTimeout(hours(1));
  EXPECT_EQ(context.principal(), "ann");
  EXPECT_EQ(context.project(), "flights");
  EXPECT_EQ(context.trace_id(), trace_id);
  EXPECT_EQ(base.principal(), "local");
  EXPECT_EQ(base.trace_id(), "");
}

TEST(ContextTest, AMalformedTraceIdIsIgnored) {
  const Context base = Context::Background();
  EXPECT_EQ(base.WithTraceId("short").trace_id(), "");
  EXPECT_EQ(base.WithTraceId(std::string(32, '0')).trace_id(), "");
  EXPECT_EQ(base.WithTraceId("0AF7651916CD43DD8448EB211C80319C").trace_id(), "");
}

}  // namespace
}  // namespace caisson
