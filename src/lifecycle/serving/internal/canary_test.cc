#include "lifecycle/serving/internal/canary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lifecycle/serving/internal/routing.h"

namespace caisson::serving::internal {
namespace {

using ::testing::HasSubstr;

class JudgeTest : public ::testing::Test {
 protected:
  JudgeTest() {
    candidate_.canary_step = 0;
    candidate_.traffic_percent = 5;
    candidate_.step_started_at = 1'000;
  }
  CanaryVerdict At(UnixMillis now, Observation candidate, Observation stable = {100, 0, 0.002}) {
    return Judge(spec_, candidate_, candidate, stable, now);
  }

  CanarySpec spec_;  // 5, 25, 50; 30 s; 20 answers; 1 %; 3 times
  Deployment candidate_;
};

TEST_F(JudgeTest, WaitsForTimeAndForAnswers) {
  EXPECT_EQ(At(31'000, {19, 0, 0.002}).step, CanaryStep::kWait);
  EXPECT_EQ(At(30'999, {20, 0, 0.002}).step, CanaryStep::kWait);
  EXPECT_EQ(At(31'000, {20, 0, 0.002}).step, CanaryStep::kAdvance);
  EXPECT_THAT(At(2'000, {3, 0, 0}).reason, HasSubstr("3 of 20 answers, 1000 of 30000 ms"));
}

TEST_F(JudgeTest, PromotesAfterTheLastStep) {
  candidate_.canary_step = 2;
  EXPECT_EQ(At(31'000, {20, 0, 0.002}).step, CanaryStep::kPromote);
  // Steps that were taken out of the spec meanwhile count as passed.
  spec_.steps = {10};
  EXPECT_EQ(At(31'000, {20, 0, 0.002}).step, CanaryStep::kPromote);
}

TEST_F(JudgeTest, ErrorsEndTheTrialAtOnce) {
  EXPECT_EQ(At(1'001, {2, 2, 0}).step, CanaryStep::kWait);  // two say nothing yet
  const CanaryVerdict verdict = At(1'001, {3, 3, 0});
  EXPECT_EQ(verdict.step, CanaryStep::kRollBack);
  EXPECT_THAT(verdict.reason, HasSubstr("3 of 3 answers failed, more than 1 %"));
  EXPECT_EQ(At(31'000, {300, 3, 0.002}).step, CanaryStep::kAdvance);  // exactly 1 %
  EXPECT_EQ(At(31'000, {299, 3, 0.002}).step, CanaryStep::kRollBack);
}

TEST_F(JudgeTest, SlownessEndsItWhenBothHaveBeenSeen) {
  EXPECT_EQ(At(1'001, {20, 0, 0.0061}).step, CanaryStep::kRollBack);
  EXPECT_EQ(At(1'001, {20, 0, 0.0059}).step, CanaryStep::kWait);
  EXPECT_EQ(At(1'001, {19, 0, 0.5}).step, CanaryStep::kWait);
  EXPECT_EQ(At(1'001, {20, 0, 0.5}, {19, 0, 0.002}).step, CanaryStep::kWait);
  // Below a millisecond a tail is noise.
  EXPECT_EQ(At(1'001, {20, 0, 0.0029}, {100, 0, 0.0001}).step, CanaryStep::kWait);
  EXPECT_EQ(At(1'001, {20, 0, 0.0031}, {100, 0, 0.0001}).step, CanaryStep::kRollBack);
}

Route TwoArms(int percent) {
  Route route;
  route.arms.resize(2);
  route.arms[0].percent = percent;
  route.arms[1].percent = 100 - percent;
  return route;
}

TEST(ChooseArm, SpreadsRequestsWithoutIdsExactly) {
  for (const int percent : {1, 5, 25, 50, 99}) {
    const Route route = TwoArms(percent);
    int candidate = 0;
    for (uint64_t sequence = 0; sequence < 100; ++sequence) {
      candidate += &ChooseArm(route, "", sequence) == &route.arms[0];
    }
    EXPECT_EQ(candidate, percent);
  }
}

TEST(ChooseArm, AnIdMeetsTheSameArm) {
  const Route route = TwoArms(25);
  int candidate = 0;
  for (int id = 0; id < 4'000; ++id) {
    const std::string name = "request-" + std::to_string(id);
    const Arm& arm = ChooseArm(route, name, 1);
    EXPECT_EQ(&arm, &ChooseArm(route, name, 77));
    candidate += &arm == &route.arms[0];
  }
  // 25 % of 4,000 with a standard deviation of 27.
  EXPECT_NEAR(candidate, 1'000, 150);
}

// Whoever met the candidate goes on meeting it when its share grows.
TEST(ChooseArm, AGrowingShareKeepsItsRequests) {
  const Route small = TwoArms(5);
  const Route large = TwoArms(50);
  for (int id = 0; id < 1'000; ++id) {
    const std::string name = std::to_string(id);
    if (&ChooseArm(small, name, 0) != &small.arms[0]) continue;
    EXPECT_EQ(&ChooseArm(large, name, 0), &large.arms[0]);
  }
}

}  // namespace
}  // namespace caisson::serving::internal
