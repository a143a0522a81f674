#include "base/files.h"

#include <csignal>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace caisson {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class FilesTest : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::Create("caisson-files-test");
    ASSERT_TRUE(folder.ok()) << folder.status();
    folder_ = std::make_unique<TemporaryDirectory>(*std::move(folder));
  }
  std::string Path(std::string_view name) const { return JoinPath(folder_->path(), name); }
  std::vector<std::string> Names(const std::string& path) const {
    std::vector<std::string> names;
    const auto entries = ListDirectory(path);
    EXPECT_TRUE(entries.ok()) << entries.status();
    if (entries.ok()) {
      for (const auto& entry : *entries) names.push_back(entry.name);
    }
    return names;
  }
  std::unique_ptr<TemporaryDirectory> folder_;
};

TEST_F(FilesTest, WriteThenReadGivesTheSameBytes) {
  const std::string bytes("a\0b\n", 4);
  ASSERT_TRUE(WriteFileAtomic(Path("x/y/file"), bytes).ok());
  EXPECT_EQ(*ReadFile(Path("x/y/file")), bytes);
  ASSERT_TRUE(WriteFileAtomic(Path("x/y/file"), "new").ok());
  EXPECT_EQ(*ReadFile(Path("x/y/file")), "new");
  EXPECT_THAT(Names(Path("x/y")), ElementsAre("file"));
}

TEST_F(FilesTest, ReadsFilesWhoseSizeIsUnknown) {
  const auto content = ReadFile("/proc/self/stat");
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_THAT(*content, HasSubstr(std::to_string(getpid())));
}

TEST_F(FilesTest, ReadErrorsNameThePath) {
  EXPECT_EQ(ReadFile(Path("none")).status().code(), StatusCode::kNotFound);
  EXPECT_THAT(Message(ReadFile(Path("none")).status()), HasSubstr(Path("none")));
  EXPECT_EQ(ReadFile(folder_->path()).status().code(), StatusCode::kFailedPrecondition);
}

TEST_F(FilesTest, ModeIsKept) {
  ASSERT_TRUE(WriteFileAtomic(Path("secret"), "x", 0600).ok());
  EXPECT_EQ(StatFile(Path("secret"))->mode, 0600u);
}

TEST_F(FilesTest, AFailedWriteLeavesTheOldFileAndNoTemporaryOne) {
  ASSERT_TRUE(WriteFileAtomic(Path("file"), "old").ok());
  // The limit on file sizes makes writes fail as a full disk does, for the thread's process only.
  rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1000, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const Status status = WriteFileAtomic(Path("file"), std::string(5000, 'x'));
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted) << status;
  EXPECT_THAT(Message(status), HasSubstr(Path("file")));
  EXPECT_EQ(*ReadFile(Path("file")), "old");
  EXPECT_THAT(Names(folder_->path()), ElementsAre("file"));
}

TEST_F(FilesTest, AFolderInThePlaceOfTheFileIsAnErrorThatLeavesNothing) {
  ASSERT_TRUE(MakeDirectories(Path("taken/inside")).ok());
  EXPECT_FALSE(WriteFileAtomic(Path("taken"), "x").ok());
  EXPECT_THAT(Names(folder_->path()), ElementsAre("taken"));
}

TEST_F(FilesTest, AppendAddsToTheEnd) {
  ASSERT_TRUE(AppendFile(Path("log"), "a").ok());
  ASSERT_TRUE(AppendFile(Path("log"), "b").ok());
  EXPECT_EQ(*ReadFile(Path("log")), "ab");
  EXPECT_EQ(AppendFile(Path("none/log"), "a").code(), StatusCode::kNotFound);
}

TEST_F(FilesTest, StatTellsKindsAndFollowsLinksOnRequest) {
  ASSERT_TRUE(WriteFileAtomic(Path("file"), "12345").ok());
  ASSERT_EQ(symlink("file", Path("link").c_str()), 0);
  EXPECT_EQ(StatFile(Path("file"))->kind, FileKind::kRegular);
  EXPECT_EQ(StatFile(Path("file"))->identity.size, 5u);
  EXPECT_EQ(StatFile(Path("link"))->identity, StatFile(Path("file"))->identity);
  EXPECT_EQ(StatFile(Path("link"), FollowLinks::kNo)->kind, FileKind::kSymlink);
  EXPECT_EQ(StatFile(folder_->path())->kind, FileKind::kDirectory);
  EXPECT_EQ(StatFile("/dev/null")->kind, FileKind::kOther);
  EXPECT_EQ(StatFile(Path("none")).status().code(), StatusCode::kNotFound);
  EXPECT_TRUE(FileExists(Path("file")));
  EXPECT_FALSE(FileExists(Path("none")));
}

