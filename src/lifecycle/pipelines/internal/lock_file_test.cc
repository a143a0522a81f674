#include "lifecycle/pipelines/internal/lock_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/hash.h"
#include "base/yaml.h"

namespace caisson::pipelines::internal {
namespace {

using ::testing::HasSubstr;

Json Line(const std::string& path, const std::string& content) {
  return Json::Of({{"path", path},
                   {"hash", "md5"},
                   {"md5", Md5(content)},
                   {"size", static_cast<int64_t>(content.size())}});
}

// The stage of DVC's own test of its run cache (tests/unit/stage/test_cache.py).
Json DvcEntry() {
  return Json::Of(
      {{"cmd", "python script.py"},
       {"deps", Json(Json::Array{Line("dep", "dep"),
                                 Line("script.py", "open(\"out\", \"w+\").write(\"out\"); ")})},
       {"outs", Json(Json::Array{Line("out", "out")})}});
}

// The values are the ones that DVC 3 computes.
TEST(RunCache, HasDvcsKeysAndValues) {
  EXPECT_EQ(RunCacheKey(DvcEntry()),
            "c7a85d71de1912c43d9c5b6218c71630d6277e8fc11e4ccf5e12b3c202234838");
  EXPECT_EQ(RunCacheValue(DvcEntry()),
            "5e2824029f8da9ef6c57131a638ceb65f27c02f16c85d71e85671c27daed0501");
  Json with_params = DvcEntry();
  with_params.Remove("deps");
  with_params.Set("params", *ParseJson(R"({"params.yaml": {"bar": 2, "foo": 1},
                                           "myparams.yaml": {"baz": 3, "qux": 4}})"));
  EXPECT_EQ(RunCacheKey(with_params),
            "8fdb377d1b4c0a303b788771b122dfba9bbbbc43f14ce41d35715cf4fea08459");
  EXPECT_EQ(RunCacheValue(with_params),
            "9ce1963a69beb1299800188647cd960b7afff101be19fd46226e32bb8be8ee44");
}

TEST(RunCache, SizesDoNotCount) {
  Json other = DvcEntry();
  other.Mutable("outs").mutable_array()[0].Set("size", 99);
  other.Mutable("outs").mutable_array()[0].Set("nfiles", 2);
  EXPECT_EQ(RunCacheValue(other), RunCacheValue(DvcEntry()));
}

class LockFileTest : public ::testing::Test {
 protected:
  LockFileTest() : folder_(TemporaryDirectory::Create().value()) {}
  std::string Path(const std::string& name) { return folder_.path() + "/" + name; }
  TemporaryDirectory folder_;
};

TEST_F(LockFileTest, FindsWhatWasSaved) {
  const std::string key = RunCacheKey(DvcEntry());
  EXPECT_TRUE(FindInRunCache(folder_.path(), key).is_null());
  ASSERT_TRUE(SaveToRunCache(folder_.path(), DvcEntry()).ok());
  ASSERT_TRUE(SaveToRunCache(folder_.path(), DvcEntry()).ok());
  EXPECT_EQ(FindInRunCache(folder_.path(), key), DvcEntry());
  const std::string path = Path("runs/c7/" + key + "/" + RunCacheValue(DvcEntry()));
  EXPECT_EQ(ReadYamlFile(path)->value, DvcEntry());
  // What is not what its name says is nobody's result.
  const std::string text = ReadFile(path).value();
  ASSERT_TRUE(WriteFileAtomic(path, text.substr(0, text.size() / 2)).ok());
  EXPECT_TRUE(FindInRunCache(folder_.path(), key).is_null());
}

TEST_F(LockFileTest, ReadsWhatItWrites) {
  LockFile lock = *LockFile::Read(folder_.path(), "dvc.yaml");
  EXPECT_TRUE(lock.Find("train").is_null());
  ASSERT_TRUE(lock.Put("train", DvcEntry()).ok());
  ASSERT_TRUE(lock.Put("report@1", Json::Of({{"cmd", "true"}})).ok());
  const LockFile again = *LockFile::Read(folder_.path(), "dvc.yaml");
  EXPECT_EQ(again.Find("train"), DvcEntry());
  EXPECT_EQ(again.Find("report@1")["cmd"].AsString(), "true");
  // Byte for byte what DVC writes.
  EXPECT_EQ(ReadFile(Path("dvc.lock")).value(),
            "schema: '2.0'\n"
            "stages:\n"
            "  train:\n"
            "    cmd: python script.py\n"
            "    deps:\n"
            "    - path: dep\n"
            "      hash: md5\n"
            "      md5: " +
                Md5("dep") +
                "\n"
                "      size: 3\n"
                "    - path: script.py\n"
                "      hash: md5\n"
                "      md5: abb0c55bd903a0f636aaa24fd39c2853\n"
                "      size: 32\n"
                "    outs:\n"
                "    - path: out\n"
                "      hash: md5\n"
                "      md5: " +
                Md5("out") +
                "\n"
                "      size: 3\n"
                "  report@1:\n"
                "    cmd: 'true'\n");
}

TEST_F(LockFileTest, RefusesOtherFiles) {
  ASSERT_TRUE(WriteFileAtomic(Path("dvc.lock"), "train: {cmd: x}\n").ok());
  const auto lock = LockFile::Read(folder_.path(), "dvc.yaml");
  EXPECT_EQ(lock.status().code(), StatusCode::kDataLoss);
  EXPECT_THAT(Message(lock.status()), HasSubstr("dvc.lock"));
  ASSERT_TRUE(WriteFileAtomic(Path("dvc.lock"), "schema: '2.0'\nstages: {a: [}\n").ok());
  EXPECT_FALSE(LockFile::Read(folder_.path(), "dvc.yaml").ok());
  // Its own name for another pipeline file.
  EXPECT_TRUE(LockFile::Read(folder_.path(), "other.yaml").ok());
}

}  // namespace
}  // namespace caisson::pipelines::internal
