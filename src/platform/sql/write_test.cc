// What Write promises: groups, isolation of failures, what happens after a commit, bounds.
#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/sql/database.h"
#include "platform/sql/testing.h"

namespace caisson::sql {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kEndless =
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) INSERT INTO test_items SELECT "
    "x FROM n";

class WriteTest : public ::testing::Test {
 protected:
  WriteTest()
      : database_("CREATE TABLE test_items (id BIGINT PRIMARY KEY);",
                  {.write_queue_capacity = 50}) {}

  static Status Insert(Transaction& transaction, int64_t id) {
    return transaction.Execute("INSERT INTO test_items VALUES ($1)", {id}).status();
  }
  Status Put(int64_t id) {
    return database_->Write(context_,
                            [&](Transaction& transaction) { return Insert(transaction, id); });
  }
  std::vector<int64_t> Ids() {
    return *database_->ReadFor<std::vector<int64_t>>(context_, [](Session& session) {
      return session.QueryAll<int64_t>("SELECT id FROM test_items ORDER BY id", {},
                                       [](const Row& row) { return row.Int(0); });
    });
  }

  // Keeps the writer busy until Release, so that what is written meanwhile becomes one group with
  // the blocking function.
  class Blocker {
   public:
    explicit Blocker(WriteTest& test) {
      thread_ = std::thread([this, &test] {
        const Status status = test.database_->Write(test.context_, [this](Transaction&) {
          // It may run a second time, as part of a group that failed.
          if (!ran_.exchange(true)) entered_.set_value();
          released_.wait();
          return OkStatus();
        });
        EXPECT_TRUE(status.ok()) << status;
      });
      entered_.get_future().wait();
    }
    ~Blocker() { Release(); }
    void Release() {
      if (!thread_.joinable()) return;
      release_.set_value();
      thread_.join();
    }

   private:
    std::promise<void> entered_;
    std::promise<void> release_;
    std::shared_future<void> released_ = release_.get_future().share();
    std::atomic<bool> ran_{false};
    std::thread thread_;
  };

  // Waits until `count` writes are in the queue, as a full group would find them.
  void WaitForQueue(size_t count) {
    while (database_->queued_writes() < count) std::this_thread::yield();
  }

  const Context context_ = Context::Background();
  testing::TestDatabase database_;
};

TEST_F(WriteTest, AFailedFunctionIsRolledBackAlone) {
  Blocker blocker(*this);
  std::vector<std::thread> threads;
  for (int i = 0; i < 10; ++i) {
    threads.emplace_back([&, i] {
      const Status status = database_->Write(context_, [&](Transaction& transaction) -> Status {
        CAISSON_TRY(Insert(transaction, i));
        return i % 2 == 0 ? OkStatus() : Aborted("odd");
      });
      EXPECT_EQ(status.code(), i % 2 == 0 ? StatusCode::kOk : StatusCode::kAborted);
    });
  }
  WaitForQueue(10);
  blocker.Release();
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(Ids(), ElementsAre(0, 2, 4, 6, 8));
}

// SQLite gives up the whole transaction when a write is interrupted; the others of the group must
// not notice.
TEST_F(WriteTest, AnInterruptedWriteTakesNobodyWithIt) {
  std::vector<std::thread> threads;
  std::atomic<int> runs{0};
  {
    Blocker blocker(*this);
    for (int i = 0; i < 5; ++i) {
      threads.emplace_back([&, i] {
        const Status status = database_->Write(context_, [&](Transaction& transaction) {
          ++runs;
          return Insert(transaction, -i);
        });
        EXPECT_TRUE(status.ok()) << status;
      });
    }
    WaitForQueue(5);
    CancelSource cancel;
    threads.emplace_back([&, cancel]() mutable {
      const Status status =
          database_->Write(context_.WithCancel(cancel), [&](Transaction& transaction) {
            cancel.Cancel();
            return transaction.Execute(kEndless).status();
          });
      EXPECT_EQ(status.code(), StatusCode::kCancelled) << status;
    });
    WaitForQueue(6);
    blocker.Release();
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_THAT(Ids(), ElementsAre(-4, -3, -2, -1, 0));
  EXPECT_GE(runs.load(), 5);
}

// A deferred foreign key shows only at the commit, which it makes fail for the whole group.
TEST_F(WriteTest, AGroupWhoseCommitFailsIsTriedOneByOne) {
  ASSERT_TRUE(database_
                  ->Write(context_,
                          [](Transaction& transaction) {
                            return transaction
                                .Execute(
                                    "CREATE TABLE test_children (id BIGINT REFERENCES test_items "
                                    "(id) DEFERRABLE INITIALLY DEFERRED)")
                                .status();
                          })
                  .ok());
  Blocker blocker(*this);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] { EXPECT_TRUE(Put(i).ok()); });
  }
  threads.emplace_back([&] {
    const Status status = database_->Write(context_, [](Transaction& transaction) {
      return transaction.Execute("INSERT INTO test_children VALUES (77)").status();
    });
    EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition) << status;
  });
  WaitForQueue(5);
  blocker.Release();
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(Ids(), ElementsAre(0, 1, 2, 3));
}