TEST_F(FilesTest, IdentityChangesWithTheContent) {
  ASSERT_TRUE(WriteFileAtomic(Path("file"), "12345").ok());
  const FileIdentity before = StatFile(Path("file"))->identity;
  EXPECT_EQ(StatFile(Path("file"))->identity, before);
  ASSERT_TRUE(WriteFileAtomic(Path("file"), "54321").ok());
  EXPECT_FALSE(StatFile(Path("file"))->identity == before);
}

TEST_F(FilesTest, MakeDirectoriesMakesAllAndRefusesAFile) {
  EXPECT_TRUE(MakeDirectories(Path("a/b/c")).ok());
  EXPECT_TRUE(MakeDirectories(Path("a/b/c/")).ok());
  EXPECT_EQ(StatFile(Path("a/b/c"))->kind, FileKind::kDirectory);
  ASSERT_TRUE(WriteFileAtomic(Path("file"), "").ok());
  EXPECT_EQ(MakeDirectories(Path("file")).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(MakeDirectories(Path("file/below")).code(), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(MakeDirectories("/").ok());
  EXPECT_TRUE(MakeDirectories(".").ok());
}

TEST_F(FilesTest, MakeDirectoriesFromManyThreads) {
  std::vector<std::thread> threads;
  std::atomic<int> made = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { made += MakeDirectories(Path("p/q/r/s/t")).ok(); });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(made, 8);
}

TEST_F(FilesTest, RemovingWhatIsNotThereIsFine) {
  EXPECT_TRUE(RemoveFile(Path("none")).ok());
  EXPECT_TRUE(RemoveTree(Path("none")).ok());
  ASSERT_TRUE(WriteFileAtomic(Path("file"), "").ok());
  EXPECT_TRUE(RemoveFile(Path("file/below")).ok());
  EXPECT_TRUE(RemoveFile(Path("file")).ok());
  EXPECT_FALSE(FileExists(Path("file")));
  EXPECT_FALSE(RemoveFile(folder_->path()).ok());
}

TEST_F(FilesTest, RemoveTreeDoesNotFollowLinks) {
  ASSERT_TRUE(WriteFileAtomic(Path("kept/file"), "x").ok());
  ASSERT_TRUE(MakeDirectories(Path("tree/deep")).ok());
  ASSERT_EQ(symlink(Path("kept").c_str(), Path("tree/deep/link").c_str()), 0);
  EXPECT_TRUE(RemoveTree(Path("tree")).ok());
  EXPECT_THAT(Names(folder_->path()), ElementsAre("kept"));
  EXPECT_EQ(*ReadFile(Path("kept/file")), "x");
}

TEST_F(FilesTest, RenameReplaces) {
  ASSERT_TRUE(WriteFileAtomic(Path("a"), "a").ok());
  ASSERT_TRUE(WriteFileAtomic(Path("b"), "b").ok());
  EXPECT_TRUE(RenameFile(Path("a"), Path("b")).ok());
  EXPECT_EQ(*ReadFile(Path("b")), "a");
  EXPECT_EQ(RenameFile(Path("a"), Path("b")).code(), StatusCode::kNotFound);
  EXPECT_TRUE(SyncDirectory(folder_->path()).ok());
  EXPECT_FALSE(SyncDirectory(Path("b")).ok());
}

TEST_F(FilesTest, CopyKeepsBytesAndModeAndReplacesTheTarget) {
  std::string bytes(3'000'000, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31 >> 3);
  ASSERT_TRUE(WriteFileAtomic(Path("from"), bytes, 0640).ok());
  ASSERT_TRUE(WriteFileAtomic(Path("to"), "old").ok());
  ASSERT_TRUE(CopyFile(Path("from"), Path("to")).ok());
  EXPECT_EQ(*ReadFile(Path("to")), bytes);
  EXPECT_EQ(StatFile(Path("to"))->mode, 0640u);
  ASSERT_TRUE(CopyFile(Path("from"), Path("new/folder/to")).ok());
  EXPECT_EQ(*ReadFile(Path("new/folder/to")), bytes);
  EXPECT_EQ(CopyFile(Path("none"), Path("to")).code(), StatusCode::kNotFound);
  EXPECT_FALSE(CopyFile(folder_->path(), Path("to")).ok());
  EXPECT_EQ(*ReadFile(Path("to")), bytes);
}

TEST_F(FilesTest, CopiesFilesWhoseSizeIsUnknown) {
  ASSERT_TRUE(CopyFile("/proc/version", Path("version")).ok());
  EXPECT_EQ(*ReadFile(Path("version")), *ReadFile("/proc/version"));
}

TEST_F(FilesTest, ListIsSortedAndTellsKinds) {
  ASSERT_TRUE(WriteFileAtomic(Path("b"), "").ok());
  ASSERT_TRUE(MakeDirectories(Path("a")).ok());
  ASSERT_EQ(symlink("a", Path("c").c_str()), 0);
  const auto entries = ListDirectory(folder_->path());
  ASSERT_TRUE(entries.ok()) << entries.status();
  ASSERT_EQ(entries->size(), 3u);
  EXPECT_EQ((*entries)[0].name, "a");
  EXPECT_EQ((*entries)[0].kind, FileKind::kDirectory);
  EXPECT_EQ((*entries)[1].name, "b");
  EXPECT_EQ((*entries)[1].kind, FileKind::kRegular);
  EXPECT_EQ((*entries)[2].name, "c");
  EXPECT_EQ((*entries)[2].kind, FileKind::kSymlink);
  EXPECT_EQ(ListDirectory(Path("none")).status().code(), StatusCode::kNotFound);
}

TEST_F(FilesTest, APendingFileIsInvisibleUntilCommitted) {
  auto pending = PendingFile::Create(Path("new/file"));
  ASSERT_TRUE(pending.ok()) << pending.status();
  ASSERT_TRUE(pending->Append("one ").ok());
  ASSERT_TRUE(pending->Append("two").ok());
  EXPECT_FALSE(FileExists(Path("new/file")));
  EXPECT_TRUE(BaseName(pending->temporary_path()).starts_with(kTemporaryFilePrefix));
  ASSERT_TRUE(pending->Commit().ok());
  EXPECT_EQ(*ReadFile(Path("new/file")), "one two");
  EXPECT_THAT(Names(Path("new")), ElementsAre("file"));
  EXPECT_EQ(pending->Commit().code(), StatusCode::kFailedPrecondition);
}

TEST_F(FilesTest, ADroppedPendingFileLeavesNothing) {
  {
    auto pending = PendingFile::Create(Path("file"));
    ASSERT_TRUE(pending.ok());
    ASSERT_TRUE(pending->Append("x").ok());
    PendingFile moved = *std::move(pending);
    ASSERT_TRUE(moved.Append("y").ok());
    auto other = PendingFile::Create(Path("other"));
    ASSERT_TRUE(other.ok());
    moved = *std::move(other);
    EXPECT_EQ(Names(folder_->path()).size(), 1u);
  }
  EXPECT_THAT(Names(folder_->path()), ElementsAre());
}

TEST_F(FilesTest, APendingFileTakesANameFoundLater) {
  auto pending = PendingFile::Create(Path("incoming"));
  ASSERT_TRUE(pending.ok());
  ASSERT_TRUE(pending->Append("x").ok());
  ASSERT_TRUE(pending->CommitAs(Path("ab/cdef"), Durability::kUnsynced).ok());
  EXPECT_EQ(*ReadFile(Path("ab/cdef")), "x");
  EXPECT_THAT(Names(folder_->path()), ElementsAre("ab"));
}

TEST_F(FilesTest, NamesAsLongAsTheFileSystemAllowsCanBeWritten) {
  EXPECT_TRUE(WriteFileAtomic(Path(std::string(255, 'n')), "x").ok());
}

TEST_F(FilesTest, DescriptorsAreMovedAndClosed) {
  ASSERT_TRUE(WriteFileAtomic(Path("file"), "x").ok());
  int number;
  {
    auto file = OpenForReading(Path("file"));
    ASSERT_TRUE(file.ok());
    FileDescriptor moved = *std::move(file);
    number = moved.get();
    FileDescriptor other;
    EXPECT_FALSE(other.valid());
    other = std::move(moved);
    EXPECT_EQ(other.get(), number);
    char byte;
    EXPECT_EQ(*ReadSome(other.get(), &byte, 1), 1u);
    EXPECT_EQ(*ReadSome(other.get(), &byte, 1), 0u);
    EXPECT_FALSE(WriteAll(other.get(), "x").ok());
  }
  struct stat info;
  EXPECT_NE(fstat(number, &info), 0);
}

TEST_F(FilesTest, DiskSpaceIsPlausible) {
  const auto space = GetDiskSpace(folder_->path());
  ASSERT_TRUE(space.ok()) << space.status();
  EXPECT_GT(space->total_bytes, 0u);
  EXPECT_LE(space->free_bytes, space->total_bytes);
  EXPECT_EQ(GetDiskSpace(Path("none")).status().code(), StatusCode::kNotFound);
}

TEST(TemporaryDirectoryTest, IsRemovedWithAllItHolds) {
  std::string path;
  {
    auto folder = TemporaryDirectory::Create();
    ASSERT_TRUE(folder.ok());
    const TemporaryDirectory moved = *std::move(folder);
    path = moved.path();
    ASSERT_TRUE(WriteFileAtomic(JoinPath(path, "a/b"), "x").ok());
  }
  EXPECT_FALSE(FileExists(path));
}

TEST(PathTest, Join) {
  EXPECT_EQ(JoinPath("a", "b"), "a/b");
  EXPECT_EQ(JoinPath("a/", "b"), "a/b");
  EXPECT_EQ(JoinPath("", "b"), "b");
  EXPECT_EQ(JoinPath("a", ""), "a");
  EXPECT_EQ(JoinPath("a", "/b"), "/b");
  EXPECT_EQ(JoinPath("/", "b"), "/b");
}

TEST(PathTest, ParentAndBase) {
  EXPECT_EQ(ParentPath("a/b/c"), "a/b");
  EXPECT_EQ(ParentPath("a/b/"), "a");
  EXPECT_EQ(ParentPath("a//b"), "a");
  EXPECT_EQ(ParentPath("a"), ".");
  EXPECT_EQ(ParentPath("/a"), "/");
  EXPECT_EQ(ParentPath("//a"), "/");
  EXPECT_EQ(ParentPath("/"), "/");
  EXPECT_EQ(BaseName("a/b"), "b");
  EXPECT_EQ(BaseName("a/b//"), "b");
  EXPECT_EQ(BaseName("b"), "b");
  EXPECT_EQ(BaseName("/"), "/");
  EXPECT_EQ(BaseName(""), "");
}

TEST(PathTest, Normalize) {
  EXPECT_EQ(NormalizePath("a/./b//c/"), "a/b/c");
  EXPECT_EQ(NormalizePath("a/../b"), "b");
  EXPECT_EQ(NormalizePath("a/.."), ".");
  EXPECT_EQ(NormalizePath("../../a"), "../../a");
  EXPECT_EQ(NormalizePath("a/../../b"), "../b");
  EXPECT_EQ(NormalizePath("/../a"), "/a");
  EXPECT_EQ(NormalizePath("/"), "/");
  EXPECT_EQ(NormalizePath(""), ".");
  EXPECT_EQ(NormalizePath("..."), "...");
}

TEST(PathTest, AbsoluteAndRelative) {
  EXPECT_EQ(AbsolutePath("/a/../b"), "/b");
  EXPECT_EQ(BaseName(AbsolutePath("x/y")), "y");
  EXPECT_EQ(AbsolutePath("x").front(), '/');
  EXPECT_EQ(RelativePath("/a/b/c", "/a"), "b/c");
  EXPECT_EQ(RelativePath("/a/b", "/a/b"), ".");
  EXPECT_EQ(RelativePath("/a/x", "/a/b/c"), "../../x");
  EXPECT_EQ(RelativePath("/", "/a/b"), "../..");
  EXPECT_EQ(RelativePath("/ab", "/a"), "../ab");
  EXPECT_EQ(RelativePath("/a", "/"), "a");
}

}  // namespace
}  // namespace caisson
