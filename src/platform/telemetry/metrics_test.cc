#include "platform/telemetry/metrics.h"

#include <cmath>
#include <limits>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace caisson::telemetry {
namespace {

using testing::ElementsAre;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(CounterTest, AddsUpOverThreads) {
  Counter counter;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 10000; ++n) counter.Increment();
      counter.Increment(5);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 40020u);
}

TEST(GaugeTest, SetsAndAddsOverThreads) {
  Gauge gauge;
  gauge.Set(1.5);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; n < 10000; ++n) gauge.Add(i % 2 == 0 ? 1 : -0.5);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(gauge.value(), 10001.5);
}

TEST(HistogramTest, BoundsAreInclusiveSortedAndUnique) {
  Histogram histogram({5, 1, 2, 2, kInfinity});
  EXPECT_THAT(histogram.upper_bounds(), ElementsAre(1, 2, 5));
  for (const double value : {-3.0, 1.0, 1.0001, 2.0, 5.0, 5.1, kInfinity}) histogram.Observe(value);
  EXPECT_THAT(histogram.counts(), ElementsAre(2, 2, 1, 2));
  EXPECT_EQ(histogram.count(), 7u);
}

TEST(HistogramTest, SumsAndIgnoresNan) {
  Histogram histogram({1});
  histogram.Observe(0.25);
  histogram.Observe(std::nan(""));
  histogram.Observe(4);
  EXPECT_EQ(histogram.sum(), 4.25);
  EXPECT_EQ(histogram.count(), 2u);
}

TEST(HistogramTest, CountsOverThreads) {
  Histogram histogram(LatencyBuckets());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 10000; ++n) histogram.Observe(0.5);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(histogram.count(), 40000u);
  EXPECT_EQ(histogram.sum(), 20000.0);
}

TEST(HistogramTest, QuantilesInterpolateAsPrometheusDoes) {
  Histogram histogram({1, 2, 4});
  for (int i = 0; i < 10; ++i) histogram.Observe(0.5);
  for (int i = 0; i < 10; ++i) histogram.Observe(1.5);
  // Rank 10 of 20 is the end of the first bucket, rank 15 the middle of the second.
  EXPECT_DOUBLE_EQ(histogram.Quantile(0.5), 1.0);
  EXPECT_DOUBLE_EQ(histogram.Quantile(0.75), 1.5);
  EXPECT_DOUBLE_EQ(histogram.Quantile(0.25), 0.5);
  EXPECT_DOUBLE_EQ(histogram.Quantile(1), 2.0);
  EXPECT_DOUBLE_EQ(histogram.Quantile(0), 0.0);
  EXPECT_EQ(histogram.Quantile(-0.1), -kInfinity);
  EXPECT_EQ(histogram.Quantile(1.1), kInfinity);
  EXPECT_TRUE(std::isnan(histogram.Quantile(std::nan(""))));
}

TEST(HistogramTest, QuantilesAtTheEdges) {
  Histogram histogram({-1, 2});
  EXPECT_TRUE(std::isnan(histogram.Quantile(0.5)));
  histogram.Observe(100);
  EXPECT_EQ(histogram.Quantile(0.5), 2);
  Histogram negative({-1, 2});
  negative.Observe(-7);
  EXPECT_EQ(negative.Quantile(0.5), -1);
  Histogram unbounded({});
  unbounded.Observe(1);
  EXPECT_TRUE(std::isnan(unbounded.Quantile(0.5)));
}

TEST(HistogramTest, LatencyBucketsAscendFrom50MicrosecondsTo60Seconds) {
  const std::vector<double> bounds = LatencyBuckets();
  EXPECT_EQ(bounds.front(), 50e-6);
  EXPECT_EQ(bounds.back(), 60);
  for (size_t i = 1; i < bounds.size(); ++i) {
    EXPECT_GT(bounds[i], bounds[i - 1] * 1.9);
    EXPECT_LT(bounds[i], bounds[i - 1] * 3.1);
  }
}

}  // namespace
}  // namespace caisson::telemetry
