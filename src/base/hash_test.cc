#include "base/hash.h"

#include <gtest/gtest.h>

#include "base/files.h"

namespace caisson {
namespace {

TEST(HashTest, KnownDigests) {
  // RFC 1321, appendix A.5, and FIPS 180-4's example "abc".
  EXPECT_EQ(Md5(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(Md5("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
  EXPECT_EQ(Sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(HashTest, PiecesGiveTheSameAsTheWholeAndTheHasherStartsAnew) {
  for (const HashKind kind : {HashKind::kMd5, HashKind::kSha256}) {
    Hasher hasher(kind);
    hasher.Update("message ");
    hasher.Update("");
    hasher.Update("digest");
    EXPECT_EQ(hasher.Finish(), HashBytes(kind, "message digest"));
    EXPECT_EQ(hasher.Finish(), HashBytes(kind, ""));
    hasher.Update("abc");
    Hasher moved = std::move(hasher);
    EXPECT_EQ(moved.Finish(), HashBytes(kind, "abc"));
  }
}

TEST(HashTest, FileHashEqualsTheHashOfItsBytes) {
  const auto folder = TemporaryDirectory::Create();
  ASSERT_TRUE(folder.ok()) << folder.status();
  const std::string path = JoinPath(folder->path(), "data");
  // Around the size of the read buffer, and far from it.
  for (const size_t size :
       {0u, 1u, 4095u, 4096u, (1u << 20) - 1, 1u << 20, (1u << 20) + 1, 3000001u}) {
    std::string bytes(size, '\0');
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 2654435761u >> 13);
    ASSERT_TRUE(WriteFileAtomic(path, bytes).ok());
    const auto sha = HashFile(HashKind::kSha256, path);
    ASSERT_TRUE(sha.ok()) << sha.status();
    EXPECT_EQ(*sha, Sha256(bytes)) << size;
    EXPECT_EQ(*HashFile(HashKind::kMd5, path), Md5(bytes)) << size;
  }
}

TEST(HashTest, AMissingFileIsNotFoundAndNamesThePath) {
  const auto hash = HashFile(HashKind::kMd5, "/nonexistent/data");
  EXPECT_EQ(hash.status().code(), StatusCode::kNotFound);
  EXPECT_NE(Message(hash.status()).find("/nonexistent/data"), std::string::npos);
  EXPECT_FALSE(HashFile(HashKind::kMd5, "/").ok());
}

TEST(HashTest, Xxh3KnownValues) {
  // XXH3_64bits of nothing, as the xxHash project publishes it.
  EXPECT_EQ(Xxh3(""), 0x2D06800538D394C2ull);
  EXPECT_NE(Xxh3("a"), Xxh3("b"));
  EXPECT_NE(Xxh3("a", 1), Xxh3("a", 2));
  EXPECT_EQ(Xxh3("a", 0), Xxh3("a"));
}

}  // namespace
}  // namespace caisson