TEST_F(WriteTest, ActionsRunOnceAfterTheCommitAndBeforeTheAnswer) {
  std::vector<std::string> log;
  Listener listener = database_->Listen("test.channel", [&] { log.push_back("heard"); });
  ASSERT_TRUE(database_
                  ->Write(context_,
                          [&](Transaction& transaction) -> Status {
                            transaction.OnCommit([&] { log.push_back("committed"); });
                            transaction.Notify("test.channel");
                            transaction.Notify("test.channel");
                            transaction.Notify("test.other");
                            EXPECT_TRUE(log.empty());
                            return Insert(transaction, 1);
                          })
                  .ok());
  EXPECT_THAT(log, ElementsAre("committed", "heard"));
  EXPECT_FALSE(database_
                   ->Write(context_,
                           [&](Transaction& transaction) -> Status {
                             transaction.OnCommit([&] { log.push_back("never"); });
                             transaction.Notify("test.channel");
                             return Insert(transaction, 1);
                           })
                   .ok());
  EXPECT_EQ(log.size(), 2u);
  listener = Listener();
  ASSERT_TRUE(database_
                  ->Write(context_,
                          [](Transaction& transaction) {
                            transaction.Notify("test.channel");
                            return OkStatus();
                          })
                  .ok());
  EXPECT_EQ(log.size(), 2u);
}

TEST_F(WriteTest, TheTransactionKnowsWhoAndWhen) {
  ASSERT_TRUE(database_
                  ->Write(context_.WithPrincipal("ada").WithProject("flights"),
                          [](Transaction& transaction) {
                            EXPECT_EQ(transaction.context().principal(), "ada");
                            EXPECT_EQ(transaction.context().project(), "flights");
                            EXPECT_GT(transaction.now(), 1'600'000'000'000);
                            return OkStatus();
                          })
                  .ok());
}

TEST_F(WriteTest, ADeadlineEndsTheWaitInTheQueue) {
  bool ran = false;
  {
    Blocker blocker(*this);
    const Status status = database_->Write(context_.WithTimeout(std::chrono::milliseconds(5)),
                                           [&](Transaction& transaction) {
                                             ran = true;
                                             return Insert(transaction, 1);
                                           });
    EXPECT_EQ(status.code(), StatusCode::kDeadlineExceeded);
  }
  EXPECT_TRUE(Put(2).ok());
  EXPECT_FALSE(ran);
  EXPECT_THAT(Ids(), ElementsAre(2));
}

TEST_F(WriteTest, AFullQueueRefuses) {
  Blocker blocker(*this);
  std::vector<std::thread> threads;
  for (int i = 0; i < 50; ++i) {
    threads.emplace_back([&, i] { EXPECT_TRUE(Put(i).ok()); });
  }
  WaitForQueue(50);
  const Status status = Put(50);
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(Message(status), HasSubstr("50 writes wait"));
  blocker.Release();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Ids().size(), 50u);
}

TEST_F(WriteTest, ManyThreadsLoseNothing) {
  constexpr int kThreads = 16;
  constexpr int kWrites = 100;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kWrites; ++i) ASSERT_TRUE(Put(t * kWrites + i).ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Ids().size(), static_cast<size_t>(kThreads * kWrites));
  // The migration that made the table was two more.
  EXPECT_THAT(database_.metrics().Expose(),
              HasSubstr("caisson_sql_write_seconds_count{database=\"test\"} 1602"));
}

// Enough pages to pass the bound for an idle checkpoint.
TEST_F(WriteTest, TheLogIsEmptiedIntoTheFile) {
  ASSERT_TRUE(
      database_
          ->Write(context_,
                  [](Transaction& transaction) {
                    return transaction.Execute("CREATE TABLE test_blobs (body BLOB)").status();
                  })
          .ok());
  for (int i = 0; i < 12; ++i) {
    ASSERT_TRUE(database_
                    ->Write(context_,
                            [](Transaction& transaction) {
                              return transaction
                                  .Execute("INSERT INTO test_blobs VALUES (zeroblob(2000000))")
                                  .status();
                            })
                    .ok());
  }
  // The writer does it after it has answered, as soon as nobody waits for it.
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  const auto file_size = [&] { return StatFile(database_.path())->identity.size; };
  while (file_size() < 24'000'000 && std::chrono::steady_clock::now() < give_up)
    std::this_thread::yield();
  EXPECT_GE(file_size(), 24'000'000u);
}

}  // namespace
}  // namespace caisson::sql
