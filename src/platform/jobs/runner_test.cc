#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/jobs/jobs.h"
#include "platform/sql/testing.h"

namespace caisson::jobs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RunnerTest : public ::testing::Test {
 protected:
  RunnerTest() : database_(JobsSchema(), &clock_) {}

  std::unique_ptr<Runner> MakeRunner(Runner::Options options = {
                                         .threads = 2,
                                         .first_pause = std::chrono::milliseconds(1)}) {
    return std::make_unique<Runner>(*database_, clock_, database_.metrics(), options);
  }
  std::string Add(const JobRequest& request, const Context& context = Context::Background()) {
    return *database_->WriteFor<std::string>(
        context, [&](sql::Transaction& transaction) { return Enqueue(transaction, request); });
  }
  Job Look(const std::string& id) {
    return *database_->ReadFor<Job>(context_,
                                    [&](sql::Session& session) { return Get(session, id); });
  }
  std::vector<Job> All(const JobFilter& filter) {
    return *database_->ReadFor<std::vector<Job>>(
        context_, [&](sql::Session& session) { return List(session, filter); });
  }
  // Waits for something that another thread brings about; ends the test when it does not come.
  void Until(const std::function<bool()>& condition) {
    while (!condition()) {
      ASSERT_TRUE(patient_.Check().ok());
      std::this_thread::yield();
    }
  }

  const Context context_ = Context::Background();
  // Long enough for any machine; nothing waits for its end when all is well.
  const Context patient_ = context_.WithTimeout(std::chrono::seconds(60));
  FakeClock clock_;
  sql::testing::TestDatabase database_;
};

Result<Json> Nothing(JobHandle&) { return Json(); }

// Runs until its context ends.
Result<Json> Endless(JobHandle& handle) {
  while (handle.context().Check().ok()) std::this_thread::yield();
  return handle.context().Check();
}

TEST_F(RunnerTest, RunsAJobAndKeepsItsResult) {
  auto runner = MakeRunner();
  runner->Register("test.double", [](JobHandle& handle) -> Result<Json> {
    EXPECT_EQ(handle.job().attempt, 1);
    EXPECT_EQ(handle.context().principal(), "ada");
    EXPECT_EQ(handle.context().project(), "flights");
    return Json::Of({{"twice", handle.job().payload["n"].AsInt() * 2}});
  });
  ASSERT_TRUE(runner->Start().ok());
  const std::string id = Add({.kind = "test.double", .payload = Json::Of({{"n", 21}})},
                             context_.WithPrincipal("ada").WithProject("flights"));
  const auto job = runner->WaitFor(patient_, id);
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->state, JobState::kSucceeded);
  EXPECT_EQ(job->result["twice"].AsInt(), 42);
  EXPECT_EQ(job->principal, "ada");
  EXPECT_EQ(job->project, "flights");
  EXPECT_GT(job->finished_at, 0);
}

TEST_F(RunnerTest, AJobThatWasRolledBackDoesNotExist) {
  std::string id;
  EXPECT_FALSE(database_
                   ->Write(context_,
                           [&](sql::Transaction& transaction) -> Status {
                             CAISSON_ASSIGN(id, Enqueue(transaction, {.kind = "test.none"}));
                             return Aborted("no");
                           })
                   .ok());
  const auto job =
      database_->ReadFor<Job>(context_, [&](sql::Session& session) { return Get(session, id); });
  EXPECT_EQ(job.status().code(), StatusCode::kNotFound);
}

TEST_F(RunnerTest, TheSameKeyGivesTheSameJob) {
  const std::string first = Add({.kind = "test.a", .dedupe_key = "k"});
  EXPECT_EQ(Add({.kind = "test.a", .dedupe_key = "k"}), first);
  EXPECT_NE(Add({.kind = "test.b", .dedupe_key = "k"}), first);
  EXPECT_NE(Add({.kind = "test.a", .dedupe_key = "k"}, context_.WithProject("other")), first);
  EXPECT_NE(Add({.kind = "test.a"}), Add({.kind = "test.a"}));
  auto runner = MakeRunner();
  runner->Register("test.a", Nothing);
  ASSERT_TRUE(runner->Start().ok());
  ASSERT_TRUE(runner->WaitFor(patient_, first).ok());
  EXPECT_EQ(Add({.kind = "test.a", .dedupe_key = "k"}), first);
}

