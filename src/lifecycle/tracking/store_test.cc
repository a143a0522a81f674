#include "lifecycle/tracking/store.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>

#include <gtest/gtest.h>

#include "lifecycle/tracking/testing.h"
#include "platform/lineage/lineage.h"

namespace caisson::tracking {
namespace {

class StoreTest : public ::testing::Test {
 protected:
  std::string MakeRun(const std::string& experiment = "0", const std::string& name = "run",
                      UnixMillis start = 1) {
    CreateRunRequest request;
    request.experiment_id = experiment;
    request.name = name;
    request.start_time = start;
    const Result<tracking::Run> run = store_->CreateRun(context_, request);
    EXPECT_TRUE(run.ok()) << run.status();
    return run.ok() ? run->info.run_id : "";
  }
  Status Log(const std::string& run_id, std::vector<Metric> metrics) {
    return store_->LogBatch(context_, run_id, {std::move(metrics), {}, {}});
  }
  static Metric Point(std::string key, double value, int64_t step = 0, UnixMillis time = 1) {
    Metric metric;
    metric.key = std::move(key);
    metric.value = value;
    metric.step = step;
    metric.timestamp = time;
    return metric;
  }
  double Latest(const std::string& run_id, const std::string& key) {
    const Result<tracking::Run> run = store_->GetRun(context_, run_id);
    for (const Metric& metric : run->latest_metrics) {
      if (metric.key == key) return metric.value;
    }
    ADD_FAILURE() << "no metric " << key;
    return 0;
  }

