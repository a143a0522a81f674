#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"

namespace caisson {
namespace {

using ::testing::HasSubstr;

class FileLockTest : public ::testing::Test {
 protected:
  const TemporaryDirectory folder_ = std::move(TemporaryDirectory::Create()).value();
  const std::string path_ = JoinPath(folder_.path(), "lock");
  const LockHolder holder_ = {4711, 989'243'100'250, "caisson up", ""};
};

TEST_F(FileLockTest, NamesItsHolder) {
  auto lock = FileLock::Acquire(path_, holder_);
  ASSERT_TRUE(lock.ok()) << lock.status();
  ASSERT_TRUE(lock->UpdateHolder({4711, holder_.since, "caisson up", "127.0.0.1:4600"}).ok());

  const auto second = FileLock::Acquire(path_, {1, 0, "caisson run", ""});
  EXPECT_EQ(second.status().code(), StatusCode::kAborted);
  EXPECT_THAT(Message(second.status()),
              HasSubstr("is held by process 4711 (caisson up) since 2001-05-07T13:45:00.250Z, "
                        "serving on 127.0.0.1:4600"));

  const auto holder = FileLock::ReadHolder(path_);
  ASSERT_TRUE(holder.ok()) << holder.status();
  EXPECT_EQ(holder->pid, 4711);
  EXPECT_EQ(holder->since, holder_.since);
  EXPECT_EQ(holder->command, "caisson up");
  EXPECT_EQ(holder->http_address, "127.0.0.1:4600");
}

TEST_F(FileLockTest, ShrinksToAShorterHolder) {
  auto lock = FileLock::Acquire(path_, {1, 0, std::string(1000, 'x'), ""});
  ASSERT_TRUE(lock.ok());
  ASSERT_TRUE(lock->UpdateHolder(holder_).ok());
  EXPECT_EQ(FileLock::ReadHolder(path_).value().command, "caisson up");
  EXPECT_LT(ReadFile(path_).value().size(), 200u);
}

TEST_F(FileLockTest, IsFreeWhenTheObjectGoes) {
  EXPECT_EQ(FileLock::ReadHolder(path_).status().code(), StatusCode::kNotFound);
  { ASSERT_TRUE(FileLock::Acquire(path_, holder_).ok()); }
  EXPECT_EQ(FileLock::ReadHolder(path_).status().code(), StatusCode::kNotFound);
  EXPECT_TRUE(FileLock::Acquire(path_, holder_).ok());
}

TEST_F(FileLockTest, IsFreeWhenTheProcessIsKilled) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = FileLock::Acquire(path_, holder_);
    const char answer = lock.ok() ? 'y' : 'n';
    [[maybe_unused]] const ssize_t written = ::write(ready[1], &answer, 1);
    while (true) ::pause();
  }
  char answer = '?';
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  EXPECT_EQ(FileLock::Acquire(path_, holder_).status().code(), StatusCode::kAborted);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(FileLock::Acquire(path_, holder_).ok());
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(FileLockTest, IsNotDisturbedByThoseWhoAsk) {
  std::atomic<bool> stop = false;
  ASSERT_TRUE(FileLock::Acquire(path_, holder_).ok());
  std::thread asker([&] {
    while (!stop) (void)FileLock::ReadHolder(path_);
  });
  int failures = 0;
  for (int i = 0; i < 200; ++i) failures += FileLock::Acquire(path_, holder_).ok() ? 0 : 1;
  stop = true;
  asker.join();
  EXPECT_EQ(failures, 0);
}

TEST_F(FileLockTest, SaysSoWhenTheHolderIsUnreadable) {
  auto lock = FileLock::Acquire(path_, holder_);
  ASSERT_TRUE(lock.ok());
  // Written in place: an atomic write would put another file there.
  FILE* file = std::fopen(path_.c_str(), "r+");
  ASSERT_NE(file, nullptr);
  std::fputs("{broken", file);
  std::fclose(file);
  EXPECT_THAT(Message(FileLock::Acquire(path_, holder_).status()),
              HasSubstr("is held by another process"));
}

TEST_F(FileLockTest, NamesTheFileThatCannotBeOpened) {
  EXPECT_THAT(Message(FileLock::Acquire(JoinPath(path_, "x/y"), holder_).status()),
              HasSubstr("open the lock file"));
}

}  // namespace
}  // namespace caisson
