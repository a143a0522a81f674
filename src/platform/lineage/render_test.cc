// The drawings of one small graph with everything in it that needs care: a node that is reached
// twice, text that needs escaping, long hashes, a cycle.
#include <cstdlib>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/strings.h"
#include "platform/lineage/internal/labels.h"
#include "platform/lineage/lineage.h"

namespace caisson::lineage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

Graph Flights() {
  Graph graph;
  graph.root = {"endpoint", "delay"};
  const std::string hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
  graph.nodes = {
      {{"endpoint", "delay"}, 1, Json::Of({{"traffic", "100 % to version 3"}})},
      {{"deployment", "delay/3"}, 1, Json::Of({{"replicas", 1}, {"state", "serving"}})},
      {{"model_version", "delay/3"},
       1,
       Json::Of({{"digest", hash}, {"features", Json::ArrayOf(std::vector<int>{1, 2, 3})}})},
      {{"gate_decision", "delay/3"},
       1,
       Json::Of(
           {{"admitted", true}, {"metrics", Json::Of({{"auc", 0.7312345}, {"p99_ms", 1.2}})}})},
      {{"run", "0123456789abcdef0123456789abcdef"},
       1,
       Json::Of({{"name", "depth 6 & <eta> \"0.1\""}})},
      {{"stage_run", "flights/prepare"}, 1, Json()},
      {{"dataset_version", "data/flights.parquet@5f3a1c77"},
       1,
       Json::Of({{"rows", 3000000}, {"size", "13.5 MB"}})},
      {{"check_run", "flights/12"}, 1, Json::Of({{"passed", 14}})},
      {{"code_commit", "4b825dc642cb6eb9a060e54bf8d69288fbee4904"}, 1, Json()},
  };
  const auto id = [&](size_t i) { return graph.nodes[i].id; };
  graph.edges = {{id(0), id(1), "serves", 1},      {id(1), id(2), "uses", 1},
                 {id(2), id(3), "admitted_by", 1}, {id(2), id(4), "produced_by", 1},
                 {id(3), id(4), "caused_by", 1},   {id(4), id(5), "trained_on", 1},
                 {id(4), id(8), "at", 1},          {id(5), id(6), "uses", 1},
                 {id(5), id(8), "at", 1},          {id(6), id(7), "checked_by", 1}};
  return graph;
}

TEST(RenderTest, TheTreeShowsEachNodeOnce) {
  EXPECT_EQ(
      RenderTree(Flights()),
      "endpoint delay  traffic=100 % to version 3\n"
      "└─ serves → deployment delay/3  replicas=1 state=serving\n"
      "   └─ uses → model version delay/3  digest=9f86d081884c features=3 items\n"
      "      ├─ admitted by → gate decision delay/3  admitted=true metrics.auc=0.7312 "
      "metrics.p99_ms=1.2\n"
      "      │  └─ caused by → run 0123456789abcdef0123456789abcdef  name=depth 6 & <eta> \"0.1\"\n"
      "      │     ├─ trained on → stage run flights/prepare\n"
      "      │     │  ├─ uses → dataset version data/flights.parquet@5f3a1c77  rows=3000000 "
      "size=13.5 MB\n"
      "      │     │  │  └─ checked by → check run flights/12  passed=14\n"
      "      │     │  └─ at → code commit 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n"
      "      │     └─ at → code commit 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n"
      "      └─ produced by → run 0123456789abcdef0123456789abcdef (above)\n");
}

TEST(RenderTest, ADownstreamTreePointsBack) {
  Graph graph;
  graph.root = {"dataset_version", "d"};
  graph.direction = Direction::kDownstream;
  graph.nodes = {{{"dataset_version", "d"}, 1, Json()}, {{"run", "r"}, 1, Json()}};
  graph.edges = {{{"run", "r"}, {"dataset_version", "d"}, "trained_on", 1}};
  graph.truncated = true;
  EXPECT_EQ(RenderTree(graph),
            "dataset version d\n└─ trained on ← run r\n… and more; the first 2 nodes are shown\n");
}

