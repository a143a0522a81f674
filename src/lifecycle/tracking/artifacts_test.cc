#include "lifecycle/tracking/artifacts.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace caisson::tracking {
namespace {

TEST(ArtifactPath, NeverLeavesItsRoot) {
  for (const char* path : {"..", "../x", "a/../../x", "/etc/passwd", "%2e%2e/x", "a/%252e%252e/x",
                           "a%2f..%2fb", "file:///etc", "a#b", "..%5cx", "a\\b", "%00"}) {
    EXPECT_EQ(Message(CheckArtifactPath(path).status()), "Invalid path") << path;
  }
  EXPECT_EQ(*CheckArtifactPath("a/b c.txt"), "a/b c.txt");
  EXPECT_EQ(*CheckArtifactPath("a%20b"), "a b");
  EXPECT_EQ(*CheckArtifactPath("100%"), "100%");
  EXPECT_EQ(*CheckArtifactPath(""), "");
}

class ArtifactFolderTest : public ::testing::Test {
 protected:
  void Put(const std::string& path, std::string_view bytes) {
    Result<PendingFile> file = folder_.Create(path);
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE(file->Append(bytes).ok());
    ASSERT_TRUE(file->Commit().ok());
  }
  TemporaryDirectory temporary_ = TemporaryDirectory::Create().value();
  ArtifactFolder folder_{temporary_.path() + "/root"};
};

TEST_F(ArtifactFolderTest, ListsWhatWasPut) {
  Put("b/x.txt", "hello");
  Put("a.txt", "1");
  const auto top = folder_.List("");
  ASSERT_TRUE(top.ok());
  ASSERT_EQ(top->size(), 2u);
  EXPECT_EQ((*top)[0].path, "a.txt");
  EXPECT_EQ((*top)[0].size, 1u);
  EXPECT_TRUE((*top)[1].is_directory);
  const auto inner = folder_.List("b");
  ASSERT_EQ(inner->size(), 1u);
  EXPECT_EQ((*inner)[0].path, "b/x.txt");
  EXPECT_TRUE(folder_.List("nothing")->empty());
  EXPECT_TRUE(folder_.List("a.txt")->empty());
}

TEST_F(ArtifactFolderTest, FindsAndRemoves) {
  Put("b/x.txt", "hello");
  EXPECT_EQ(*ReadFile(*folder_.Find("b/x.txt")), "hello");
  EXPECT_TRUE(absl::IsNotFound(folder_.Find("b").status()));
  ASSERT_TRUE(folder_.Remove("b").ok());
  EXPECT_TRUE(absl::IsNotFound(folder_.Find("b/x.txt").status()));
  EXPECT_FALSE(folder_.Remove("").ok());
}

TEST_F(ArtifactFolderTest, DoesNotFollowLinksOut) {
  Put("x.txt", "inside");
  ASSERT_TRUE(WriteFileAtomic(temporary_.path() + "/secret", "outside").ok());
  ASSERT_EQ(symlink((temporary_.path() + "/secret").c_str(), (folder_.root() + "/link").c_str()),
            0);
  EXPECT_FALSE(folder_.Find("link").ok());
  EXPECT_EQ(folder_.List("")->size(), 1u);
}

TEST_F(ArtifactFolderTest, ABrokenUploadLeavesNothing) {
  {
    Result<PendingFile> file = folder_.Create("big.bin");
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->Append("half").ok());
  }
  EXPECT_TRUE(folder_.List("")->empty());
}

}  // namespace
}  // namespace caisson::tracking
