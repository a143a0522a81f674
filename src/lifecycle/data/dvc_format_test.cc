// The golden values come from DVC's own tests (dvc-data's tests/hashfile/test_build.py, dvc's
// tests/func/test_virtual_directory.py and test_diff.py); the one with accents from Python's json.
#include "lifecycle/data/internal/dvc_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.h"

namespace caisson::data::internal {
namespace {

using ::testing::HasSubstr;

std::string ObjectName(const std::vector<std::pair<std::string, std::string>>& files) {
  std::vector<DirMember> members;
  for (const auto& [path, content] : files) members.push_back({path, Md5(content)});
  return Md5(WriteDirObject(std::move(members))) + ".dir";
}

TEST(DirObject, HasDvcsHash) {
  EXPECT_EQ(ObjectName({{"foo", "foo"}, {"bar", "bar"}}), "5ea40360f5b4ec688df672a4db9c17d1.dir");
  EXPECT_EQ(ObjectName({{"1", "1"}, {"2", "2"}}), "5fb6b29836c388e093ca0715c872fe2a.dir");
  EXPECT_EQ(ObjectName({{"bar", "bar"}}), "91aaa9bb58b657d623ef143b195a67e4.dir");
  EXPECT_EQ(ObjectName({{"é.txt", "x"}, {"Z", "z"}, {"a/é", "y"}}),
            "6aff42e7eb8aa8d955ce6adbdaec911b.dir");
}

TEST(DirObject, IsPythonsJson) {
  EXPECT_EQ(WriteDirObject({{"b", "2"}, {"a", "1"}}),
            R"([{"md5": "1", "relpath": "a"}, {"md5": "2", "relpath": "b"}])");
  EXPECT_EQ(WriteDirObject({}), "[]");
  EXPECT_THAT(WriteDirObject({{"\xF0\x9F\x98\x80", "1"}}), HasSubstr(R"("\ud83d\ude00")"));
  // A name that is not UTF-8, as Python's surrogateescape writes it.
  EXPECT_THAT(WriteDirObject({{"a\xFF", "1"}}), HasSubstr(R"("a\udcff")"));
}

TEST(DirObject, IsReadBack) {
  const std::string md5(32, 'a');
  for (const char* name : {"x", "sub/é", "a\xFF"}) {
    const auto members = ParseDirObject(WriteDirObject({{name, md5}}));
    ASSERT_TRUE(members.ok()) << members.status();
    EXPECT_EQ((*members)[0].relative_path, name);
    EXPECT_EQ((*members)[0].md5, md5);
  }
}

TEST(DirObject, WhatLeavesTheFolderIsRefused) {
  const std::string md5(32, 'a');
  for (const char* name : {"../x", "/etc/x", "", "a/../../x", "..", "."}) {
    EXPECT_EQ(ParseDirObject(WriteDirObject({{name, md5}})).status().code(), StatusCode::kDataLoss)
        << name;
  }
  for (const char* text :
       {"", "{}", "[1]", R"([{"md5": "../../x", "relpath": "a"}])", R"([{"relpath": "a"}])"}) {
    EXPECT_EQ(ParseDirObject(text).status().code(), StatusCode::kDataLoss) << text;
  }
}

TEST(DvcFile, IsWrittenAsDvcWritesIt) {
  OutEntry file;
  file.path = "data/flights.parquet";
  file.md5 = "901eadf99cebf2b2405b33077404882d";
  file.size = 13493022;
  EXPECT_EQ(WriteDvcFile(file, Json()),
            "outs:\n- md5: 901eadf99cebf2b2405b33077404882d\n  size: 13493022\n  hash: md5\n  "
            "path: flights.parquet\n");
  OutEntry folder;
  folder.path = "images";
  folder.md5 = "5ea40360f5b4ec688df672a4db9c17d1.dir";
  folder.size = 6;
  folder.file_count = 2;
  folder.is_folder = true;
  EXPECT_EQ(WriteDvcFile(folder, Json()),
            "outs:\n- md5: 5ea40360f5b4ec688df672a4db9c17d1.dir\n  size: 6\n  nfiles: 2\n  hash: "
            "md5\n  path: images\n");
}

TEST(DvcFile, HashesThatLookLikeNumbersAreQuoted) {
  OutEntry file;
  file.path = "x";
  for (const char* md5 : {"12345678901234567890123456789012", "1e345678901234567890123456789012"}) {
    file.md5 = md5;
    const std::string text = WriteDvcFile(file, Json());
    EXPECT_THAT(text, HasSubstr(std::string("md5: '") + md5 + "'"));
    EXPECT_EQ(ParseDvcFile(text, "x.dvc")->out.md5, md5);
  }
}

TEST(DvcFile, WhatOthersWroteIsKept) {
  const auto before = ParseDvcFile(
      "outs:\n- md5: 901eadf99cebf2b2405b33077404882d\n  size: 3\n  hash: md5\n  path: x\n  desc: "
      "the flights\n  remote: far\n"
      "meta:\n  owner: someone\ndesc: top\n",
      "x.dvc");
  ASSERT_TRUE(before.ok()) << before.status();
  OutEntry out = before->out;
  out.md5 = "5ea40360f5b4ec688df672a4db9c17d1";
  out.size = 4;
  EXPECT_EQ(WriteDvcFile(out, before->document),
            "outs:\n- md5: 5ea40360f5b4ec688df672a4db9c17d1\n  size: 4\n  hash: md5\n  path: x\n  "
            "desc: the flights\n"
            "  remote: far\nmeta:\n  owner: someone\ndesc: top\n");
}

TEST(DvcFile, AFileThatIsNoneIsRefused) {
  for (const char* text : {"", "outs: []\n", "outs:\n- path: x\n", "outs:\n- md5: xyz\n  path: x\n",
                           "stages: {}\n", "[", "outs: 3\n"}) {
    EXPECT_FALSE(ParseDvcFile(text, "x.dvc").ok()) << text;
  }
  EXPECT_EQ(
      ParseDvcFile("outs:\n- md5: 901EADF99CEBF2B2405B33077404882D\n  path: x\n", "x.dvc")->out.md5,
      "901eadf99cebf2b2405b33077404882d");
}

TEST(ObjectPath, IsDvcThreesLayout) {
  EXPECT_EQ(ObjectPath("/cache", "901eadf99cebf2b2405b33077404882d"),
            "/cache/files/md5/90/1eadf99cebf2b2405b33077404882d");
  EXPECT_EQ(ObjectPath("/cache", "5ea40360f5b4ec688df672a4db9c17d1.dir"),
            "/cache/files/md5/5e/a40360f5b4ec688df672a4db9c17d1.dir");
}

}  // namespace
}  // namespace caisson::data::internal
