#include "platform/lineage/lineage.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/sql/testing.h"

namespace caisson::lineage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LineageTest : public ::testing::Test {
 protected:
  LineageTest() : database_(LineageSchema()) {}

  Status Node(const NodeId& id, const Json& attributes, const std::string& project = "default") {
    return database_->Write(context_.WithProject(project), [&](sql::Transaction& transaction) {
      return PutNode(transaction, id, attributes);
    });
  }
  Status Edge(const NodeId& from, std::string_view relation, const NodeId& to) {
    return database_->Write(context_, [&](sql::Transaction& transaction) {
      return PutEdge(transaction, from, relation, to);
    });
  }
  Result<Graph> WalkFrom(const NodeId& root, Direction direction, int max_nodes = 500,
                         std::string_view project = "default") {
    return database_->ReadFor<Graph>(context_, [&](sql::Session& session) {
      return Walk(session, project, root, direction, max_nodes);
    });
  }
  static std::vector<std::string> Names(const Graph& graph) {
    std::vector<std::string> names;
    for (const auto& node : graph.nodes) names.push_back(node.id.name);
    return names;
  }
  static std::vector<std::string> Edges(const Graph& graph) {
    std::vector<std::string> edges;
    for (const auto& edge : graph.edges)
      edges.push_back(fmt::format("{} {} {}", edge.from.name, edge.relation, edge.to.name));
    return edges;
  }

  const Context context_ = Context::Background();
  sql::testing::TestDatabase database_;
};

TEST_F(LineageTest, AttributesAreMerged) {
  ASSERT_TRUE(Node({"run", "r"}, Json::Of({{"auc", 0.5}, {"state", "running"}})).ok());
  ASSERT_TRUE(Node({"run", "r"}, Json::Of({{"state", "finished"}, {"seconds", 3}})).ok());
  ASSERT_TRUE(Node({"run", "r"}, Json()).ok());
  const auto graph = WalkFrom({"run", "r"}, Direction::kUpstream);
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(graph->nodes[0].attributes,
            Json::Of({{"auc", 0.5}, {"state", "finished"}, {"seconds", 3}}));
  EXPECT_GT(graph->nodes[0].time, 0);
}

TEST_F(LineageTest, RefusesWhatIsNoNodeAndNoEdge) {
  EXPECT_EQ(Node({"", "x"}, Json()).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Node({"run", "x"}, Json("text")).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Edge({"run", "x"}, "", {"run", "y"}).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Edge({"run", "x"}, "uses", {"run", ""}).code(), StatusCode::kInvalidArgument);
}

TEST_F(LineageTest, WalksBothWays) {
  ASSERT_TRUE(Edge({"endpoint", "e"}, "serves", {"model_version", "m"}).ok());
  ASSERT_TRUE(Edge({"model_version", "m"}, "produced_by", {"run", "r"}).ok());
  ASSERT_TRUE(Edge({"run", "r"}, "trained_on", {"dataset_version", "d"}).ok());
  ASSERT_TRUE(Edge({"run", "other"}, "trained_on", {"dataset_version", "d"}).ok());
  const auto up = WalkFrom({"model_version", "m"}, Direction::kUpstream);
  EXPECT_THAT(Names(*up), ElementsAre("m", "r", "d"));
  EXPECT_THAT(Edges(*up), ElementsAre("m produced_by r", "r trained_on d"));
  const auto down = WalkFrom({"dataset_version", "d"}, Direction::kDownstream);
  EXPECT_THAT(Names(*down), ::testing::UnorderedElementsAre("d", "r", "other", "m", "e"));
  EXPECT_EQ(down->nodes[0].id.name, "d");
  EXPECT_EQ(WalkFrom({"run", "nobody"}, Direction::kUpstream).status().code(),
            StatusCode::kNotFound);
}

TEST_F(LineageTest, AnEdgeWrittenTwiceIsOneEdge) {
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(Edge({"run", "a"}, "uses", {"run", "b"}).ok());
  ASSERT_TRUE(Edge({"run", "a"}, "caused_by", {"run", "b"}).ok());
  EXPECT_THAT(Edges(*WalkFrom({"run", "a"}, Direction::kUpstream)),
              ::testing::UnorderedElementsAre("a uses b", "a caused_by b"));
}

TEST_F(LineageTest, ACycleEnds) {
  ASSERT_TRUE(Edge({"run", "a"}, "uses", {"run", "b"}).ok());
  ASSERT_TRUE(Edge({"run", "b"}, "uses", {"run", "a"}).ok());
  const auto graph = WalkFrom({"run", "a"}, Direction::kUpstream);
  EXPECT_THAT(Names(*graph), ElementsAre("a", "b"));
  EXPECT_EQ(graph->edges.size(), 2u);
}

TEST_F(LineageTest, StopsAtTheBound) {
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(Edge({"run", fmt::to_string(i)}, "uses", {"run", fmt::to_string(i + 1)}).ok());
  const auto part = WalkFrom({"run", "0"}, Direction::kUpstream, 5);
  EXPECT_THAT(Names(*part), ElementsAre("0", "1", "2", "3", "4"));
  EXPECT_EQ(part->edges.size(), 4u);
  EXPECT_TRUE(part->truncated);
  const auto whole = WalkFrom({"run", "0"}, Direction::kUpstream, 21);
  EXPECT_FALSE(whole->truncated);
  EXPECT_EQ(whole->nodes.size(), 21u);
}

TEST_F(LineageTest, ProjectsDoNotMix) {
  ASSERT_TRUE(Node({"run", "r"}, Json(), "one").ok());
  EXPECT_TRUE(WalkFrom({"run", "r"}, Direction::kUpstream, 10, "one").ok());
  const auto other = WalkFrom({"run", "r"}, Direction::kUpstream, 10, "two");
  EXPECT_EQ(other.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(Message(other.status()), HasSubstr("run:r"));
}

}  // namespace
}  // namespace caisson::lineage
