#include "platform/blob/blob_store.h"

#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ids.h"

namespace caisson::blob {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class BlobStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::Create("caisson-blob-test");
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_ = std::make_unique<TemporaryDirectory>(*std::move(folder));
    root_ = JoinPath(folder_->path(), "blobs");
    store_ = Reopen();
    ASSERT_NE(store_, nullptr);
  }
  std::unique_ptr<BlobStore> Reopen() const {
    auto store = BlobStore::Open(root_);
    EXPECT_TRUE(store.ok()) << store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }
  std::string Put(std::string_view bytes) {
    const auto digest = store_->Put(bytes);
    EXPECT_TRUE(digest.ok()) << digest.status();
    return digest.value_or("");
  }
  // The unfinished files in the store.
  std::vector<std::string> Unfinished() const {
    std::vector<std::string> names;
    const auto entries = ListDirectory(root_);
    EXPECT_TRUE(entries.ok()) << entries.status();
    for (const auto& entry : *entries) {
      if (entry.name.starts_with(kTemporaryFilePrefix)) names.push_back(entry.name);
    }
    return names;
  }
  // Overwrites a stored blob behind the store's back.
  void Damage(const std::string& digest, std::string_view bytes) {
    const std::string path = *store_->PathOf(digest);
    ASSERT_EQ(chmod(path.c_str(), 0644), 0);
    const FileDescriptor file(open(path.c_str(), O_WRONLY | O_TRUNC));
    ASSERT_TRUE(file.valid());
    ASSERT_TRUE(WriteAll(file.get(), bytes).ok());
  }
  void MakeOld(const std::string& path) {
    const timespec times[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
    ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }
  std::unique_ptr<TemporaryDirectory> folder_;
  std::string root_;
  std::unique_ptr<BlobStore> store_;
};

const std::string kAbsent(64, '0');

TEST_F(BlobStoreTest, GivesBackWhatWasPut) {
  const std::string digest = Put("abc");
  EXPECT_EQ(digest, Sha256("abc"));
  EXPECT_EQ(*store_->Read(digest), "abc");
  EXPECT_EQ(*store_->Size(digest), 3u);
  EXPECT_TRUE(store_->Exists(digest));
  EXPECT_TRUE(store_->Verify(digest).ok());
  EXPECT_EQ(*store_->PathOf(digest), root_ + "/" + digest.substr(0, 2) + "/" + digest.substr(2));
  EXPECT_EQ(StatFile(*store_->PathOf(digest))->mode, 0444u);
  EXPECT_EQ(*store_->Read(Put("")), "");
  EXPECT_EQ(*Reopen()->Read(digest), "abc");
}

TEST_F(BlobStoreTest, AWriterTakesPiecesAndShowsNothingBeforeItIsFinished) {
  auto writer = store_->Create();
  ASSERT_TRUE(writer.ok()) << writer.status();
  ASSERT_TRUE(writer->Append("a").ok());
  ASSERT_TRUE(writer->Append("bc").ok());
  EXPECT_THAT(*store_->List(), IsEmpty());
  const auto digest = writer->Finish();
  ASSERT_TRUE(digest.ok()) << digest.status();
  EXPECT_EQ(*digest, Sha256("abc"));
  EXPECT_EQ(*store_->Read(*digest), "abc");
  EXPECT_THAT(Unfinished(), IsEmpty());
  EXPECT_FALSE(writer->Finish().ok());
}

TEST_F(BlobStoreTest, ADroppedWriterLeavesNothing) {
  {
    auto writer = store_->Create();
    ASSERT_TRUE(writer->Append("abc").ok());
    EXPECT_EQ(Unfinished().size(), 1u);
  }
  EXPECT_THAT(Unfinished(), IsEmpty());
  EXPECT_THAT(*store_->List(), IsEmpty());
}

TEST_F(BlobStoreTest, TheSameContentIsStoredOnce) {
  const std::string digest = Put("abc");
  const FileIdentity before = StatFile(*store_->PathOf(digest))->identity;
  EXPECT_EQ(Put("abc"), digest);
  EXPECT_EQ(StatFile(*store_->PathOf(digest))->identity, before);
  EXPECT_THAT(*store_->List(), ElementsAre(digest));
  EXPECT_THAT(Unfinished(), IsEmpty());
}

