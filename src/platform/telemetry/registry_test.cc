#include <cmath>
#include <limits>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/telemetry/metrics.h"

namespace caisson::telemetry {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(RegistryTest, TheSameNameAndLabelsAreTheSameObject) {
  Registry registry;
  Counter& counter = registry.GetCounter("a_total", "A.", {{"x", "1"}});
  EXPECT_EQ(&registry.GetCounter("a_total", "A.", {{"x", "1"}}), &counter);
  EXPECT_NE(&registry.GetCounter("a_total", "A.", {{"x", "2"}}), &counter);
  EXPECT_NE(&registry.GetCounter("a_total", "A."), &counter);
  Histogram& histogram = registry.GetHistogram("h", "H.", {}, {1, 2});
  EXPECT_EQ(&registry.GetHistogram("h", "H.", {}, {1, 2}), &histogram);
  Gauge& gauge = registry.GetGauge("g", "G.");
  EXPECT_EQ(&registry.GetGauge("g", "G."), &gauge);
}

TEST(RegistryTest, ExposesTheTextFormat) {
  Registry registry;
  registry
      .GetCounter("requests_total", "Requests\nby \"route\" \\.",
                  {{"route", "/v2/models/{name}"}, {"code", "200"}})
      .Increment(7);
  registry.GetCounter("requests_total", "", {{"route", "a\"b\\c\nd"}, {"code", "500"}});
  registry.GetGauge("depth", "Depth.").Set(-2.5);
  Histogram& histogram = registry.GetHistogram("seconds", "Time.", {{"m", "x"}}, {0.00005, 1});
  histogram.Observe(0.00001);
  histogram.Observe(0.5);
  histogram.Observe(0.5);
  histogram.Observe(10);
  EXPECT_EQ(registry.Expose(),
            "# HELP depth Depth.\n"
            "# TYPE depth gauge\n"
            "depth -2.5\n"
            "# HELP requests_total Requests\\nby \"route\" \\\\.\n"
            "# TYPE requests_total counter\n"
            "requests_total{code=\"200\",route=\"/v2/models/{name}\"} 7\n"
            "requests_total{code=\"500\",route=\"a\\\"b\\\\c\\nd\"} 0\n"
            "# HELP seconds Time.\n"
            "# TYPE seconds histogram\n"
            "seconds_bucket{m=\"x\",le=\"5e-05\"} 1\n"
            "seconds_bucket{m=\"x\",le=\"1\"} 3\n"
            "seconds_bucket{m=\"x\",le=\"+Inf\"} 4\n"
            "seconds_sum{m=\"x\"} 11.00001\n"
            "seconds_count{m=\"x\"} 4\n");
}

TEST(RegistryTest, ExposesValuesThatAreNotNumbers) {
  Registry registry;
  registry.GetGauge("a", "").Set(std::nan(""));
  registry.GetGauge("b", "").Set(std::numeric_limits<double>::infinity());
  registry.GetGauge("c", "").Set(-std::numeric_limits<double>::infinity());
  registry.GetGauge("d", "").Set(1e300);
  const std::string text = registry.Expose();
  EXPECT_THAT(text, HasSubstr("\na NaN\n"));
  EXPECT_THAT(text, HasSubstr("\nb +Inf\n"));
  EXPECT_THAT(text, HasSubstr("\nc -Inf\n"));
  EXPECT_THAT(text, HasSubstr("\nd 1e+300\n"));
}

TEST(RegistryTest, CollectorsRunAtEachScrapeAndMayAddSeries) {
  Registry registry;
  int scrapes = 0;
  registry.AddCollector([&](Registry& target) {
    ++scrapes;
    target.GetGauge("scrapes", "", {{"n", std::to_string(scrapes)}}).Set(scrapes);
  });
  EXPECT_THAT(registry.Expose(), HasSubstr("scrapes{n=\"1\"} 1\n"));
  EXPECT_THAT(registry.Expose(), HasSubstr("scrapes{n=\"2\"} 2\n"));
  EXPECT_EQ(scrapes, 2);
}

TEST(RegistryTest, ACounterKeptElsewhereIsExposedAsCounter) {
  Registry registry;
  registry.GetExternalCounter("cpu_seconds_total", "CPU.").Set(1.25);
  EXPECT_THAT(registry.Expose(),
              HasSubstr("# TYPE cpu_seconds_total counter\ncpu_seconds_total 1.25\n"));
}

TEST(RegistryTest, ADefectOfTheCallerIsLoggedOnceAndNotExposed) {
  Registry registry;
  registry.GetCounter("taken", "A counter.").Increment();
  testing::internal::CaptureStderr();
  registry.GetGauge("taken", "A gauge.").Set(5);
  registry.GetGauge("taken", "A gauge.").Add(1);
  registry.GetCounter("bad-name", "").Increment();
  registry.GetCounter("1st", "").Increment();
  registry.GetCounter("", "").Increment();
  registry.GetCounter("good", "", {{"bad-label", "x"}}).Increment();
  registry.GetCounter("taken", "", {{"__reserved", "x"}}).Increment();
  registry.GetHistogram("h", "", {{"le", "x"}}, {1}).Observe(1);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(registry.GetGauge("taken", "A gauge.").value(), 6);
  EXPECT_THAT(log, HasSubstr("metric taken is a counter, not a gauge"));
  EXPECT_THAT(log, HasSubstr("'bad-name' is not a metric name"));
  EXPECT_THAT(log, HasSubstr("metric good cannot have a label 'bad-label'"));
  EXPECT_THAT(log, HasSubstr("metric taken cannot have a label '__reserved'"));
  EXPECT_THAT(log, HasSubstr("metric h cannot have a label 'le'"));
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 7);
  EXPECT_EQ(registry.Expose(), "# HELP taken A counter.\n# TYPE taken counter\ntaken 1\n");
}

TEST(RegistryTest, TheNumberOfLabelSetsIsBounded) {
  Registry registry;
  testing::internal::CaptureStderr();
  for (size_t i = 0; i < Registry::kMaxSeriesPerName + 50; ++i) {
    registry.GetCounter("paths_total", "", {{"path", std::to_string(i)}}).Increment();
  }
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
  const std::string text = registry.Expose();
  EXPECT_EQ(static_cast<size_t>(std::count(text.begin(), text.end(), '\n')),
            2 + Registry::kMaxSeriesPerName + 1);
  EXPECT_THAT(text, HasSubstr("paths_total{overflow=\"true\"} 50\n"));
  EXPECT_THAT(text, HasSubstr("paths_total{path=\"7\"} 1\n"));
}

TEST(RegistryTest, ManyThreadsGetCountAndScrape) {
  Registry registry;
  registry.AddCollector([](Registry& target) { target.GetGauge("seen", "").Add(1); });
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&registry, i] {
      for (int n = 0; n < 500; ++n) {
        registry.GetCounter("c_total", "", {{"n", std::to_string(n % 10)}}).Increment();
        registry.GetHistogram("h", "", {}, {1, 2}).Observe(n % 3);
        if (n % 100 == i) registry.Expose();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const std::string text = registry.Expose();
  EXPECT_THAT(text, HasSubstr("c_total{n=\"3\"} 200\n"));
  EXPECT_THAT(text, HasSubstr("h_count 2000\n"));
  EXPECT_THAT(text, HasSubstr("\nseen 21\n"));
}

}  // namespace
}  // namespace caisson::telemetry
