// Searching runs and experiments: filters, order and paging against a plain sort in memory.
#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "lifecycle/tracking/testing.h"

namespace caisson::tracking {
namespace {

class StoreSearchTest : public ::testing::Test {
 protected:
  // Runs r0 to r29: metric m is i % 7 but NaN for each fifth and missing for each sixth; param
  // parity; start time i / 3.
  void SetUp() override {
    for (int i = 0; i < 30; ++i) {
      CreateRunRequest request;
      request.name = "r" + std::to_string(i);
      request.start_time = i / 3;
      const std::string id = store_->CreateRun(context_, request)->info.run_id;
      Batch batch;
      if (i % 6 != 0) {
        Metric metric;
        metric.key = "m";
        metric.value = i % 5 == 0 ? std::nan("") : i % 7;
        metric.timestamp = 1;
        batch.metrics.push_back(metric);
      }
      batch.params.push_back({"parity", i % 2 == 0 ? "Even" : "odd"});
      batch.tags.push_back({"team", i < 10 ? "a_b" : "axb"});
      ASSERT_TRUE(store_->LogBatch(context_, id, batch).ok());
    }
  }

  std::vector<std::string> Names(const std::string& filter,
                                 const std::vector<std::string>& order_by = {},
                                 int64_t page_size = 1000) {
    std::vector<std::string> names;
    SearchRunsRequest request;
    request.experiment_ids = {"0"};
    request.filter = filter;
    request.order_by = order_by;
    request.max_results = page_size;
    do {
      const Result<Page<tracking::Run>> page = store_->SearchRuns(context_, request);
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok()) return names;
      EXPECT_LE(static_cast<int64_t>(page->items.size()), page_size);
      for (const tracking::Run& run : page->items) names.push_back(run.info.run_name);
      request.page_token = page->next_page_token;
    } while (!request.page_token.empty() && names.size() < 100);
    return names;
  }

