#include "lifecycle/data/internal/stat_index.h"

#include <gtest/gtest.h>

namespace caisson::data::internal {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
const std::string kMd5 = "901eadf99cebf2b2405b33077404882d";

class StatIndexes : public ::testing::Test {
 protected:
  StatIndexes()
      : folder_(TemporaryDirectory::Create().value()),
        path_(JoinPath(folder_.path(), "sub/index")) {}
  StatIndex Loaded() {
    StatIndex index(path_);
    index.Load();
    return index;
  }
  const FileIdentity identity_{.device = 1, .inode = 2, .size = 3, .mtime_nanos = 100 * kSecond};
  TemporaryDirectory folder_;
  std::string path_;
};

TEST_F(StatIndexes, RemembersOverRestarts) {
  StatIndex index(path_);
  index.Put("a b\n", identity_, kMd5, 200 * kSecond);
  index.Put("other", identity_, std::string(32, '0'), 200 * kSecond);
  ASSERT_TRUE(index.Save().ok());
  EXPECT_EQ(Loaded().Find("a b\n", identity_), kMd5);
  EXPECT_EQ(Loaded().Find("unknown", identity_), std::nullopt);
}

TEST_F(StatIndexes, EveryPartOfTheIdentityCounts) {
  StatIndex index(path_);
  index.Put("a", identity_, kMd5, 200 * kSecond);
  FileIdentity other = identity_;
  other.inode = 9;
  EXPECT_EQ(index.Find("a", other), std::nullopt);
  other = identity_;
  other.size = 9;
  EXPECT_EQ(index.Find("a", other), std::nullopt);
  other = identity_;
  other.mtime_nanos += 1;
  EXPECT_EQ(index.Find("a", other), std::nullopt);
  other = identity_;
  other.device = 9;
  EXPECT_EQ(index.Find("a", other), std::nullopt);
}

TEST_F(StatIndexes, AFileThatJustChangedIsNotRemembered) {
  StatIndex index(path_);
  index.Put("a", identity_, kMd5, identity_.mtime_nanos + kSecond);
  EXPECT_EQ(index.Find("a", identity_), std::nullopt);
  index.Put("a", identity_, kMd5, identity_.mtime_nanos + 3 * kSecond);
  EXPECT_EQ(index.Find("a", identity_), kMd5);
}

TEST_F(StatIndexes, ADamagedIndexIsEmpty) {
  StatIndex index(path_);
  index.Put("a", identity_, kMd5, 200 * kSecond);
  ASSERT_TRUE(index.Save().ok());
  const std::string bytes = ReadFile(path_).value();
  for (size_t i = 0; i < bytes.size(); i += 7) {
    std::string torn = bytes;
    torn[i] = static_cast<char>(torn[i] ^ 1);
    ASSERT_TRUE(WriteFileAtomic(path_, torn).ok());
    EXPECT_EQ(Loaded().Find("a", identity_), std::nullopt) << i;
    ASSERT_TRUE(WriteFileAtomic(path_, bytes.substr(0, i)).ok());
    EXPECT_EQ(Loaded().Find("a", identity_), std::nullopt) << i;
  }
}

TEST_F(StatIndexes, NothingNewWritesNothing) {
  StatIndex index(path_);
  ASSERT_TRUE(index.Save().ok());
  EXPECT_FALSE(FileExists(path_));
}

}  // namespace
}  // namespace caisson::data::internal