TEST_F(BlobStoreTest, PutFileCopiesTheContent) {
  std::string bytes(2'500'000, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 2654435761u >> 11);
  const std::string path = JoinPath(folder_->path(), "file");
  ASSERT_TRUE(WriteFileAtomic(path, bytes).ok());
  const auto digest = store_->PutFile(path);
  ASSERT_TRUE(digest.ok()) << digest.status();
  EXPECT_EQ(*digest, Sha256(bytes));
  EXPECT_EQ(*store_->Read(*digest), bytes);
  EXPECT_EQ(store_->PutFile(path + ".none").status().code(), StatusCode::kNotFound);
  EXPECT_FALSE(store_->PutFile(folder_->path()).ok());
  EXPECT_THAT(Unfinished(), IsEmpty());
}

TEST_F(BlobStoreTest, WhatIsNotStoredIsNotFoundByName) {
  for (const Status& status : {store_->Read(kAbsent).status(), store_->Size(kAbsent).status(),
                               store_->PathOf(kAbsent).status(), store_->Verify(kAbsent)}) {
    EXPECT_EQ(status.code(), StatusCode::kNotFound);
    EXPECT_EQ(Message(status), "blob " + kAbsent + " is not in " + root_);
  }
  EXPECT_FALSE(store_->Exists(kAbsent));
}

