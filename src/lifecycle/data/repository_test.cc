#include "lifecycle/data/repository.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <utime.h>

#include "base/files.h"
#include "base/hash.h"
#include "base/strings.h"

namespace caisson::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Context kContext = Context::Background();

class Repositories : public ::testing::Test {
 protected:
  Repositories() : folder_(TemporaryDirectory::Create("caisson-repository").value()) { Reopen(); }

  void Reopen() { repository_ = Repository::OpenOrInit(folder_.path()).value(); }
  std::string Path(std::string_view name) const { return JoinPath(folder_.path(), name); }
  void Write(std::string_view name, std::string_view text) {
    ASSERT_TRUE(WriteFileAtomic(Path(name), text).ok());
  }
  // As if it had been written long ago: what just changed is not remembered.
  void Settle(std::string_view name) {
    const utimbuf times{1'000'000'000, 1'000'000'000};
    ASSERT_EQ(::utime(Path(name).c_str(), &times), 0);
  }
  std::string Text(std::string_view name) const { return ReadFile(Path(name)).value_or("(none)"); }
  uint32_t Mode(const std::string& path) const { return StatFile(path).value().mode & 0777; }
  std::string Object(std::string_view md5) const {
    return fmt::format("{}/files/md5/{}/{}", repository_->cache_folder(), md5.substr(0, 2),
                       md5.substr(2));
  }
  OutEntry Add(std::string_view path) {
    Result<OutEntry> entry = repository_->Add(kContext, path);
    if (!entry.ok()) ADD_FAILURE() << entry.status();
    return entry.ok() ? *std::move(entry) : OutEntry();
  }

  TemporaryDirectory folder_;
  std::unique_ptr<Repository> repository_;
};

TEST_F(Repositories, InitIsWhatDvcInitLeaves) {
  EXPECT_EQ(Text(".dvc/config"), "[core]\n    no_scm = True\n");
  EXPECT_EQ(Text(".dvc/.gitignore"), "/config.local\n/tmp\n/cache\n");
  EXPECT_TRUE(FileExists(Path(".dvcignore")));
  EXPECT_EQ(repository_->cache_folder(), Path(".dvc/cache"));
  EXPECT_EQ(Repository::Open(Path("sub/folder")).value()->root(), folder_.path());
}