TEST_F(RunnerTest, TransientErrorsAreTriedAgainOthersAreFinal) {
  auto runner = MakeRunner();
  std::atomic<int> runs{0};
  runner->Register("test.shaky", [&](JobHandle& handle) -> Result<Json> {
    if (++runs < 3) return Unavailable("not yet");
    return Json(handle.job().attempt);
  });
  runner->Register("test.hopeless",
                   [&](JobHandle&) -> Result<Json> { return Unavailable("never"); });
  runner->Register("test.wrong",
                   [&](JobHandle&) -> Result<Json> { return InvalidArgument("no such column"); });
  ASSERT_TRUE(runner->Start().ok());
  const std::string shaky = Add({.kind = "test.shaky"});
  const std::string hopeless = Add({.kind = "test.hopeless", .max_attempts = 2});
  const std::string wrong = Add({.kind = "test.wrong"});
  const auto wrong_job = runner->WaitFor(patient_, wrong);
  EXPECT_EQ(wrong_job->state, JobState::kFailed);
  EXPECT_EQ(wrong_job->attempt, 1);
  EXPECT_EQ(wrong_job->error, "no such column");
  // The pauses pass by the test's clock.
  Until([&] {
    clock_.Advance(std::chrono::milliseconds(10));
    runner->Wake();
    return Look(shaky).state == JobState::kSucceeded && Look(hopeless).state == JobState::kFailed;
  });
  EXPECT_EQ(Look(shaky).attempt, 3);
  EXPECT_EQ(Look(shaky).result.AsInt(), 3);
  EXPECT_EQ(Look(shaky).error, "");
  EXPECT_EQ(Look(hopeless).attempt, 2);
  EXPECT_EQ(Look(hopeless).error, "never");
}

TEST_F(RunnerTest, ProgressAndLogAreSeenWhileItRuns) {
  auto runner = MakeRunner();
  std::promise<void> release;
  runner->Register("test.talks", [&](JobHandle& handle) -> Result<Json> {
    handle.SetProgress(Json::Of({{"done", 1}}));
    handle.Log("one");
    handle.Log("two");
    release.get_future().wait();
    handle.Log("three");
    handle.SetProgress(Json::Of({{"done", 3}}));
    return Json();
  });
  ASSERT_TRUE(runner->Start().ok());
  const std::string id = Add({.kind = "test.talks"});
  const auto log = [&](int64_t after) {
    std::vector<std::string> lines;
    const auto read = database_->ReadFor<std::vector<LogLine>>(
        context_, [&](sql::Session& session) { return ReadLog(session, id, after, 100); });
    for (const LogLine& line : *read) lines.push_back(fmt::format("{} {}", line.number, line.text));
    return lines;
  };
  Until([&] { return log(0).size() == 2 && Look(id).progress["done"].AsInt() == 1; });
  EXPECT_EQ(Look(id).state, JobState::kRunning);
  release.set_value();
  ASSERT_TRUE(runner->WaitFor(patient_, id).ok());
  EXPECT_THAT(log(0), ElementsAre("1 one", "2 two", "3 three"));
  EXPECT_THAT(log(2), ElementsAre("3 three"));
  EXPECT_EQ(Look(id).progress["done"].AsInt(), 3);
}

