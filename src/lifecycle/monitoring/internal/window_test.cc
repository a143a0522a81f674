#include "lifecycle/monitoring/internal/window.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace caisson::monitoring::internal {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();
constexpr char kReference[] = R"({
  "rows": 8,
  "features": [
    {"name": "hour", "mean": 2.5, "missing": 0.0, "edges": [1, 2, 3], "counts": [2, 2, 2, 2]},
    {"name": "empty", "mean": null, "missing": 1.0, "edges": [], "counts": [0]}],
  "score": {"name": "score", "mean": 0.5, "missing": 0.0, "edges": [0.5], "counts": [4, 4]},
  "label_rate": 0.5,
  "metrics": {"auc": 0.9}})";

Reference Parsed() { return *ParseReference(kReference, "reference.json"); }

serving::Prediction Row(float hour, float score) {
  serving::Prediction prediction;
  prediction.features = {hour, 0};
  prediction.score = score;
  return prediction;
}

TEST(ParseReference, ReadsWhatTrainingWrites) {
  const Reference reference = Parsed();
  ASSERT_EQ(reference.features.size(), 2u);
  EXPECT_EQ(reference.features[0].name, "hour");
  EXPECT_THAT(reference.features[0].histogram.counts, ElementsAre(2, 2, 2, 2));
  EXPECT_THAT(reference.features[1].histogram.edges, IsEmpty());
  ASSERT_TRUE(reference.score.has_value());
  EXPECT_EQ(reference.metrics.at("auc"), 0.9);
}

TEST(ParseReference, NamesWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"[", "reference.json"},
      {"[]", "expected an object"},
      {R"({"features": [{"name": "a", "edges": [2, 1], "counts": [1, 1, 1]}]})",
       "features[0]: `edges` must be numbers that grow"},
      {R"({"features": [{"name": "a", "edges": [1, 1], "counts": [1, 1, 1]}]})", "grow"},
      {R"({"features": [{"name": "a", "edges": ["1"], "counts": [1, 1]}]})", "grow"},
      {R"({"features": [{"name": "a", "edges": [1], "counts": [1]}]})", "1 counts for 1 edges"},
      {R"({"features": [{"name": "a", "edges": [1], "counts": [1, -1]}]})", "`counts` has -1"},
      {R"({"features": [{"name": "a", "edges": [1], "counts": [1, "x"]}]})", "`counts` has \"x\""},
      {R"({"features": [{"edges": [], "counts": [1]}]})", "name"},
      {R"({"score": {"name": "s", "edges": [], "counts": []}})", "score: 0 counts"},
  };
  for (const auto& [text, problem] : cases) {
    const auto reference = ParseReference(text, "reference.json");
    ASSERT_FALSE(reference.ok()) << text;
    EXPECT_THAT(Message(reference.status()), HasSubstr(problem));
  }
}

TEST(WindowCollector, SumsUpAWindow) {
  const Reference reference = Parsed();
  WindowCollector collector(reference);
  const float yes = 1;
  const float no = 0;
  collector.Add(Row(3, 0.75f), &yes);
  collector.Add(Row(5, 0.25f), &no);
  collector.Add(Row(kMissing, kMissing), nullptr);
  collector.Add(Row(std::numeric_limits<float>::infinity(), 0.5f), nullptr);
  MonitorSpec spec;
  spec.drift_bins = 4;
  spec.drift_threshold = 0.5;
  const WindowReport report = *collector.Finish(spec);
  EXPECT_EQ(report.predictions, 4);
  EXPECT_EQ(report.labels, 2);
  EXPECT_EQ(report.label_rate, 0.5);
  EXPECT_EQ(report.mean_score, 0.5);  // of the three that have one
  EXPECT_EQ(report.performance, 1.0);
  EXPECT_EQ(report.reference_performance, 0.9);
  ASSERT_EQ(report.features.size(), 3u);
  const FeatureDrift& hour = report.features[0];
  EXPECT_EQ(hour.mean, 4);
  EXPECT_EQ(hour.missing_share, 0.25);
  EXPECT_THAT(hour.counts, ElementsAre(0, 0, 0, 3));
  EXPECT_TRUE(hour.beyond);
  EXPECT_EQ(report.features[2].name, "score");
}

