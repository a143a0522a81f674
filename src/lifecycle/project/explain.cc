#include "lifecycle/project/explain.h"

namespace caisson::project {
namespace {

// Puts a root in front of a graph that was walked from `next`.
lineage::Graph Prepend(lineage::Node root, std::string_view relation, const lineage::NodeId& next,
                       lineage::Graph graph) {
  graph.edges.insert(graph.edges.begin(),
                     lineage::Edge{root.id, next, std::string(relation), root.time});
  graph.root = root.id;
  graph.nodes.insert(graph.nodes.begin(), std::move(root));
  return graph;
}

}  // namespace

Result<lineage::Graph> ExplainNode(const Context& context, sql::Database& database,
                                   const lineage::NodeId& node) {
  return database.ReadFor<lineage::Graph>(context, [&](sql::Session& session) {
    return lineage::Walk(session, context.project(), node, lineage::Direction::kUpstream);
  });
}

Result<lineage::Graph> ExplainPrediction(const Context& context, sql::Database& database,
                                         serving::Endpoints& endpoints,
                                         std::string_view prediction_id) {
  CAISSON_ASSIGN(const serving::Prediction prediction, endpoints.FindPrediction(prediction_id));
  std::string endpoint;
  CAISSON_ASSIGN(const serving::Deployment deployment,
                 endpoints.DeploymentOf(context, prediction, &endpoint));
  const lineage::NodeId next{"deployment", deployment.id};
  CAISSON_ASSIGN(lineage::Graph graph, ExplainNode(context, database, next));
  Json features = Json::MakeArray();
  for (const float feature : prediction.features) features.Append(static_cast<double>(feature));
  lineage::Node root;
  root.id = {"prediction", std::string(prediction_id)};
  root.time = prediction.time;
  root.attributes = Json::Of({{"endpoint", endpoint},
                              {"answered_at", FormatTime(prediction.time)},
                              {"event_time", FormatTime(prediction.event_time)},
                              {"score", static_cast<double>(prediction.score)},
                              {"features", features}});
  return Prepend(std::move(root), "answered_by", next, std::move(graph));
}

Result<lineage::Graph> ExplainEndpoint(const Context& context, sql::Database& database,
                                       serving::Endpoints& endpoints, std::string_view endpoint) {
  CAISSON_ASSIGN(const serving::EndpointStatus status, endpoints.Get(context, endpoint));
  lineage::Graph graph;
  graph.root = {"endpoint", std::string(endpoint)};
  graph.nodes.push_back({graph.root, 0, serving::EndpointSpecToJson(status.spec)});
  const auto has_node = [&](const lineage::NodeId& id) {
    return std::any_of(graph.nodes.begin(), graph.nodes.end(),
                       [&](const lineage::Node& node) { return node.id == id; });
  };
  for (const serving::Deployment& deployment : status.deployments) {
    if (deployment.traffic_percent == 0) continue;
    const lineage::NodeId id{"deployment", deployment.id};
    CAISSON_ASSIGN(lineage::Graph branch, ExplainNode(context, database, id));
    graph.edges.push_back({graph.root, id, fmt::format("{} % by", deployment.traffic_percent),
                           deployment.step_started_at});
    for (lineage::Node& node : branch.nodes) {
      if (!has_node(node.id)) graph.nodes.push_back(std::move(node));
    }
    for (lineage::Edge& edge : branch.edges) {
      const bool known =
          std::any_of(graph.edges.begin(), graph.edges.end(), [&](const lineage::Edge& other) {
            return other.from == edge.from && other.to == edge.to &&
                   other.relation == edge.relation;
          });
      if (!known) graph.edges.push_back(std::move(edge));
    }
  }
  return graph;
}

}  // namespace caisson::project
