#include "base/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace caisson {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

const std::vector<SettingSpec> kSpecs = {
    {"http", SettingKind::kString, "127.0.0.1:4600", "address of the HTTP listener"},
    {"http-threads", SettingKind::kInt, "2", "threads that serve HTTP"},
    {"fsync", SettingKind::kBool, "true", "whether writes reach the disk"},
    {"drain-timeout", SettingKind::kDuration, "30s", "how long a stop waits"},
};

Result<Config> Load(const Config::Sources& sources) {
  return Config::Load(kSpecs, sources, {"CAISSON_TRACKING_URI"});
}

std::string LoadError(const Config::Sources& sources) { return Message(Load(sources).status()); }

TEST(Config, TakesTheStrongestSourceOfEachSetting) {
  Config::Sources sources;
  sources.file = Json::Of({{"http", "file:1"}, {"http-threads", 3}, {"fsync", false}});
  sources.file_name = "caisson.yaml";
  sources.environment = {
      {"CAISSON_HTTP", "environment:1"}, {"CAISSON_HTTP_THREADS", "4"}, {"HOME", "/home/x"}};
  sources.flags = {{"http", "flag:1"}};
  const auto config = Load(sources);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->String("http"), "flag:1");
  EXPECT_EQ(config->origin("http"), SettingOrigin::kFlag);
  EXPECT_EQ(config->Int("http-threads"), 4);
  EXPECT_EQ(config->origin("http-threads"), SettingOrigin::kEnvironment);
  EXPECT_FALSE(config->Bool("fsync"));
  EXPECT_EQ(config->origin("fsync"), SettingOrigin::kFile);
  EXPECT_EQ(config->Duration("drain-timeout"), 30s);
  EXPECT_EQ(config->origin("drain-timeout"), SettingOrigin::kDefault);
}

TEST(Config, TakesManyWordsForABoolean) {
  for (const char* word : {"true", "YES", "on", "1"}) {
    Config::Sources sources;
    sources.flags = {{"fsync", word}};
    EXPECT_TRUE(Load(sources).value().Bool("fsync")) << word;
  }
  for (const char* word : {"false", "No", "off", "0"}) {
    Config::Sources sources;
    sources.environment = {{"CAISSON_FSYNC", word}};
    EXPECT_FALSE(Load(sources).value().Bool("fsync")) << word;
  }
}

TEST(Config, NamesTheSourceOfAWrongValue) {
  EXPECT_EQ(LoadError({.flags = {{"http-threads", "many"}}}),
            "--http-threads: 'many' is not an integer; accepted are whole numbers like 4");
  EXPECT_THAT(LoadError({.environment = {{"CAISSON_FSYNC", "maybe"}}}),
              HasSubstr("CAISSON_FSYNC: 'maybe' is neither"));
  EXPECT_THAT(LoadError({.file = Json::Of({{"drain-timeout", 30}}), .file_name = "c.yaml"}),
              HasSubstr("c.yaml: server.drain-timeout: '30' is not a duration"));
  EXPECT_THAT(LoadError({.file = Json::Of({{"http", Json::MakeArray()}}), .file_name = "c.yaml"}),
              HasSubstr("c.yaml: server.http: must be a single value"));
  EXPECT_THAT(LoadError({.file = Json("x"), .file_name = "c.yaml"}),
              HasSubstr("'server' must be a map"));
}

TEST(Config, FindsAWrongValueThatAStrongerSourceHides) {
  EXPECT_THAT(
      LoadError({.flags = {{"http-threads", "4"}}, .environment = {{"CAISSON_HTTP_THREADS", "x"}}}),
      HasSubstr("CAISSON_HTTP_THREADS"));
}

TEST(Config, SuggestsForUnknownNames) {
  EXPECT_EQ(LoadError({.flags = {{"http-thread", "4"}}}),
            "unknown flag --http-thread (did you mean 'http-threads'?)");
  EXPECT_EQ(
      LoadError({.environment = {{"CAISSON_HTTP_TREADS", "4"}}}),
      "unknown environment variable CAISSON_HTTP_TREADS (did you mean 'CAISSON_HTTP_THREADS'?)");
  EXPECT_EQ(LoadError({.file = Json::Of({{"fsink", true}}), .file_name = "c.yaml"}),
            "c.yaml: unknown setting 'server.fsink' (did you mean 'fsync'?)");
  EXPECT_TRUE(Load({.environment = {{"CAISSON_TRACKING_URI", "x"}}}).ok());
}

TEST(Config, ChecksItsDefaults) {
  EXPECT_THAT(Message(Config::Load({{"n", SettingKind::kInt, "x", ""}}, {}, {}).status()),
              HasSubstr("the default of n"));
}

TEST(Config, DescribesItself) {
  const Json json = Load({.flags = {{"fsync", "off"}}}).value().Describe();
  ASSERT_EQ(json.size(), 4u);
  EXPECT_EQ(json[size_t{0}]["name"].AsString(), "http");
  EXPECT_EQ(json[size_t{0}]["origin"].AsString(), "default");
  EXPECT_EQ(
      WriteJson(json[size_t{2}]),
      R"({"name":"fsync","value":"off","origin":"flag","help":"whether writes reach the disk"})");
}

TEST(ConfigDeathTest, RefusesAnUndeclaredName) {
  const Config config = Load({}).value();
  EXPECT_DEATH(config.Int("threads"), "never declared");
  EXPECT_DEATH(config.Int("http"), "another kind");
}

}  // namespace
}  // namespace caisson
