#include "lifecycle/monitoring/monitors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lifecycle/serving/testing.h"

namespace caisson::monitoring {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr UnixMillis kHour = 3'600'000;
constexpr UnixMillis kDay = 24 * kHour;
constexpr UnixMillis kStart = 11'000 * kDay;
// The feature lies evenly in [0, 1) in training, and the score is it.
constexpr char kReference[] = R"({"rows": 40,
  "features": [{"name": "load", "mean": 0.5, "missing": 0.0, "edges": [0.25, 0.5, 0.75], "counts": [10, 10, 10, 10]}],
  "metrics": {"auc": 0.9}})";

class MonitorsTest : public ::testing::Test {
 protected:
  MonitorsTest() : serving_(&MonitoringSchema()) {
    spec_.endpoint = "delay";
    spec_.window = std::chrono::hours(24);
    spec_.min_predictions = 8;
    spec_.min_labels = 4;
    spec_.performance_metric = "auc";
    spec_.on_drift = Json("retrain");
    serving::EndpointSpec endpoint;
    endpoint.name = endpoint.model = "delay";
    EXPECT_TRUE(serving_.endpoints().Put(serving_.context(), endpoint).ok());
    const int version = serving_.AddVersion(serving::testing::MeanModel(1, 0, /*columns=*/1),
                                            {{"reference.json", kReference}});
    serving_.Admit(version);
    Open();
  }

  void Open() {
    monitors_ =
        Monitors::Open({serving_.database(), serving_.registry(), serving_.endpoints(),
                        serving_.clock(), serving_.metrics(), serving_.folder() + "/reports"})
            .value();
  }
  void Put() { ASSERT_TRUE(monitors_->Put(serving_.context(), spec_).ok()); }

  // Eight answers of a day: spread as in training, or all at the top.
  std::vector<std::string> AskDay(int day, bool drifted) {
    std::vector<std::string> ids;
    for (int i = 0; i < 8; ++i) {
      const float value =
          drifted ? 0.9f + 0.01f * static_cast<float>(i) : 0.0625f + 0.125f * static_cast<float>(i);
      const auto response = serving_.Ask({value}, "", "", kStart + day * kDay + (i + 1) * kHour);
      EXPECT_TRUE(response.ok()) << Message(response.status());
      ids.push_back(response->prediction_id);
    }
    return ids;
  }
  std::vector<WindowReport> Evaluate(bool final = false) {
    auto reports = monitors_->Evaluate(serving_.context(), "delay", final);
    EXPECT_TRUE(reports.ok()) << Message(reports.status());
    return reports.ok() ? *reports : std::vector<WindowReport>();
  }
  static std::vector<int> Days(const std::vector<WindowReport>& reports) {
    std::vector<int> days;
    for (const WindowReport& report : reports) {
      days.push_back(static_cast<int>((report.start - kStart) / kDay));
    }
    return days;
  }
  std::vector<Json> Found() {
    return *serving_.database().ReadFor<std::vector<Json>>(
        serving_.context(), [](sql::Session& session) -> Result<std::vector<Json>> {
          CAISSON_ASSIGN(const auto events, events::List(session, "monitor.drift_found", "", 100));
          std::vector<Json> payloads;
          for (const events::Event& event : events) payloads.push_back(event.payload);
          return payloads;
        });
  }

  serving::testing::TestServing serving_;
  MonitorSpec spec_;
  std::unique_ptr<Monitors> monitors_;
};

TEST_F(MonitorsTest, AWindowIsEvaluatedWhenLaterPredictionsExist) {
  Put();
  EXPECT_THAT(Evaluate(), IsEmpty());
  AskDay(0, false);
  EXPECT_THAT(Evaluate(), IsEmpty());
  AskDay(1, false);
  const std::vector<WindowReport> reports = Evaluate();
  ASSERT_THAT(Days(reports), ElementsAre(0));
  EXPECT_EQ(reports[0].predictions, 8);
  EXPECT_EQ(reports[0].version, 1);
  EXPECT_TRUE(reports[0].judged);
  EXPECT_THAT(reports[0].findings, IsEmpty());
  EXPECT_NEAR(reports[0].features.at(0).value, 0, 1e-9);
  EXPECT_THAT(Evaluate(), IsEmpty());
  EXPECT_THAT(Found(), IsEmpty());
}