  const Context context_ = Context::Background();
  testing::TestStore store_;
};

TEST_F(StoreSearchTest, NewestFirstByDefault) {
  const std::vector<std::string> names = Names("");
  ASSERT_EQ(names.size(), 30u);
  EXPECT_TRUE(names[0] == "r27" || names[0] == "r28" || names[0] == "r29");
}

TEST_F(StoreSearchTest, PagesAreThePiecesOfTheWhole) {
  const std::vector<std::vector<std::string>> orders = {
      {},
      {"metrics.m"},
      {"metrics.m DESC"},
      {"params.parity DESC", "metrics.m"},
      {"metrics.m DESC", "tags.team", "start_time ASC"},
      {"attributes.end_time"},
      {"status", "run_name DESC"},
      {"metrics.unknown"}};
  for (const auto& order : orders) {
    for (const char* filter : {"", "metrics.m >= 2", "metrics.m != 3", "params.parity = 'odd'"}) {
      const std::vector<std::string> whole = Names(filter, order);
      for (const int64_t size : {1, 2, 3, 7, 29, 30})
        EXPECT_EQ(Names(filter, order, size), whole) << filter << " by " << size;
    }
  }
}

TEST_F(StoreSearchTest, NanComesBeforeMissingBothLast) {
  for (const char* order : {"metrics.m", "metrics.m DESC"}) {
    const std::vector<std::string> names = Names("", {order});
    ASSERT_EQ(names.size(), 30u);
    // Five runs lack the metric (each sixth), and five others have NaN (each fifth that is not a
    // sixth).
    for (size_t i = 25; i < 30; ++i)
      EXPECT_EQ(std::stoi(names[i].substr(1)) % 6, 0) << order << " " << names[i];
    for (size_t i = 20; i < 25; ++i)
      EXPECT_EQ(std::stoi(names[i].substr(1)) % 5, 0) << order << " " << names[i];
  }
}

TEST_F(StoreSearchTest, FiltersMeanWhatMlflowMeans) {
  EXPECT_EQ(Names("metrics.m > 5").size(), 2u);
  EXPECT_EQ(Names("metrics.m = 0 ").size(), 4u);   // NaN is not 0
  EXPECT_EQ(Names("metrics.m != 0").size(), 21u);  // NaN is unequal to everything, missing is not
  EXPECT_EQ(Names("params.parity LIKE 'e%'").size(), 0u);
  EXPECT_EQ(Names("params.parity ILIKE 'e%'").size(), 15u);
  EXPECT_EQ(Names("params.nothing != 'x'").size(), 0u);
  EXPECT_EQ(Names("params.nothing IS NULL").size(), 30u);
  EXPECT_EQ(Names("tags.team LIKE 'a_b'").size(), 30u);
  EXPECT_EQ(Names("tags.team = 'a_b'").size(), 10u);
  EXPECT_EQ(Names("attributes.run_name = 'r4'").size(), 1u);
  EXPECT_EQ(Names("start_time >= 9").size(), 3u);
  EXPECT_EQ(Names("status = 'RUNNING' AND params.parity = 'odd' AND metrics.m > 1").size(),
            Names("params.parity = 'odd' AND metrics.m > 1").size());
}

TEST_F(StoreSearchTest, DeletedRunsAreSeenOnlyWhenAskedFor) {
  SearchRunsRequest request;
  request.experiment_ids = {"0"};
  const std::string id = store_->SearchRuns(context_, request)->items[0].info.run_id;
  ASSERT_TRUE(store_->DeleteRun(context_, id).ok());
  EXPECT_EQ(store_->SearchRuns(context_, request)->items.size(), 29u);
  request.view = ViewType::kDeletedOnly;
  EXPECT_EQ(store_->SearchRuns(context_, request)->items.size(), 1u);
  request.view = ViewType::kAll;
  EXPECT_EQ(store_->SearchRuns(context_, request)->items.size(), 30u);
}

TEST_F(StoreSearchTest, RefusesWhatMlflowRefuses) {
  SearchRunsRequest request;
  request.experiment_ids = {"0"};
  request.order_by = {"metrics.m", "metrics.m DESC"};
  EXPECT_EQ(ErrorId(store_->SearchRuns(context_, request).status()), "INTERNAL_ERROR");
  request.order_by = {};
  request.page_token = "zz";
  EXPECT_EQ(Message(store_->SearchRuns(context_, request).status()),
            "Invalid page token, could not base64-decode");
  request.page_token = "";
  request.max_results = 50'001;
  EXPECT_FALSE(store_->SearchRuns(context_, request).ok());
  request.max_results = 10;
  request.experiment_ids = {"x"};
  EXPECT_EQ(Message(store_->SearchRuns(context_, request).status()),
            "Invalid experiment ID 'x'. Experiment ID must be a valid integer.");
}

TEST_F(StoreSearchTest, SeveralExperimentsAreOneList) {
  const std::string other = *store_->CreateExperiment(context_, "other");
  CreateRunRequest run;
  run.experiment_id = other;
  run.name = "far";
  run.start_time = 99;
  ASSERT_TRUE(store_->CreateRun(context_, run).ok());
  SearchRunsRequest request;
  request.experiment_ids = {"0", other, "0"};
  request.order_by = {"metrics.m DESC"};
  EXPECT_EQ(store_->SearchRuns(context_, request)->items.size(), 31u);
}

TEST_F(StoreSearchTest, FindsExperiments) {
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(store_
                    ->CreateExperiment(context_, "exp" + std::to_string(i), "",
                                       {{"kind", i % 2 == 0 ? "x" : "y"}})
                    .ok());
  }
  SearchExperimentsRequest request;
  request.filter = "name LIKE 'exp%' AND tags.kind = 'x'";
  EXPECT_EQ(store_->SearchExperiments(context_, request)->items.size(), 3u);
  request.filter = "experiment_id IN ('1', '2')";
  EXPECT_EQ(store_->SearchExperiments(context_, request)->items.size(), 2u);
  request.filter = "";
  request.order_by = {"name"};
  request.max_results = 2;
  std::vector<std::string> names;
  do {
    const Result<Page<Experiment>> page = store_->SearchExperiments(context_, request);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const Experiment& experiment : page->items) names.push_back(experiment.name);
    request.page_token = page->next_page_token;
  } while (!request.page_token.empty());
  EXPECT_EQ(names, (std::vector<std::string>{"Default", "exp0", "exp1", "exp2", "exp3", "exp4"}));
}

}  // namespace
}  // namespace caisson::tracking