TEST(RenderTest, ACycleDoesNotHang) {
  Graph graph;
  graph.root = {"run", "a"};
  graph.nodes = {{{"run", "a"}, 1, Json()}, {{"run", "b"}, 1, Json()}};
  graph.edges = {{{"run", "a"}, {"run", "b"}, "uses", 1}, {{"run", "b"}, {"run", "a"}, "uses", 1}};
  EXPECT_EQ(RenderTree(graph), "run a\n└─ uses → run b\n   └─ uses → run a (above)\n");
  EXPECT_THAT(RenderSvg(graph), HasSubstr("arrow-back"));
}

TEST(RenderTest, MermaidIsEscaped) {
  const std::string text = RenderMermaid(Flights());
  EXPECT_THAT(
      text,
      HasSubstr(
          "flowchart TD\n  n0[\"endpoint<br/><b>delay</b><br/>traffic: 100 % to version 3\"]\n"));
  EXPECT_THAT(text, HasSubstr("name: depth 6 #amp; #lt;eta#gt; #quot;0.1#quot;"));
  EXPECT_THAT(text, HasSubstr("  n2 -->|\"admitted by\"| n3\n"));
}

TEST(RenderTest, SvgIsEscapedAndComplete) {
  Graph graph = Flights();
  graph.nodes[5].attributes.Set("note", "a\x01 b");
  const std::string svg = RenderSvg(graph);
  EXPECT_EQ(svg.find("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 "), 0u);
  EXPECT_THAT(svg, HasSubstr("depth 6 &amp; &lt;eta&gt;"));
  EXPECT_THAT(svg, Not(HasSubstr("<eta>")));
  EXPECT_THAT(svg, Not(HasSubstr("\x01")));
  EXPECT_THAT(svg, Not(HasSubstr("<style")));
  // The whole digest is in the tooltip, its beginning in the picture.
  EXPECT_THAT(
      svg, HasSubstr("digest: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"));
  EXPECT_THAT(svg, HasSubstr(">9f86d081884c</text>"));
  size_t paths = 0;
  for (size_t at = svg.find("marker-end="); at != std::string::npos;
       at = svg.find("marker-end=", at + 1))
    ++paths;
  EXPECT_EQ(paths, Flights().edges.size());
  // For a look at it: CAISSON_TEST_SVG=picture.svg
  if (const char* path = std::getenv("CAISSON_TEST_SVG")) {
    ASSERT_TRUE(WriteFileAtomic(path, RenderSvg(Flights())).ok());
  }
}

TEST(RenderTest, JsonHasEverything) {
  const Json json = GraphToJson(Flights());
  EXPECT_EQ(json["root"]["name"].AsString(), "delay");
  EXPECT_EQ(json["nodes"].size(), 9u);
  EXPECT_EQ(json["nodes"][3]["attributes"]["metrics"]["auc"].AsDouble(), 0.7312345);
  EXPECT_EQ(json["edges"][0]["relation"].AsString(), "serves");
  EXPECT_EQ(json["edges"][0]["to"]["kind"].AsString(), "deployment");
}

TEST(LabelsTest, ShortensByCharacters) {
  EXPECT_EQ(internal::Shorten("Zürich", 6), "Zürich");
  EXPECT_EQ(internal::Shorten("Zürich", 5), "Züri…");
  EXPECT_EQ(internal::Shorten("", 3), "");
}

TEST(LabelsTest, PicksWhatIsWorthShowing) {
  const Json attributes = Json::Of({{"empty", ""},
                                    {"none", Json()},
                                    {"deep", Json::Of({{"a", 1}, {"b", Json::MakeObject()}})},
                                    {"list", Json::ArrayOf(std::vector<int>{1})},
                                    {"on", true},
                                    {"last", 2}});
  EXPECT_THAT(internal::KeyAttributes(attributes, 3),
              ElementsAre(Pair("deep.a", "1"), Pair("list", "1 item"), Pair("on", "true")));
}

}  // namespace
}  // namespace caisson::lineage