TEST_F(MonitorsTest, DriftIsAnnouncedOnce) {
  Put();
  AskDay(0, true);
  AskDay(1, true);
  ASSERT_THAT(Evaluate(), SizeIs(1));
  ASSERT_THAT(Found(), SizeIs(1));
  const Json payload = Found().front();
  EXPECT_EQ(payload["endpoint"].AsString(), "delay");
  EXPECT_EQ(payload["model"].AsString(), "delay");
  EXPECT_EQ(payload["version"].AsInt(), 1);
  EXPECT_EQ(payload["window_start"].AsInt(), kStart);
  EXPECT_EQ(payload["window_end"].AsInt(), kStart + kDay);
  EXPECT_EQ(payload["on_drift"].AsString(), "retrain");
  EXPECT_THAT(payload["findings"][size_t{0}].AsString(), HasSubstr("load drifted"));
  EXPECT_THAT(Evaluate(), IsEmpty());
  Open();  // a restart
  EXPECT_THAT(Evaluate(), IsEmpty());
  EXPECT_THAT(Found(), SizeIs(1));
  AskDay(2, false);
  Evaluate();
  EXPECT_THAT(Found(), SizeIs(2));  // of day 1
}

TEST_F(MonitorsTest, ACooldownHoldsFindingsBack) {
  spec_.cooldown = std::chrono::hours(72);
  Put();
  for (int day = 0; day < 6; ++day) AskDay(day, true);
  const std::vector<WindowReport> reports = Evaluate();
  ASSERT_THAT(Days(reports), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(reports[1].findings, SizeIs(1));  // the report says so all the same
  const std::vector<Json> found = Found();
  ASSERT_THAT(found, SizeIs(2));  // newest first
  EXPECT_EQ(found[1]["window_start"].AsInt(), kStart);
  EXPECT_EQ(found[0]["window_start"].AsInt(), kStart + 3 * kDay);
}

TEST_F(MonitorsTest, AFeatureMustStayBeyondForSoManyWindows) {
  spec_.drift_windows = 2;
  Put();
  AskDay(0, true);
  AskDay(1, false);
  AskDay(2, true);
  AskDay(3, true);
  AskDay(4, false);
  const std::vector<WindowReport> reports = Evaluate();
  ASSERT_THAT(Days(reports), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(reports[0].findings, IsEmpty());
  EXPECT_THAT(reports[2].findings, IsEmpty());
  EXPECT_THAT(reports[3].findings, ElementsAre(HasSubstr("in 2 windows running")));
}

TEST_F(MonitorsTest, LabelsBringAWindowBack) {
  spec_.performance_drop = 0.1;
  Put();
  const std::vector<std::string> ids = AskDay(0, false);
  AskDay(1, false);
  ASSERT_THAT(Evaluate(), SizeIs(1));
  EXPECT_EQ(monitors_->Reports(serving_.context(), "delay")->at(0).performance, std::nullopt);
  serving::PredictionLog& log = **serving_.endpoints().Log("delay");
  // The lower the score, the more often it was true: the ranking is the wrong way round.
  std::vector<serving::Label> labels;
  for (size_t i = 0; i < ids.size(); ++i) labels.push_back({ids[i], i < 4 ? 1.0f : 0.0f});
  ASSERT_TRUE(log.AddLabels(labels, 1).ok());
  const std::vector<WindowReport> reports = Evaluate();
  ASSERT_THAT(Days(reports), ElementsAre(0));
  EXPECT_EQ(reports[0].labels, 8);
  EXPECT_EQ(reports[0].performance, 0.0);
  EXPECT_EQ(reports[0].reference_performance, 0.9);
  EXPECT_THAT(reports[0].findings, ElementsAre(HasSubstr("auc is 0.0000")));
  EXPECT_THAT(Found(), SizeIs(1));
  EXPECT_THAT(Evaluate(), IsEmpty());
  EXPECT_THAT(*monitors_->Reports(serving_.context(), "delay"), SizeIs(1));
}

// A window that was looked at while it was open is judged once it has ended.
TEST_F(MonitorsTest, AnOpenWindowIsOnlyReported) {
  Put();
  AskDay(0, true);
  std::vector<WindowReport> reports = Evaluate(/*final=*/true);
  ASSERT_THAT(Days(reports), ElementsAre(0));
  EXPECT_FALSE(reports[0].whole);
  EXPECT_FALSE(reports[0].judged);
  EXPECT_THAT(Found(), IsEmpty());
  AskDay(1, false);
  reports = Evaluate();
  ASSERT_THAT(Days(reports), ElementsAre(0));
  EXPECT_TRUE(reports[0].judged);
  EXPECT_THAT(Found(), SizeIs(1));
}

TEST_F(MonitorsTest, ASmallWindowIsNotJudged) {
  spec_.min_predictions = 9;
  Put();
  AskDay(0, true);
  AskDay(1, true);
  const std::vector<WindowReport> reports = Evaluate();
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_TRUE(reports[0].features.at(0).beyond);
  EXPECT_THAT(reports[0].findings, IsEmpty());
}

// A client that sends seconds for milliseconds must not make thousands of windows, nor stop the
// others.
TEST_F(MonitorsTest, EventTimesFarApart) {
  Put();
  ASSERT_TRUE(serving_.Ask({0.5f}, "", "", kStart / 1'000).ok());
  ASSERT_TRUE(serving_.Ask({0.5f}, "", "", -5 * kDay).ok());
  AskDay(0, true);
  AskDay(40, true);
  EXPECT_THAT(Evaluate(), SizeIs(3));
  EXPECT_THAT(Found(), SizeIs(1));
  EXPECT_THAT(*monitors_->Reports(serving_.context(), "delay"), SizeIs(3));
}

// Windows stay where they are when an older prediction comes.
TEST_F(MonitorsTest, TheFirstReportFixesTheGrid) {
  spec_.window = std::chrono::hours(48);
  Put();
  AskDay(0, false);
  AskDay(2, false);
  ASSERT_THAT(Days(Evaluate()), ElementsAre(0));
  AskDay(-1, false);
  AskDay(4, false);
  Open();
  EXPECT_THAT(Days(Evaluate()), ElementsAre(-2, 2));
}

TEST_F(MonitorsTest, AVersionWithoutAReferenceIsWatchedByItsLabels) {
  Put();
  const int plain = serving_.AddVersion(serving::testing::MeanModel(1, 0, 1));
  ASSERT_TRUE(serving_.registry().SetAlias(serving_.context(), "delay", "champion", plain).ok());
  ASSERT_TRUE(serving_.endpoints().Reconcile(serving_.context()).ok());
  AskDay(0, true);
  AskDay(1, true);
  const std::vector<WindowReport> reports = Evaluate();
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].version, plain);
  EXPECT_THAT(reports[0].features, IsEmpty());
  EXPECT_THAT(reports[0].findings, IsEmpty());
}

TEST_F(MonitorsTest, ADeletedVersionStopsNothing) {
  Put();
  AskDay(0, true);
  const int next = serving_.AddVersion(serving::testing::MeanModel(1, 0, 1));
  ASSERT_TRUE(serving_.registry().SetAlias(serving_.context(), "delay", "champion", next).ok());
  ASSERT_TRUE(serving_.endpoints().Reconcile(serving_.context()).ok());
  ASSERT_TRUE(serving_.registry().DeleteVersion(serving_.context(), "delay", 1).ok());
  AskDay(1, true);
  EXPECT_THAT(Evaluate(), SizeIs(1));
}

TEST_F(MonitorsTest, PutListAndRemove) {
  EXPECT_THAT(Message(monitors_->Evaluate(serving_.context(), "delay", false).status()),
              HasSubstr("has no monitor"));
  Put();
  Put();  // the same again changes nothing
  ASSERT_THAT(*monitors_->List(serving_.context()), SizeIs(1));
  EXPECT_EQ(MonitorSpecToJson(monitors_->List(serving_.context())->front()),
            MonitorSpecToJson(spec_));
  EXPECT_THAT(*monitors_->List(serving_.context().WithProject("other")), IsEmpty());
  ASSERT_TRUE(monitors_->Remove(serving_.context(), "delay").ok());
  EXPECT_EQ(monitors_->Remove(serving_.context(), "delay").code(), StatusCode::kNotFound);
}

TEST_F(MonitorsTest, ThePageStandsAlone) {
  Put();
  AskDay(0, true);
  AskDay(1, true);
  Evaluate();
  const std::string page = *monitors_->HtmlReport(serving_.context(), "delay");
  EXPECT_THAT(page, HasSubstr("load drifted"));
  EXPECT_THAT(page, ::testing::Not(HasSubstr("<script")));
  EXPECT_THAT(page, ::testing::Not(HasSubstr("http://")));
  EXPECT_EQ(*ReadFile(serving_.folder() + "/reports/delay.html"), page);
}

}  // namespace
}  // namespace caisson::monitoring