TEST_F(RunnerTest, OnlyTheLastLinesAreKept) {
  auto runner = MakeRunner();
  runner->Register("test.talks", [](JobHandle& handle) -> Result<Json> {
    for (int i = 1; i <= 12'500; ++i) handle.Log(fmt::to_string(i));
    return Json();
  });
  ASSERT_TRUE(runner->Start().ok());
  const std::string id = Add({.kind = "test.talks"});
  ASSERT_TRUE(runner->WaitFor(patient_, id).ok());
  const auto lines = database_->ReadFor<std::vector<LogLine>>(
      context_, [&](sql::Session& session) { return ReadLog(session, id, 0, 100'000); });
  ASSERT_EQ(lines->size(), 10'000u);
  EXPECT_EQ(lines->front().text, "2501");
  EXPECT_EQ(lines->back().number, 12'500);
}

TEST_F(RunnerTest, CancelsQueuedAndRunningJobs) {
  auto runner = MakeRunner();
  runner->Register("test.endless", Endless);
  const std::string queued = Add({.kind = "test.endless"});
  ASSERT_TRUE(runner->Cancel(context_, queued).ok());
  EXPECT_EQ(Look(queued).state, JobState::kCancelled);
  EXPECT_EQ(runner->Cancel(context_, queued).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(runner->Cancel(context_, "nobody").code(), StatusCode::kNotFound);

  ASSERT_TRUE(runner->Start().ok());
  const std::string running = Add({.kind = "test.endless"});
  Until([&] { return Look(running).state == JobState::kRunning; });
  ASSERT_TRUE(runner->Cancel(context_, running).ok());
  EXPECT_EQ(runner->WaitFor(patient_, running)->state, JobState::kCancelled);
}

TEST_F(RunnerTest, StopQueuesRunningJobsAgain) {
  const std::string id = Add({.kind = "test.endless", .max_attempts = 1});
  {
    auto runner = MakeRunner();
    runner->Register("test.endless", Endless);
    ASSERT_TRUE(runner->Start().ok());
    Until([&] { return Look(id).state == JobState::kRunning; });
    runner->Stop();
    EXPECT_EQ(Look(id).state, JobState::kQueued);
  }
  auto runner = MakeRunner();
  runner->Register("test.endless", Nothing);
  ASSERT_TRUE(runner->Start().ok());
  const auto job = runner->WaitFor(patient_, id);
  EXPECT_EQ(job->state, JobState::kSucceeded);
  EXPECT_EQ(job->attempt, 2);
}

// As if the process had been killed in the middle of the job.
TEST_F(RunnerTest, JobsOfADeadProcessAreTakenOverAtStart) {
  const std::string id = Add({.kind = "test.a", .max_attempts = 1});
  ASSERT_TRUE(database_
                  ->Write(context_,
                          [&](sql::Transaction& transaction) {
                            return transaction
                                .Execute(
                                    "UPDATE jobs_jobs SET state = 'running', attempt = 1, "
                                    "lease_owner = 'gone', lease_until = $1",
                                    {clock_.now() + 1'000'000'000})
                                .status();
                          })
                  .ok());
  auto runner = MakeRunner();
  runner->Register("test.a", Nothing);
  ASSERT_TRUE(runner->Start().ok());
  const auto job = runner->WaitFor(patient_, id);
  EXPECT_EQ(job->state, JobState::kSucceeded);
  EXPECT_EQ(job->attempt, 2);
}

TEST_F(RunnerTest, ALeaseThatRanOutGoesToAnotherWorker) {
  // Renewed only once in a long while, so that the lease can run out by the test's clock.
  auto runner = MakeRunner(
      {.threads = 2, .lease = std::chrono::hours(1), .first_pause = std::chrono::milliseconds(1)});
  std::atomic<int> runs{0};
  std::promise<void> release;
  runner->Register("test.a", [&](JobHandle& handle) -> Result<Json> {
    const int run = ++runs;
    if (run == 1) release.get_future().wait();
    return Json(run);
  });
  ASSERT_TRUE(runner->Start().ok());
  const std::string id = Add({.kind = "test.a"});
  Until([&] { return runs == 1; });
  clock_.Advance(std::chrono::hours(2));
  runner->Wake();
  EXPECT_EQ(runner->WaitFor(patient_, id)->result.AsInt(), 2);
  release.set_value();
  runner->Stop();
  // What the first worker brought came too late.
  EXPECT_EQ(Look(id).result.AsInt(), 2);
  EXPECT_EQ(Look(id).attempt, 2);
}

TEST_F(RunnerTest, ALostLeaseEndsTheHandlersContext) {
  auto runner = MakeRunner({.threads = 1, .lease = std::chrono::milliseconds(30)});
  runner->Register("test.endless", Endless);
  ASSERT_TRUE(runner->Start().ok());
  const std::string id = Add({.kind = "test.endless"});
  Until([&] { return Look(id).state == JobState::kRunning; });
  ASSERT_TRUE(
      database_
          ->Write(context_,
                  [&](sql::Transaction& transaction) {
                    return transaction
                        .Execute("UPDATE jobs_jobs SET state = 'succeeded', lease_owner = 'other'")
                        .status();
                  })
          .ok());
  // The worker is free for something else only when the handler has noticed.
  const std::string next = Add({.kind = "test.endless"});
  Until([&] { return Look(next).state == JobState::kRunning; });
}

TEST_F(RunnerTest, LeasesAreRenewedWhileTheHandlerRuns) {
  auto runner = MakeRunner({.threads = 1, .lease = std::chrono::milliseconds(30)});
  runner->Register("test.endless", Endless);
  ASSERT_TRUE(runner->Start().ok());
  const std::string id = Add({.kind = "test.endless"});
  const auto lease_until = [&] {
    return **database_->ReadFor<std::optional<int64_t>>(context_, [&](sql::Session& session) {
      return session.QueryOne<int64_t>("SELECT lease_until FROM jobs_jobs WHERE id = $1", {id},
                                       [](const sql::Row& row) { return row.Int(0); });
    });
  };
  Until([&] { return Look(id).state == JobState::kRunning; });
  const int64_t first = lease_until();
  Until([&] {
    clock_.Advance(std::chrono::milliseconds(1));
    return lease_until() > first + 1;
  });
}

TEST_F(RunnerTest, WaitsUntilItsTime) {
  auto runner = MakeRunner();
  runner->Register("test.a", Nothing);
  ASSERT_TRUE(runner->Start().ok());
  const std::string later = Add({.kind = "test.a", .not_before = clock_.now() + 60'000});
  const std::string now = Add({.kind = "test.a"});
  ASSERT_TRUE(runner->WaitFor(patient_, now).ok());
  EXPECT_EQ(Look(later).state, JobState::kQueued);
  clock_.Advance(std::chrono::seconds(61));
  runner->Wake();
  EXPECT_EQ(runner->WaitFor(patient_, later)->state, JobState::kSucceeded);
}

TEST_F(RunnerTest, JobsOfUnknownKindsAreLeftAlone) {
  auto runner = MakeRunner({.threads = 1});
  runner->Register("test.a", Nothing);
  ASSERT_TRUE(runner->Start().ok());
  const std::string other = Add({.kind = "test.b"});
  const std::string known = Add({.kind = "test.a"});
  ASSERT_TRUE(runner->WaitFor(patient_, known).ok());
  EXPECT_EQ(Look(other).state, JobState::kQueued);
  const auto waited = runner->WaitFor(context_.WithTimeout(std::chrono::milliseconds(5)), other);
  EXPECT_EQ(waited.status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_THAT(Message(waited.status()), HasSubstr(other));
}

TEST_F(RunnerTest, AScheduleMakesJobsInItsRhythm) {
  auto runner = MakeRunner();
  runner->Register("test.a", Nothing);
  const Schedule schedule{
      "nightly", std::chrono::hours(24), {.kind = "test.a", .payload = Json("x")}};
  ASSERT_TRUE(runner->PutSchedule(context_.WithPrincipal("ada"), schedule).ok());
  ASSERT_TRUE(runner->Start().ok());
  const auto made = [&] { return All({.kind = "test.a"}).size(); };
  const auto ended = [&] { return All({.kind = "test.a", .state = "succeeded"}).size(); };
  EXPECT_EQ(made(), 0u);
  clock_.Advance(std::chrono::hours(25));
  runner->Wake();
  Until([&] { return ended() == 1; });
  EXPECT_EQ(All({}).front().principal, "ada");
  EXPECT_EQ(All({}).front().payload.AsString(), "x");
  // Said again, it keeps its rhythm: due 48 hours after the start, not 24 after now.
  ASSERT_TRUE(runner->PutSchedule(context_.WithPrincipal("ada"), schedule).ok());
  clock_.Advance(std::chrono::hours(23));
  runner->Wake();
  Until([&] { return ended() == 2; });
  // Three missed turns are made up for by one.
  clock_.Advance(std::chrono::hours(72));
  runner->Wake();
  Until([&] { return ended() == 3; });
  ASSERT_TRUE(runner->RemoveSchedule(context_, "nightly").ok());
  clock_.Advance(std::chrono::hours(100));
  runner->Wake();
  const std::string last = Add({.kind = "test.a"});
  ASSERT_TRUE(runner->WaitFor(patient_, last).ok());
  EXPECT_EQ(made(), 4u);
}

TEST_F(RunnerTest, AScheduleDoesNotPileUp) {
  auto runner = MakeRunner({.threads = 1});
  runner->Register("test.endless", Endless);
  ASSERT_TRUE(
      runner->PutSchedule(context_, {"often", std::chrono::seconds(1), {.kind = "test.endless"}})
          .ok());
  EXPECT_EQ(
      runner->PutSchedule(context_, {"never", std::chrono::seconds(0), {.kind = "test.a"}}).code(),
      StatusCode::kInvalidArgument);
  ASSERT_TRUE(runner->Start().ok());
  clock_.Advance(std::chrono::seconds(2));
  runner->Wake();
  Until([&] { return All({.state = "running"}).size() == 1; });
  const auto next_at = [&] {
    return **database_->ReadFor<std::optional<int64_t>>(context_, [](sql::Session& session) {
      return session.QueryOne<int64_t>("SELECT next_at FROM jobs_schedules", {},
                                       [](const sql::Row& row) { return row.Int(0); });
    });
  };
  clock_.Advance(std::chrono::seconds(5));
  runner->Wake();
  Until([&] { return next_at() > clock_.now(); });
  EXPECT_EQ(All({}).size(), 1u);
}

TEST_F(RunnerTest, ManyJobsOnSeveralThreadsRunOnceEach) {
  auto runner = MakeRunner({.threads = 4});
  std::mutex mutex;
  std::map<int64_t, int> runs;
  runner->Register("test.count", [&](JobHandle& handle) -> Result<Json> {
    std::lock_guard lock(mutex);
    ++runs[handle.job().payload.AsInt()];
    return Json();
  });
  ASSERT_TRUE(runner->Start().ok());
  std::vector<std::string> ids;
  for (int i = 0; i < 50; ++i) ids.push_back(Add({.kind = "test.count", .payload = Json(i)}));
  for (const std::string& id : ids)
    ASSERT_EQ(runner->WaitFor(patient_, id)->state, JobState::kSucceeded);
  EXPECT_EQ(runs.size(), 50u);
  for (const auto& [payload, count] : runs) EXPECT_EQ(count, 1) << payload;
}

}  // namespace
}  // namespace caisson::jobs
