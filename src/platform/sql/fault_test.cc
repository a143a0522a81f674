// What was acknowledged survives kill -9, torn files and full disks.
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "platform/sql/database.h"

namespace caisson::sql {
namespace {

const SystemClock kClock;

constexpr std::string_view kTable =
    "CREATE TABLE test_items (id BIGINT PRIMARY KEY, body TEXT NOT NULL)";

Result<std::unique_ptr<Database>> OpenItems(const std::string& path, telemetry::Registry& metrics) {
  CAISSON_ASSIGN(auto database, Database::Open({.path = path}, kClock, metrics));
  CAISSON_TRY(database->Migrate({"test", {{1, "items", kTable}}}));
  return database;
}

Status Put(Database& database, int64_t id, std::string_view body) {
  return database.Write(Context::Background(), [&](Transaction& transaction) {
    return transaction.Execute("INSERT INTO test_items (id, body) VALUES ($1, $2)", {id, body})
        .status();
  });
}

Result<std::vector<int64_t>> Ids(Database& database) {
  return database.ReadFor<std::vector<int64_t>>(Context::Background(), [](Session& session) {
    return session.QueryAll<int64_t>("SELECT id FROM test_items ORDER BY id", {},
                                     [](const Row& row) { return row.Int(0); });
  });
}

std::string IntegrityCheck(Database& database) {
  std::string verdict;
  const Status status = database.Read(Context::Background(), [&](Session& session) {
    return session.Query("PRAGMA integrity_check", {}, [&](const Row& row) {
      verdict += row.Text(0);
      return OkStatus();
    });
  });
  return status.ok() ? verdict : status.ToString();
}

// Runs `function` in a child process; what it returns is the exit code. The caller reaps the child.
pid_t StartChild(const std::function<int()>& function) {
  const pid_t pid = fork();
  if (pid == 0) _exit(function());
  return pid;
}

int WaitForExit(pid_t pid) {
  int state = 0;
  waitpid(pid, &state, 0);
  return WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
}

// Several threads write rows and say through the pipe which ones were acknowledged, until they are
// killed.
int WriteUntilKilled(const std::string& path, int64_t first_id, int acknowledged_pipe) {
  telemetry::Registry metrics;
  auto database = OpenItems(path, metrics);
  if (!database.ok()) return 1;
  std::atomic<int64_t> next_id{first_id};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      while (true) {
        const int64_t id = next_id++;
        if (!Put(**database, id, std::string(static_cast<size_t>(id % 3000), 'x')).ok()) _exit(2);
        if (write(acknowledged_pipe, &id, sizeof(id)) != sizeof(id)) _exit(3);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return 0;
}

TEST(FaultTest, NothingAcknowledgedIsLostWhenTheProcessIsKilled) {
  const auto folder = TemporaryDirectory::Create();
  const std::string path = folder->path() + "/main.db";
  std::mt19937 random(20010507);
  std::vector<int64_t> acknowledged;
  int64_t first_id = 0;
  for (int round = 0; round < 20; ++round) {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const pid_t pid = StartChild([&] { return WriteUntilKilled(path, first_id, ends[1]); });
    close(ends[1]);
    // The moment is random but for one thing: it comes after some acknowledgements, so that each
    // round tests something.
    const size_t enough = acknowledged.size() + 1 + random() % 60;
    int64_t id = 0;
    while (read(ends[0], &id, sizeof(id)) == sizeof(id)) {
      acknowledged.push_back(id);
      if (acknowledged.size() == enough) kill(pid, SIGKILL);
    }
    close(ends[0]);
    ASSERT_EQ(WaitForExit(pid), 128 + SIGKILL);

    telemetry::Registry metrics;
    auto database = OpenItems(path, metrics);
    ASSERT_TRUE(database.ok()) << database.status();
    ASSERT_EQ(IntegrityCheck(**database), "ok");
    const auto ids = Ids(**database);
    ASSERT_TRUE(ids.ok()) << ids.status();
    ASSERT_THAT(*ids, ::testing::IsSupersetOf(acknowledged)) << "round " << round;
    first_id = ids->back() + 1;
  }
  EXPECT_GE(acknowledged.size(), 20u);
}

// A power cut tears the end of the log. Whatever is cut off or overwritten there, the file opens
// with a prefix of the commits.
TEST(FaultTest, ATornLogKeepsThePrefix) {
  const auto folder = TemporaryDirectory::Create();
  const std::string original = folder->path() + "/original/main.db";
  constexpr int64_t kRows = 50;
  // A child that ends without closing leaves the log as it is.
  ASSERT_EQ(WaitForExit(StartChild([&] {
              telemetry::Registry metrics;
              auto database = OpenItems(original, metrics);
              for (int64_t id = 0; id < kRows; ++id) {
                if (!database.ok() || !Put(**database, id, std::string(500, 'x')).ok()) _exit(1);
              }
              _exit(0);
              return 0;
            })),
            0);
  const std::string log = ReadFile(original + "-wal").value();
  const std::string main = ReadFile(original).value();
  std::mt19937 random(1);
  size_t shortest = kRows;
  for (int round = 0; round < 20; ++round) {
    std::string torn = log;
    const size_t at = random() % torn.size();
    if (round % 2 == 0) {
      torn.resize(at);
    } else {
      for (size_t i = at; i < std::min(at + 512, torn.size()); ++i)
        torn[i] = static_cast<char>(random());
    }
    const std::string path = folder->path() + "/torn" + std::to_string(round) + "/main.db";
    ASSERT_TRUE(MakeDirectories(ParentPath(path)).ok());
    ASSERT_TRUE(AppendFile(path, main).ok());
    ASSERT_TRUE(AppendFile(path + "-wal", torn).ok());
    telemetry::Registry metrics;
    auto database = OpenItems(path, metrics);
    ASSERT_TRUE(database.ok()) << database.status();
    ASSERT_EQ(IntegrityCheck(**database), "ok");
    const auto ids = Ids(**database);
    ASSERT_TRUE(ids.ok()) << ids.status();
    for (size_t i = 0; i < ids->size(); ++i) ASSERT_EQ((*ids)[i], static_cast<int64_t>(i));
    shortest = std::min(shortest, ids->size());
    ASSERT_TRUE(Put(**database, 1'000, "goes on").ok());
  }
  EXPECT_LT(shortest, static_cast<size_t>(kRows));
}

// Fills the disk through `database`, checks the error, frees space with `free_space` and checks
// that writing goes on and that all that was acknowledged is there. The result is 0, or the number
// of the step that went wrong.
int FillAndRecover(const std::string& path, const std::function<void()>& free_space) {
  telemetry::Registry metrics;
  auto database = OpenItems(path, metrics);
  if (!database.ok()) return 1;
  const std::string body(100'000, 'x');
  int64_t written = 0;
  Status status;
  while (status.ok() && written < 10'000) {
    status = Put(**database, written, body);
    if (status.ok()) ++written;
  }
  if (status.code() != StatusCode::kResourceExhausted || written == 0) return 2;
  // Still full: the same clear answer, and reading works.
  if (Put(**database, 100'000, body).code() != StatusCode::kResourceExhausted) return 3;
  const auto ids = Ids(**database);
  if (!ids.ok() || static_cast<int64_t>(ids->size()) != written) return 4;
  free_space();
  if (!Put(**database, 100'001, body).ok()) return 5;
  const auto after = Ids(**database);
  if (!after.ok() || static_cast<int64_t>(after->size()) != written + 1) return 6;
  return IntegrityCheck(**database) == "ok" ? 0 : 7;
}

TEST(FaultTest, AFileSizeLimitIsAFullDisk) {
  const auto folder = TemporaryDirectory::Create();
  const int code = WaitForExit(StartChild([&] {
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit {
      2'000'000, RLIM_INFINITY
    };
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 100;
    return FillAndRecover(folder->path() + "/main.db", [] {
      struct rlimit none {
        RLIM_INFINITY, RLIM_INFINITY
      };
      setrlimit(RLIMIT_FSIZE, &none);
    });
  }));
  EXPECT_EQ(code, 0);
}

// Puts a small file system on `folder` that nobody else sees and that goes with the process.
bool MountPrivately(const std::string& folder, const char* options) {
  const uid_t user = getuid();
  if (unshare(CLONE_NEWNS) != 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    // Without a mapping nobody owns the new file system's root.
    if (!AppendFile("/proc/self/uid_map", fmt::format("0 {} 1", user)).ok()) return false;
  }
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  return mount("none", folder.c_str(), "tmpfs", 0, options) == 0;
}

TEST(FaultTest, AFullDiskIsSurvived) {
  const auto folder = TemporaryDirectory::Create();
  constexpr int kNotPermitted = 101;
  const int code = WaitForExit(StartChild([&] {
    if (!MountPrivately(folder->path(), "size=4m")) return kNotPermitted;
    const std::string ballast = folder->path() + "/ballast";
    if (!WriteFileAtomic(ballast, std::string(1'500'000, 'b')).ok()) return 102;
    return FillAndRecover(folder->path() + "/main.db", [&] { (void)RemoveFile(ballast); });
  }));
  if (code == kNotPermitted) GTEST_SKIP() << "this account may not mount a tmpfs";
  EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace caisson::sql