  const Context context_ = Context::Background();
  testing::TestStore store_;
};

TEST_F(StoreTest, StartsWithTheDefaultExperiment) {
  const Result<Experiment> experiment = store_->GetExperiment(context_, "0");
  ASSERT_TRUE(experiment.ok()) << experiment.status();
  EXPECT_EQ(experiment->name, "Default");
  EXPECT_EQ(experiment->artifact_location, "mlflow-artifacts:/0");
}

TEST_F(StoreTest, ExperimentNamesStayTakenWhenDeleted) {
  const std::string id = *store_->CreateExperiment(context_, "e", "", {{"a", "b"}});
  EXPECT_EQ(id, "1");
  ASSERT_TRUE(store_->DeleteExperiment(context_, id).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(store_->CreateExperiment(context_, "e").status()));
  EXPECT_EQ(store_->RenameExperiment(context_, id, "f").code(), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::IsNotFound(store_->DeleteExperiment(context_, id)));
  EXPECT_EQ(store_->GetExperimentByName(context_, "e")->lifecycle, LifecycleStage::kDeleted);
}

TEST_F(StoreTest, DeletingAnExperimentDeletesItsRuns) {
  const std::string id = *store_->CreateExperiment(context_, "e");
  const std::string run = MakeRun(id);
  ASSERT_TRUE(store_->DeleteExperiment(context_, id).ok());
  EXPECT_EQ(store_->GetRun(context_, run)->info.lifecycle, LifecycleStage::kDeleted);
  EXPECT_EQ(Message(store_->SetTag(context_, run, {"k", "v"})),
            "The run " + run + " must be in the 'active' state. Current state is deleted.");
  ASSERT_TRUE(store_->RestoreExperiment(context_, id).ok());
  EXPECT_TRUE(store_->SetTag(context_, run, {"k", "v"}).ok());
}

TEST_F(StoreTest, RelativeArtifactLocationsAreTheServersOwn) {
  StoreOptions options;
  options.working_directory = "/srv/here";
  testing::TestStore store(options);
  const std::string id = *store->CreateExperiment(context_, "e", "some/../where");
  EXPECT_EQ(store->GetExperiment(context_, id)->artifact_location, "/srv/here/where");
  EXPECT_EQ(*store->ArtifactFolder("mlflow-artifacts:/1/x"), store.folder() + "/artifacts/1/x");
  EXPECT_EQ(*store->ArtifactFolder("file:///a/b"), "/a/b");
  EXPECT_EQ(store->ArtifactFolder("s3://bucket/x").status().code(), StatusCode::kUnimplemented);
}

TEST_F(StoreTest, RunsHaveNames) {
  const tracking::Run given = *store_->CreateRun(context_, {"0", "given", "", 1, {}});
  EXPECT_EQ(given.tags[0].value, "given");
  const tracking::Run by_tag =
      *store_->CreateRun(context_, {"0", "", "", 1, {{"mlflow.runName", "tagged"}}});
  EXPECT_EQ(by_tag.info.run_name, "tagged");
  EXPECT_FALSE(store_->CreateRun(context_, {"0", "", "", 1, {}})->info.run_name.empty());
  EXPECT_FALSE(store_->CreateRun(context_, {"0", "a", "", 1, {{"mlflow.runName", "b"}}}).ok());
  ASSERT_TRUE(store_->SetTag(context_, given.info.run_id, {"mlflow.runName", "renamed"}).ok());
  EXPECT_EQ(store_->GetRun(context_, given.info.run_id)->info.run_name, "renamed");
}

TEST_F(StoreTest, LatestIsByStepThenTimeThenValue) {
  const std::string run = MakeRun();
  ASSERT_TRUE(Log(run, {Point("m", 5, 3, 9), Point("m", 7, 2, 100), Point("m", 6, 3, 9)}).ok());
  EXPECT_EQ(Latest(run, "m"), 6);
  ASSERT_TRUE(Log(run, {Point("m", 1, 3, 8)}).ok());
  EXPECT_EQ(Latest(run, "m"), 6);
  ASSERT_TRUE(Log(run, {Point("m", 1, 3, 10)}).ok());
  EXPECT_EQ(Latest(run, "m"), 1);
}

TEST_F(StoreTest, RepeatedPointsAreDroppedOthersKept) {
  const std::string run = MakeRun();
  ASSERT_TRUE(Log(run, {Point("m", 1), Point("m", 1), Point("m", 2)}).ok());
  ASSERT_TRUE(Log(run, {Point("m", 1), Point("m", 3)}).ok());
  EXPECT_EQ(store_->GetMetricHistory(context_, {run, "m", std::nullopt, ""})->items.size(), 3u);
}

TEST_F(StoreTest, NanAndInfinityComeBackAsMlflowStoresThem) {
  const std::string run = MakeRun();
  const double infinity = std::numeric_limits<double>::infinity();
  ASSERT_TRUE(
      Log(run, {Point("nan", std::nan("")), Point("up", infinity), Point("down", -infinity)}).ok());
  EXPECT_TRUE(std::isnan(Latest(run, "nan")));
  EXPECT_EQ(Latest(run, "up"), std::numeric_limits<double>::max());
  EXPECT_EQ(Latest(run, "down"), std::numeric_limits<double>::lowest());
}

TEST_F(StoreTest, ABatchIsAllOrNothing) {
  const std::string run = MakeRun();
  ASSERT_TRUE(store_->LogParam(context_, run, {"p", "1"}).ok());
  Batch batch{{Point("m", 1)}, {{"q", "1"}, {"p", "2"}}, {{"t", "1"}}};
  const Status status = store_->LogBatch(context_, run, batch);
  EXPECT_EQ(Message(status),
            "Changing param values is not allowed. Params were already logged='[{'key': 'p', "
            "'old_value': '1', 'new_value': "
            "'2'}]' for run ID='" +
                run + "'.");
  const tracking::Run after = *store_->GetRun(context_, run);
  EXPECT_EQ(after.params.size(), 1u);
  EXPECT_TRUE(after.latest_metrics.empty());
  EXPECT_TRUE(store_->LogParam(context_, run, {"p", "1"}).ok());  // the same value again is fine
}

TEST_F(StoreTest, KeysOfAFailedBatchCanBeUsedLater) {
  const std::string run = MakeRun();
  ASSERT_TRUE(store_->LogParam(context_, run, {"p", "1"}).ok());
  EXPECT_FALSE(
      store_->LogBatch(context_, run, {{Point("fresh", 1)}, {{"other", "1"}, {"p", "2"}}, {}})
          .ok());
  ASSERT_TRUE(Log(run, {Point("fresh", 2)}).ok());
  EXPECT_EQ(Latest(run, "fresh"), 2);
}

TEST_F(StoreTest, TagsAreSetAndDeleted) {
  const std::string run = MakeRun();
  ASSERT_TRUE(store_->LogBatch(context_, run, {{}, {}, {{"t", "1"}, {"t", "2"}}}).ok());
  EXPECT_EQ(store_->GetRun(context_, run)->tags.back().value, "2");
  ASSERT_TRUE(store_->DeleteTag(context_, run, "t").ok());
  EXPECT_EQ(Message(store_->DeleteTag(context_, run, "t")),
            "No tag with name: t in run with id " + run);
}

TEST_F(StoreTest, HistoryIsPagedInOrder) {
  const std::string run = MakeRun();
  std::vector<Metric> metrics;
  for (int i = 0; i < 10; ++i) metrics.push_back(Point("m", i, 10 - i, i / 2));
  ASSERT_TRUE(Log(run, metrics).ok());
  std::vector<std::pair<int64_t, int64_t>> seen;
  HistoryRequest request{run, "m", 3, ""};
  do {
    const Result<Page<Metric>> page = store_->GetMetricHistory(context_, request);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const Metric& metric : page->items) seen.emplace_back(metric.timestamp, metric.step);
    request.page_token = page->next_page_token;
  } while (!request.page_token.empty());
  EXPECT_EQ(seen.size(), 10u);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST_F(StoreTest, SamplingKeepsTheEnds) {
  const std::string run = MakeRun();
  std::vector<Metric> metrics;
  for (int i = 0; i < 100; ++i) metrics.push_back(Point("m", i, i, i));
  ASSERT_TRUE(Log(run, metrics).ok());
  const auto sampled =
      store_->GetMetricHistoryInterval(context_, {{run}, "m", 7, std::nullopt, std::nullopt});
  ASSERT_TRUE(sampled.ok());
  ASSERT_EQ(sampled->size(), 7u);
  EXPECT_EQ(sampled->front().metric.step, 0);
  EXPECT_EQ((*sampled)[1].metric.step, 15);  // NTILE(7) of 100 rows: two buckets of 15, then 14
  EXPECT_EQ((*sampled)[3].metric.step, 44);
  EXPECT_EQ(sampled->back().metric.step, 99);
  EXPECT_EQ(store_->GetMetricHistoryInterval(context_, {{run}, "m", 2500, 10, 19})->size(), 10u);
  EXPECT_FALSE(
      store_->GetMetricHistoryInterval(context_, {{run}, "m", 2500, 10, std::nullopt}).ok());
  EXPECT_EQ(store_->GetMetricHistoryInterval(context_, {{run}, "m", 1, std::nullopt, std::nullopt})
                ->front()
                .metric.step,
            99);
}

TEST_F(StoreTest, InputsAreSharedByDigest) {
  const std::string a = MakeRun();
  const std::string b = MakeRun();
  const DatasetInput input{{"flights", "abc", "local", "x.parquet", "{}", std::nullopt},
                           {{"mlflow.data.context", "train"}}};
  ASSERT_TRUE(store_->LogInputs(context_, a, {input, input}).ok());
  ASSERT_TRUE(store_->LogInputs(context_, b, {input}).ok());
  const tracking::Run run = *store_->GetRun(context_, a);
  ASSERT_EQ(run.dataset_inputs.size(), 1u);
  EXPECT_EQ(run.dataset_inputs[0].tags[0].value, "train");
  EXPECT_FALSE(run.dataset_inputs[0].dataset.profile.has_value());
  const auto summaries = store_->SearchDatasets(context_, {"0"});
  ASSERT_EQ(summaries->size(), 1u);
  EXPECT_EQ((*summaries)[0].context, "train");
}

TEST_F(StoreTest, LoggedModelsLiveAndDie) {
  const std::string run = MakeRun();
  const LoggedModel made =
      *store_->CreateLoggedModel(context_, {"0", "m", "xgb", run, {{"p", "1"}}, {{"t", "v"}}});
  EXPECT_EQ(made.status, LoggedModelStatus::kPending);
  EXPECT_EQ(made.artifact_uri, "mlflow-artifacts:/0/models/" + made.model_id + "/artifacts");
  EXPECT_EQ(store_->FinalizeLoggedModel(context_, made.model_id, LoggedModelStatus::kReady)->status,
            LoggedModelStatus::kReady);
  Metric metric = Point("auc", 0.9);
  metric.model_id = made.model_id;
  ASSERT_TRUE(Log(run, {metric}).ok());
  SearchLoggedModelsRequest request;
  request.experiment_ids = {"0"};
  request.filter = "metrics.auc > 0.8 AND params.p = '1'";
  request.order_by = {{"metrics.auc", false, "", ""}};
  EXPECT_EQ(store_->SearchLoggedModels(context_, request)->items.size(), 1u);
  ASSERT_TRUE(store_->DeleteLoggedModel(context_, made.model_id).ok());
  EXPECT_TRUE(store_->SearchLoggedModels(context_, request)->items.empty());
  EXPECT_TRUE(absl::IsNotFound(store_->GetLoggedModel(context_, made.model_id).status()));
}

TEST_F(StoreTest, LineageAndAuditArriveOnceAlsoAfterARestart) {
  const std::string run = MakeRun();
  const DatasetInput input{{"flights", "abc", "local", "x", std::nullopt, std::nullopt}, {}};
  ASSERT_TRUE(store_->LogInputs(context_, run, {input}).ok());
  ASSERT_TRUE(store_->DrainRelay(context_).ok());
  store_.Reopen();
  ASSERT_TRUE(store_->DeleteRun(context_, run).ok());
  ASSERT_TRUE(store_->DrainRelay(context_).ok());
  const Status status = store_.main().Read(context_, [&](sql::Session& session) -> Status {
    CAISSON_ASSIGN(const lineage::Graph graph,
                   lineage::Walk(session, "default", {"run", run}, lineage::Direction::kUpstream));
    EXPECT_EQ(graph.nodes.size(), 2u);
    return OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(StoreTest, WritersDoNotLoseEachOthersPoints) {
  const std::string run = MakeRun();
  constexpr int kThreads = 4;
  constexpr int kBatches = 50;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kBatches; ++i) {
        EXPECT_TRUE(
            Log(run, {Point("m", t, i * kThreads + t), Point("own" + std::to_string(t), i, i)})
                .ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(store_->GetMetricHistory(context_, {run, "m", std::nullopt, ""})->items.size(),
            size_t{kThreads * kBatches});
  EXPECT_EQ(Latest(run, "m"), kThreads - 1);
}

}  // namespace
}  // namespace caisson::tracking