TEST(WindowCollector, OnlyWatchedFeaturesAreBeyond) {
  const Reference reference = Parsed();
  WindowCollector collector(reference);
  for (int i = 0; i < 10; ++i) collector.Add(Row(100, 0.9f), nullptr);
  MonitorSpec spec;
  spec.drift_features = {"score"};
  const WindowReport report = *collector.Finish(spec);
  EXPECT_GT(report.features[0].value, spec.drift_threshold);
  EXPECT_FALSE(report.features[0].beyond);
  EXPECT_TRUE(report.features[2].beyond);
}

// A request may have other columns than the model's training table, for example when it was logged
// without features.
TEST(WindowCollector, TakesRowsOfOtherWidths) {
  const Reference reference = Parsed();
  WindowCollector collector(reference);
  serving::Prediction bare;
  bare.score = 0.5f;
  collector.Add(bare, nullptr);
  serving::Prediction wide;
  wide.features = {1, 2, 3, 4};
  collector.Add(wide, nullptr);
  const WindowReport report = *collector.Finish({});
  EXPECT_EQ(report.predictions, 2);
  EXPECT_THAT(report.features[0].counts, ElementsAre(0, 1, 0, 0));
}

class FindingsTest : public ::testing::Test {
 protected:
  FindingsTest() { spec_.min_labels = 10; }

  // A judged window of the given day whose feature `hour` is beyond the threshold or not.
  static WindowReport Window(int day, bool beyond) {
    WindowReport report;
    report.start = day * 86'400'000ll;
    report.end = report.start + 86'400'000;
    report.whole = report.judged = true;
    FeatureDrift drift;
    drift.name = "hour";
    drift.value = beyond ? 0.5 : 0.1;
    drift.beyond = beyond;
    report.features = {drift};
    return report;
  }

  MonitorSpec spec_;
};

TEST_F(FindingsTest, OneWindowIsEnoughByDefault) {
  EXPECT_THAT(Findings(spec_, Window(3, true), {}),
              ElementsAre(HasSubstr("hour drifted: 0.500, above 0.2")));
  EXPECT_THAT(Findings(spec_, Window(3, false), {}), IsEmpty());
}

TEST_F(FindingsTest, CountsWindowsThatFollowEachOther) {
  spec_.drift_windows = 3;
  const WindowReport now = Window(3, true);
  EXPECT_THAT(Findings(spec_, now, {Window(2, true)}), IsEmpty());
  EXPECT_THAT(Findings(spec_, now, {Window(1, true), Window(2, true)}),
              ElementsAre(HasSubstr("in 3 windows running")));
  EXPECT_THAT(Findings(spec_, now, {Window(1, true), Window(2, false)}), IsEmpty());
  // A gap, or a window that was too small to judge, ends the row.
  EXPECT_THAT(Findings(spec_, now, {Window(0, true), Window(1, true)}), IsEmpty());
  WindowReport small = Window(2, true);
  small.judged = false;
  EXPECT_THAT(Findings(spec_, now, {Window(1, true), small}), IsEmpty());
}

TEST_F(FindingsTest, AWindowThatIsNotJudgedFindsNothing) {
  WindowReport report = Window(3, true);
  report.judged = false;
  EXPECT_THAT(Findings(spec_, report, {}), IsEmpty());
}

TEST_F(FindingsTest, APerformanceThatFell) {
  WindowReport report = Window(3, false);
  report.labels = 10;
  report.performance = 0.80;
  report.reference_performance = 0.90;
  EXPECT_THAT(Findings(spec_, report, {}),
              ElementsAre(HasSubstr("auc is 0.8000, 0.1000 worse than at training (0.9000)")));
  report.performance = 0.86;  // within the 0.05 that are accepted
  EXPECT_THAT(Findings(spec_, report, {}), IsEmpty());
  report.performance = 0.5;
  report.labels = 9;
  EXPECT_THAT(Findings(spec_, report, {}), IsEmpty());
  report.labels = 10;
  report.reference_performance.reset();
  EXPECT_THAT(Findings(spec_, report, {}), IsEmpty());
}

TEST_F(FindingsTest, MoreLogLossIsWorse) {
  spec_.performance_metric = "logloss";
  WindowReport report = Window(3, false);
  report.labels = 10;
  report.reference_performance = 0.4;
  report.performance = 0.5;
  EXPECT_THAT(Findings(spec_, report, {}), ElementsAre(HasSubstr("logloss is 0.5000")));
  report.performance = 0.3;
  EXPECT_THAT(Findings(spec_, report, {}), IsEmpty());
}

}  // namespace
}  // namespace caisson::monitoring::internal