TEST_F(Repositories, OutsideOfARepositoryIsNotFound) {
  const TemporaryDirectory other = TemporaryDirectory::Create().value();
  const auto opened = Repository::Open(other.path());
  EXPECT_EQ(opened.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(Message(opened.status()), HasSubstr("dvc init"));
}

TEST_F(Repositories, AFileIsAddedAsDvcDoes) {
  Write("data/a.csv", "foo");
  const OutEntry entry = Add("data/a.csv");
  EXPECT_EQ(entry.md5, Md5("foo"));
  EXPECT_EQ(entry.size, 3);
  EXPECT_EQ(Text("data/a.csv.dvc"),
            "outs:\n- md5: " + Md5("foo") + "\n  size: 3\n  hash: md5\n  path: a.csv\n");
  EXPECT_EQ(ReadFile(Object(entry.md5)).value(), "foo");
  EXPECT_EQ(Mode(Object(entry.md5)), 0444u);
  EXPECT_FALSE(FileExists(Path("data/.gitignore")));  // not in git
  const OutEntry tracked = repository_->Tracked("data/a.csv").value();
  EXPECT_EQ(tracked.md5, entry.md5);
  EXPECT_EQ(tracked.path, "data/a.csv");
}

TEST_F(Repositories, AFolderIsAddedAsDvcDoes) {
  Write("d/foo", "foo");
  Write("d/bar", "bar");
  const OutEntry entry = Add("d");
  EXPECT_EQ(entry.md5, "5ea40360f5b4ec688df672a4db9c17d1.dir");
  EXPECT_EQ(entry.size, 6);
  EXPECT_EQ(entry.file_count, 2);
  EXPECT_TRUE(entry.is_folder);
  EXPECT_EQ(Mode(Object(entry.md5)), 0444u);
  EXPECT_TRUE(repository_->InCache(entry));
  EXPECT_EQ(repository_->Tracked(Path("d")).value().file_count, 2);
}

TEST_F(Repositories, InGitTheDataIsIgnored) {
  ASSERT_TRUE(MakeDirectories(Path(".git")).ok());
  Reopen();
  Write("data/a b.txt", "x");
  Write("data/.gitignore", "*.log");
  Add("data/a b.txt");
  Add("data/a b.txt");
  EXPECT_EQ(Text("data/.gitignore"), "*.log\n/a b.txt\n");
}

TEST_F(Repositories, WhatDidNotChangeIsNotReadAgain) {
  for (int i = 0; i < 5; ++i) {
    Write(fmt::format("d/{}", i), std::to_string(i));
    Settle(fmt::format("d/{}", i));
  }
  const OutEntry first = Add("d");
  Reopen();
  EXPECT_EQ(repository_->Hash(kContext, "d")->md5, first.md5);
  EXPECT_EQ(repository_->counters().files_hashed, 0);
  EXPECT_EQ(repository_->counters().files_reused, 5);
  Write("d/3", "changed");
  Reopen();
  EXPECT_NE(repository_->Hash(kContext, "d")->md5, first.md5);
  EXPECT_EQ(repository_->counters().files_hashed, 1);
  EXPECT_EQ(repository_->counters().bytes_hashed, 7);
}

TEST_F(Repositories, AChangeOfTheSameSizeIsSeen) {
  Write("a", "one");
  Add("a");
  Write("a", "two");
  EXPECT_EQ(repository_->Hash(kContext, "a")->md5, Md5("two"));
  const auto states = repository_->States(kContext).value();
  ASSERT_EQ(states.size(), 1u);
  EXPECT_EQ(states[0].state, "modified");
}

TEST_F(Repositories, AFileThatChangesWhileItIsHashedIsToldApart) {
  Write("d/1", "first");
  Write("d/2", "second");
  // Both were looked at before the first was read.
  const auto entry = repository_->Add(kContext, "d", [&](int64_t done, int64_t, int64_t) {
    if (done == 1) Write("d/2", "second, and more");
  });
  EXPECT_EQ(entry.status().code(), StatusCode::kAborted);
  EXPECT_THAT(Message(entry.status()),
              AllOf(HasSubstr("d/2"), HasSubstr("changed while it was read")));
  EXPECT_FALSE(FileExists(Path("d.dvc")));
  EXPECT_EQ(Add("d").size, 21);
}

TEST_F(Repositories, CheckoutPutsBackWhatWasAdded) {
  Write("a.sh", "#!/bin/sh\n");
  ASSERT_EQ(::chmod(Path("a.sh").c_str(), 0755), 0);
  Write("d/x/1", "one");
  Write("d/2", "two");
  const OutEntry file = Add("a.sh");
  const OutEntry folder = Add("d");
  EXPECT_TRUE(file.is_executable);
  ASSERT_TRUE(RemoveFile(Path("a.sh")).ok());
  Write("d/2", "wrong");
  Write("d/extra", "x");
  ASSERT_TRUE(repository_->Checkout(kContext, file).ok());
  ASSERT_TRUE(repository_->Checkout(kContext, folder).ok());
  EXPECT_EQ(Text("a.sh"), "#!/bin/sh\n");
  EXPECT_EQ(Mode(Path("a.sh")) & 0100, 0100u);
  EXPECT_EQ(Text("d/x/1"), "one");
  EXPECT_EQ(Text("d/2"), "two");
  EXPECT_FALSE(FileExists(Path("d/extra")));
}

TEST_F(Repositories, ADamagedObjectNeverReachesTheWorkTree) {
  Write("a", "content");
  const OutEntry entry = Add("a");
  ASSERT_EQ(::chmod(Object(entry.md5).c_str(), 0644), 0);
  ASSERT_TRUE(WriteFileAtomic(Object(entry.md5), "c0ntent").ok());
  Write("a", "mine");
  const Status status = repository_->Checkout(kContext, entry);
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(Message(status), AllOf(HasSubstr(Object(entry.md5)), HasSubstr("damaged")));
  EXPECT_EQ(Text("a"), "mine");
}

TEST_F(Repositories, ADamagedFolderObjectIsNamed) {
  Write("d/1", "one");
  const OutEntry entry = Add("d");
  ASSERT_TRUE(WriteFileAtomic(Object(entry.md5), "[]").ok());
  EXPECT_EQ(repository_->Checkout(kContext, entry).code(), StatusCode::kDataLoss);
  EXPECT_EQ(Text("d/1"), "one");
  EXPECT_FALSE(repository_->InCache(entry));
}

TEST_F(Repositories, ADamagedMemberLeavesTheWholeFolderAsItWas) {
  Write("d/1", "one");
  Write("d/2", "two");
  const OutEntry entry = Add("d");
  ASSERT_TRUE(WriteFileAtomic(Object(Md5("two")), "tw0").ok());
  Write("d/1", "mine");
  EXPECT_EQ(repository_->Checkout(kContext, entry).code(), StatusCode::kDataLoss);
  EXPECT_EQ(Text("d/1"), "mine");
  const std::vector<DirectoryEntry> entries = ListDirectory(folder_.path()).value();
  for (const DirectoryEntry& present : entries) {
    EXPECT_FALSE(present.name.starts_with(kTemporaryFilePrefix)) << present.name;
  }
}

TEST_F(Repositories, WhatTheCacheLacksIsListed) {
  Write("d/1", "one");
  Write("d/2", "two");
  const OutEntry entry = Add("d");
  ASSERT_TRUE(RemoveFile(Object(Md5("two"))).ok());
  const Status status = repository_->Checkout(kContext, entry);
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_THAT(Message(status),
              AllOf(HasSubstr("1 of the files of d"), HasSubstr("(2)"), HasSubstr("dvc pull")));
  EXPECT_FALSE(repository_->InCache(entry));
  EXPECT_EQ(repository_->States(kContext)->at(0).state, "not in cache");
  // The bytes are still in the work tree: adding again heals the cache.
  Add("d");
  EXPECT_TRUE(repository_->InCache(entry));
}

TEST_F(Repositories, StatesOfAllThatIsTracked) {
  Write("a", "a");
  Write("sub/b", "b");
  Write("c", "c");
  Add("a");
  Add("sub/b");
  Add("c");
  ASSERT_TRUE(RemoveFile(Path("c")).ok());
  Write("sub/b", "changed");
  std::vector<std::string> lines;
  const auto states = repository_->States(kContext).value();
  for (const TrackedState& state : states) lines.push_back(state.recorded.path + " " + state.state);
  EXPECT_THAT(lines, ElementsAre("a unchanged", "c missing", "sub/b modified"));
}

TEST_F(Repositories, IgnoredFilesAreNoPartOfAFolder) {
  Write("d/1", "one");
  const OutEntry without = Add("d");
  Write(".dvcignore", "*.tmp\n");
  Write("d/x.tmp", "x");
  EXPECT_EQ(repository_->Hash(kContext, "d")->md5, without.md5);
  Write("d/.dvcignore", "");
  EXPECT_EQ(repository_->Hash(kContext, "d").status().code(), StatusCode::kInvalidArgument);
}

TEST_F(Repositories, PathsOutsideAndOddOnesAreRefused) {
  EXPECT_EQ(repository_->Add(kContext, "../x").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(repository_->Add(kContext, ".").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(repository_->Add(kContext, "none").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(repository_->Tracked("none").status().code(), StatusCode::kNotFound);
  ASSERT_EQ(::symlink(".", Path("loop").c_str()), 0);
  ASSERT_TRUE(MakeDirectories(Path("d")).ok());
  ASSERT_EQ(::symlink(".", Path("d/loop").c_str()), 0);
  EXPECT_FALSE(repository_->Hash(kContext, "d").ok());
}

TEST_F(Repositories, TheCacheMayLieElsewhere) {
  Write(
      ".dvc/config",
      "[core]\n    no_scm = True\n['remote \"far\"']\n    url = x\n[cache]\n    dir = ../other\n");
  Reopen();
  EXPECT_EQ(repository_->cache_folder(), Path("other"));
  Write(".dvc/config.local", "[cache]\ndir = /mine\n");
  Reopen();
  EXPECT_EQ(repository_->cache_folder(), "/mine");
}

TEST_F(Repositories, DvcsLockIsHonoured) {
  Write("a", "a");
  ASSERT_TRUE(MakeDirectories(Path(".dvc/tmp")).ok());
  const FileDescriptor lock(
      ::open(Path(".dvc/tmp/lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644));
  ASSERT_EQ(::flock(lock.get(), LOCK_EX | LOCK_NB), 0);
  const auto entry = repository_->Add(kContext, "a");
  EXPECT_EQ(entry.status().code(), StatusCode::kAborted);
  EXPECT_THAT(Message(entry.status()), HasSubstr("in use by another command"));
}

TEST_F(Repositories, ACancelledAddLeavesNothingHalf) {
  Write("a", std::string(3 << 20, 'x'));
  CancelSource source;
  source.Cancel();
  EXPECT_EQ(repository_->Add(kContext.WithCancel(source), "a").status().code(),
            StatusCode::kCancelled);
  EXPECT_FALSE(FileExists(Path("a.dvc")));
}

}  // namespace
}  // namespace caisson::data
