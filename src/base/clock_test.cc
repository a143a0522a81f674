#include "base/clock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace caisson {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

TEST(FormatTime, LeavesOutZeroMilliseconds) {
  EXPECT_EQ(FormatTime(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(FormatTime(989'243'100'250), "2001-05-07T13:45:00.250Z");
  EXPECT_EQ(FormatTime(951'782'400'000), "2000-02-29T00:00:00Z");
  EXPECT_EQ(FormatTime(-1), "1969-12-31T23:59:59.999Z");
}

TEST(FormatTime, HoldsForEveryInteger) {
  EXPECT_EQ(FormatTime(INT64_MAX), "292278994-08-17T07:12:55.807Z");
  EXPECT_THAT(FormatTime(INT64_MIN), HasSubstr("-05-16T16:47:04.192Z"));
}

TEST(ParseTime, TakesDatesAndTimes) {
  const UnixMillis expected = 989'243'100'000;
  for (const char* text :
       {"2001-05-07T13:45:00Z", "2001-05-07T13:45:00", "2001-05-07 13:45:00Z",
        "2001-05-07t13:45:00z", "2001-05-07T15:45:00+02:00", "2001-05-07T15:45:00+0200",
        "2001-05-07T15:45:00+02", "2001-05-07T08:15:00-05:30", "2001-05-07T13:45:00.000Z",
        "2001-05-07T13:45:00.0004999Z"}) {
    EXPECT_EQ(ParseTime(text).value_or(-1), expected) << text;
  }
  EXPECT_EQ(ParseTime("2001-05-07").value(), 989'193'600'000);
  EXPECT_EQ(ParseTime("2001-05-07T13:45:00.25Z").value(), expected + 250);
  EXPECT_EQ(ParseTime("1969-12-31T23:59:59.999Z").value(), -1);
  EXPECT_EQ(ParseTime("2016-12-31T23:59:60Z").value(), ParseTime("2017-01-01T00:00:00Z").value());
}

TEST(ParseTime, RefusesTheRest) {
  for (const char* text :
       {"", "2001", "2001-05", "2001-13-01", "2001-02-29", "1900-02-29", "2001-00-10",
        "2001-05-07T", "2001-05-07T13:45", "2001-05-07T24:00:00Z", "2001-05-07T13:60:00Z",
        "2001-05-07T13:45:00.Z", "2001-05-07T13:45:00Zx", "2001-05-07T13:45:00+2:00",
        "2001-05-07T13:45:00+25:00", " 2001-05-07", "07.05.2001", "-001-05-07"}) {
    const auto result = ParseTime(text);
    EXPECT_EQ(result.status().code(), StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(result.status().message(), HasSubstr("accepted are")) << text;
  }
}

TEST(ParseTime, IsTheInverseOfFormatTime) {
  // Steps of 100 days and some, over the years 0 to 9999.
  for (UnixMillis time = -62'167'219'200'000; time < 253'402'300'800'000; time += 8'640'012'345) {
    ASSERT_EQ(ParseTime(FormatTime(time)).value_or(-1), time) << FormatTime(time);
  }
}

TEST(ParseDuration, TakesNumbersWithUnits) {
  EXPECT_EQ(ParseDuration("90s").value(), 90s);
  EXPECT_EQ(ParseDuration("15m").value(), 15min);
  EXPECT_EQ(ParseDuration("1h30m").value(), 90min);
  EXPECT_EQ(ParseDuration("7d").value(), 7 * 24h);
  EXPECT_EQ(ParseDuration("250ms").value(), 250ms);
  EXPECT_EQ(ParseDuration("3us4ns").value(), 3004ns);
  EXPECT_EQ(ParseDuration("1.5h").value(), 90min);
  EXPECT_EQ(ParseDuration("0s").value(), 0s);
}

TEST(ParseDuration, RefusesTheRest) {
  for (const char* text : {"", "90", "s", "-1s", "1 s", "1x", "30m1h", "1s1s", "1.s", ".5s",
                           "1.2.3s", "1e3s", "1S", "300000d", "1h30"}) {
    const auto result = ParseDuration(text);
    EXPECT_EQ(result.status().code(), StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(result.status().message(), HasSubstr("90s")) << text;
  }
}

TEST(HumanDuration, IsReadAtAGlance) {
  EXPECT_EQ(HumanDuration(0ns), "0 ns");
  EXPECT_EQ(HumanDuration(820us), "820 us");
  EXPECT_EQ(HumanDuration(3420ms), "3.42 s");
  EXPECT_EQ(HumanDuration(3s), "3 s");
  EXPECT_EQ(HumanDuration(12'345us), "12.3 ms");
  EXPECT_EQ(HumanDuration(999'600us), "1 s");
  EXPECT_EQ(HumanDuration(59'960ms), "1 min");
  EXPECT_EQ(HumanDuration(125s), "2 min 5 s");
  EXPECT_EQ(HumanDuration(3h + 20min), "3 h 20 min");
  EXPECT_EQ(HumanDuration(52h), "2 d 4 h");
  EXPECT_EQ(HumanDuration(-1500ms), "-1.5 s");
  EXPECT_EQ(HumanDuration(Duration::min()), HumanDuration(-Duration::max()));
}

TEST(FakeClock, MovesOnlyByHand) {
  FakeClock clock(1000);
  const auto before = clock.monotonic();
  EXPECT_EQ(clock.now(), 1000);
  clock.Advance(2s);
  EXPECT_EQ(clock.now(), 3000);
  EXPECT_EQ(clock.monotonic() - before, 2s);
}

TEST(SystemClock, TellsTheTimeOfThisCentury) {
  const SystemClock clock;
  EXPECT_GT(clock.now(), ParseTime("2024-01-01").value());
  const auto first = clock.monotonic();
  EXPECT_GE(clock.monotonic(), first);
}

}  // namespace
}  // namespace caisson
