#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lifecycle/monitoring/internal/window.h"
#include "lifecycle/monitoring/monitors.h"

namespace caisson::monitoring {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Result<MonitorSpec> Parse(std::string_view text, std::string_view name = "delay") {
  return ParseMonitorSpec(name, *ParseJson(text), "caisson.yaml: monitors.delay");
}

TEST(MonitorSpec, HasDefaults) {
  const MonitorSpec spec = *Parse("{}");
  EXPECT_EQ(spec.endpoint, "delay");
  EXPECT_EQ(spec.window, std::chrono::hours(7 * 24));
  EXPECT_EQ(spec.drift_method, DriftMethod::kPsi);
  EXPECT_EQ(spec.drift_threshold, 0.2);
  EXPECT_EQ(spec.performance_metric, "");  // watched only where it is asked for
  EXPECT_TRUE(spec.on_drift.is_null());
}

TEST(MonitorSpec, SurvivesWritingAndReading) {
  const MonitorSpec spec = *Parse(R"({
      "window": "12h", "cooldown": "3d", "min_predictions": 10, "min_labels": 5,
      "drift": {"method": "js", "bins": 7, "threshold": 0.05, "windows": 3, "features": ["hour", "score"]},
      "performance": {"metric": "logloss", "drop": 0.1},
      "on_drift": {"retrain": {"set": {"prepare.as_of": "window_end"}}}})");
  EXPECT_EQ(spec.drift_method, DriftMethod::kJensenShannon);
  EXPECT_THAT(spec.drift_features, ElementsAre("hour", "score"));
  EXPECT_EQ(spec.cooldown, std::chrono::hours(72));
  const Json written = MonitorSpecToJson(spec);
  const auto again = ParseMonitorSpec("delay", written, "again");
  ASSERT_TRUE(again.ok()) << Message(again.status());
  EXPECT_EQ(MonitorSpecToJson(*again), written);
  EXPECT_EQ(again->window, std::chrono::hours(12));
  EXPECT_EQ(again->drift_windows, 3);
  EXPECT_EQ(again->performance_drop, 0.1);
  EXPECT_EQ(again->on_drift, spec.on_drift);
  // Without a performance section none is watched after reading either.
  EXPECT_EQ(ParseMonitorSpec("delay", MonitorSpecToJson(*Parse("{}")), "again")->performance_metric,
            "");
}

TEST(MonitorSpec, RefusesWhatCannotBeMeant) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"windw": "1d"})", "windw"},
      {R"({"window": "90"})", "monitors.delay.window"},
      {R"({"window": "10s"})", "window is 10s; at least 1m is accepted"},
      {R"({"reference": "last_week"})", "'training' is accepted"},
      {R"({"drift": {"method": "chi2"}})", "method is 'chi2'; psi, ks and js are accepted"},
      {R"({"drift": {"bins": 1}})", "bins is 1; 2 to 20"},
      {R"({"drift": {"bins": 4294967306}})", "bins is 4294967306; 2 to 20"},
      {R"({"drift": {"windows": 0}})", "windows is 0"},
      {R"({"drift": {"threshold": 0}})", "threshold is 0"},
      {R"({"performance": {"metric": "f1"}})", "auc, logloss and accuracy"},
      {R"({"performance": {"drop": -1}})", "drop is -1"},
      {R"({"min_predictions": -1})", "min_predictions is -1"},
  };
  for (const auto& [text, problem] : cases) {
    const auto spec = Parse(text);
    ASSERT_FALSE(spec.ok()) << text;
    EXPECT_EQ(spec.status().code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(Message(spec.status()), HasSubstr(problem));
    EXPECT_THAT(Message(spec.status()), HasSubstr("monitors.delay")) << text;
  }
}

// The name becomes a file's name.
TEST(MonitorSpec, RefusesNamesThatAreNoNames) {
  for (const char* name : {"", "..", "../../etc/x", "a/b", ".hidden", "a b"}) {
    EXPECT_FALSE(Parse("{}", name).ok()) << name;
  }
  EXPECT_TRUE(Parse("{}", "delay-2.beta_1").ok());
}

TEST(WindowReport, SurvivesWritingAndReading) {
  WindowReport report;
  report.id = "delay/3/2001-05-07T00:00";
  report.endpoint = "delay";
  report.model = "late";
  report.version = 3;
  report.start = 989'193'600'000;
  report.end = report.start + 86'400'000;
  report.predictions = 100;
  report.labels = 40;
  report.whole = true;
  report.performance = 0.75;
  report.mean_score = 0.25;
  report.findings = {"hour drifted"};
  report.evaluated_at = 1'000'000'000'123;
  report.features = {{"hour", 0.3, true, 12.5, 13.5, 0.125, {1, 2}, {3, 4, 5}, {6, 7, 8}}};
  const Json written = Monitors::ReportToJson(report);
  const WindowReport again = *internal::ReportFromJson(written);
  EXPECT_EQ(Monitors::ReportToJson(again), written);
  EXPECT_EQ(again.start, report.start);
  EXPECT_TRUE(again.whole);
  EXPECT_FALSE(again.judged);
  EXPECT_EQ(again.reference_performance, std::nullopt);
  EXPECT_THAT(again.features.front().counts, ElementsAre(6, 7, 8));
}

}  // namespace
}  // namespace caisson::monitoring