TEST_F(BlobStoreTest, ADigestThatIsNoneCannotLeadOutOfTheFolder) {
  for (const std::string& digest :
       {std::string(), std::string("../../etc/passwd"), std::string(63, '0'), std::string(64, 'A'),
        std::string(64, '/'), "../" + std::string(61, '0')}) {
    EXPECT_EQ(store_->Read(digest).status().code(), StatusCode::kInvalidArgument) << digest;
    EXPECT_EQ(store_->PathOf(digest).status().code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(store_->Verify(digest).code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(store_->Remove(digest).code(), StatusCode::kInvalidArgument);
    EXPECT_FALSE(store_->Exists(digest));
  }
}

TEST_F(BlobStoreTest, RemoveForgets) {
  const std::string digest = Put("abc");
  EXPECT_TRUE(store_->Remove(digest).ok());
  EXPECT_FALSE(store_->Exists(digest));
  EXPECT_TRUE(store_->Remove(digest).ok());
  EXPECT_EQ(Put("abc"), digest);
  EXPECT_TRUE(store_->Exists(digest));
}

TEST_F(BlobStoreTest, ListIsSortedAndLeavesOutWhatIsNoBlob) {
  std::vector<std::string> digests;
  for (int i = 0; i < 50; ++i) digests.push_back(Put(std::to_string(i)));
  std::sort(digests.begin(), digests.end());
  ASSERT_TRUE(WriteFileAtomic(JoinPath(root_, "README"), "x").ok());
  ASSERT_TRUE(WriteFileAtomic(JoinPath(root_, "ab/note"), "x").ok());
  ASSERT_TRUE(WriteFileAtomic(JoinPath(root_, "other/note"), "x").ok());
  EXPECT_EQ(*store_->List(), digests);
}

TEST_F(BlobStoreTest, DamageIsFoundAndNamed) {
  const std::string digest = Put("abc");
  Damage(digest, "abd");
  const Status status = store_->Verify(digest);
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(Message(status), HasSubstr(digest));
  EXPECT_THAT(Message(status), HasSubstr(Sha256("abd")));
}

TEST_F(BlobStoreTest, ATruncatedBlobIsHealedByPuttingItAgain) {
  const std::string digest = Put("abc");
  Damage(digest, "");
  EXPECT_EQ(store_->Verify(digest).code(), StatusCode::kDataLoss);
  EXPECT_EQ(Put("abc"), digest);
  EXPECT_TRUE(store_->Verify(digest).ok());
  EXPECT_EQ(StatFile(*store_->PathOf(digest))->mode, 0444u);
}

TEST_F(BlobStoreTest, AFullDiskIsAnErrorAndLeavesNothing) {
  rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1000, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const auto digest = store_->Put(std::string(5000, 'x'));
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  EXPECT_EQ(digest.status().code(), StatusCode::kResourceExhausted) << digest.status();
  EXPECT_THAT(*store_->List(), IsEmpty());
  EXPECT_THAT(Unfinished(), IsEmpty());
}

TEST_F(BlobStoreTest, OpeningSweepsOrphansButNotFilesAtWork) {
  const std::string orphan = JoinPath(root_, std::string(kTemporaryFilePrefix) + "orphan");
  const std::string young = JoinPath(root_, std::string(kTemporaryFilePrefix) + "young");
  ASSERT_TRUE(AppendFile(orphan, "x").ok());
  ASSERT_TRUE(AppendFile(young, "x").ok());
  auto writer = store_->Create();
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(writer->Append("abc").ok());
  for (const std::string& name : Unfinished()) {
    if (JoinPath(root_, name) != young) MakeOld(JoinPath(root_, name));
  }
  ASSERT_NE(Reopen(), nullptr);
  EXPECT_FALSE(FileExists(orphan));
  EXPECT_TRUE(FileExists(young));
  EXPECT_EQ(*writer->Finish(), Sha256("abc"));
  EXPECT_TRUE(store_->Verify(Sha256("abc")).ok());
}

TEST_F(BlobStoreTest, ManyThreadsPutTheSameAndDifferentBlobs) {
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; n < 10; ++n) {
        const std::string own = fmt::format("{} {}", i, n);
        const std::string shared = fmt::format("shared {}", n);
        right += store_->Put(own).value_or("") == Sha256(own);
        right += store_->Put(shared).value_or("") == Sha256(shared);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 80);
  const auto digests = store_->List();
  EXPECT_EQ(digests->size(), 50u);
  for (const std::string& digest : *digests) EXPECT_TRUE(store_->Verify(digest).ok());
  EXPECT_THAT(Unfinished(), IsEmpty());
}

// Puts blobs for ever and writes each digest to `acknowledged` when it is stored.
[[noreturn]] void PutForEver(const std::string& root, int acknowledged) {
  const auto store = BlobStore::Open(root);
  if (!store.ok()) _exit(1);
  while (true) {
    std::string bytes = RandomHex(20'000);
    auto writer = (*store)->Create();
    if (!writer.ok()) _exit(1);
    while (!bytes.empty()) {
      if (!writer->Append(bytes.substr(0, 4096)).ok()) _exit(1);
      bytes.erase(0, 4096);
    }
    const auto digest = writer->Finish();
    if (!digest.ok() || !WriteAll(acknowledged, *digest).ok()) _exit(1);
  }
}

TEST_F(BlobStoreTest, AKillTearsNothingAndLosesNothingAcknowledged) {
  size_t total = 0;
  for (int round = 0; round < 10; ++round) {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const pid_t writer = fork();
    if (writer == 0) PutForEver(root_, ends[1]);
    close(ends[1]);
    const FileDescriptor read_end(ends[0]);
    std::string acknowledged;
    char buffer[4096];
    // Another number of blobs each time, and a kill wherever the writer then is.
    while (acknowledged.size() < 64u * static_cast<size_t>(round * 2 + 1)) {
      const auto got = ReadSome(read_end.get(), buffer, sizeof buffer);
      ASSERT_TRUE(got.ok() && *got > 0);
      acknowledged.append(buffer, *got);
    }
    kill(writer, SIGKILL);
    waitpid(writer, nullptr, 0);
    while (true) {
      const auto got = ReadSome(read_end.get(), buffer, sizeof buffer);
      ASSERT_TRUE(got.ok());
      if (*got == 0) break;
      acknowledged.append(buffer, *got);
    }
    for (size_t i = 0; i + 64 <= acknowledged.size(); i += 64, ++total) {
      EXPECT_TRUE(store_->Exists(acknowledged.substr(i, 64)));
    }
  }
  const auto digests = store_->List();
  ASSERT_TRUE(digests.ok());
  EXPECT_GE(digests->size(), total);
  for (const std::string& digest : *digests) EXPECT_TRUE(store_->Verify(digest).ok());
}

}  // namespace
}  // namespace caisson::blob
