#include "platform/lineage/lineage.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "platform/lineage/resources.h"

namespace caisson::lineage {
namespace {

Status CheckId(const NodeId& id) {
  if (id.kind.empty() || id.name.empty()) {
    return InvalidArgument("a lineage node needs a kind and a name, not '{}'", id.ToString());
  }
  return OkStatus();
}

Result<std::optional<Node>> FindNode(sql::Session& session, std::string_view project,
                                     const NodeId& id) {
  std::optional<Node> node;
  CAISSON_TRY(session.Query(
      "SELECT time, attributes FROM lineage_nodes WHERE project = $1 AND kind = $2 AND name = $3",
      {project, id.kind, id.name}, [&](const sql::Row& row) -> Status {
        auto attributes = ParseJson(row.Text(1));
        if (!attributes.ok()) {
          return DataLoss("lineage node {}: its attributes are damaged: {}", id.ToString(),
                          Message(attributes.status()));
        }
        node = Node{id, row.Int(0), *std::move(attributes)};
        return OkStatus();
      }));
  return node;
}

// The edges that lead away from `id` in the direction of the walk, in the order in which they were
// written.
Result<std::vector<Edge>> EdgesOf(sql::Session& session, std::string_view project, const NodeId& id,
                                  Direction direction) {
  const std::string_view text =
      direction == Direction::kUpstream
          ? "SELECT from_kind, from_name, to_kind, to_name, relation, time FROM lineage_edges"
            " WHERE project = $1 AND from_kind = $2 AND from_name = $3 ORDER BY time, relation, "
            "to_kind, to_name"
          : "SELECT from_kind, from_name, to_kind, to_name, relation, time FROM lineage_edges"
            " WHERE project = $1 AND to_kind = $2 AND to_name = $3 ORDER BY time, relation, "
            "from_kind, from_name";
  return session.QueryAll<Edge>(text, {project, id.kind, id.name}, [](const sql::Row& row) {
    return Edge{
        {row.String(0), row.String(1)}, {row.String(2), row.String(3)}, row.String(4), row.Int(5)};
  });
}

Json IdToJson(const NodeId& id) { return Json::Of({{"kind", id.kind}, {"name", id.name}}); }

}  // namespace

const sql::Schema& LineageSchema() {
  static const sql::Schema schema{"lineage",
                                  {{1, "lineage", resources::kMigrations0001LineageSql}}};
  return schema;
}

Status PutNode(sql::Transaction& transaction, const NodeId& id, const Json& attributes) {
  CAISSON_TRY(CheckId(id));
  if (!attributes.is_object() && !attributes.is_null()) {
    return InvalidArgument("lineage node {}: the attributes must be an object, not {}",
                           id.ToString(), attributes.type_name());
  }
  const std::string& project = transaction.context().project();
  CAISSON_ASSIGN(const std::optional<Node> present, FindNode(transaction, project, id));
  Json merged = present.has_value() ? present->attributes : Json::MakeObject();
  for (const auto& [key, value] : attributes.object()) merged.Set(key, value);
  if (present.has_value() && merged == present->attributes) return OkStatus();
  return transaction
      .Execute(
          "INSERT INTO lineage_nodes (project, kind, name, time, attributes) VALUES ($1, $2, $3, "
          "$4, $5)"
          " ON CONFLICT (project, kind, name) DO UPDATE SET attributes = excluded.attributes",
          {project, id.kind, id.name, transaction.now(), WriteJson(merged)})
      .status();
}

Status PutEdge(sql::Transaction& transaction, const NodeId& from, std::string_view relation,
               const NodeId& to) {
  if (relation.empty())
    return InvalidArgument("the edge {} -> {} needs a relation", from.ToString(), to.ToString());
  const std::string& project = transaction.context().project();
  for (const NodeId& id : {from, to}) {
    CAISSON_TRY(CheckId(id));
    CAISSON_TRY(transaction.Execute(
        "INSERT INTO lineage_nodes (project, kind, name, time, attributes)"
        " VALUES ($1, $2, $3, $4, '{}') ON CONFLICT (project, kind, name) DO NOTHING",
        {project, id.kind, id.name, transaction.now()}));
  }
  return transaction
      .Execute(
          "INSERT INTO lineage_edges (project, from_kind, from_name, relation, to_kind, to_name, "
          "time)"
          " VALUES ($1, $2, $3, $4, $5, $6, $7)"
          " ON CONFLICT (project, from_kind, from_name, relation, to_kind, to_name) DO NOTHING",
          {project, from.kind, from.name, relation, to.kind, to.name, transaction.now()})
      .status();
}

Result<Graph> Walk(sql::Session& session, std::string_view project, const NodeId& root,
                   Direction direction, int max_nodes) {
  Graph graph;
  graph.root = root;
  graph.direction = direction;
  CAISSON_ASSIGN(std::optional<Node> first, FindNode(session, project, root));
  if (!first.has_value())
    return NotFound("the lineage graph of project {} has no {}", project, root.ToString());
  graph.nodes.push_back(*std::move(first));
  std::set<NodeId> seen{root};
  std::vector<Edge> found;
  // The vector grows while it is walked: it is the queue of the breadth-first search.
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const NodeId id = graph.nodes[i].id;
    CAISSON_ASSIGN(const std::vector<Edge> edges, EdgesOf(session, project, id, direction));
    for (const Edge& edge : edges) {
      found.push_back(edge);
      const NodeId& other = direction == Direction::kUpstream ? edge.to : edge.from;
      if (seen.contains(other)) continue;
      if (static_cast<int>(graph.nodes.size()) >= max_nodes) {
        graph.truncated = true;
        continue;
      }
      CAISSON_ASSIGN(std::optional<Node> node, FindNode(session, project, other));
      if (!node.has_value())
        return DataLoss("the lineage edge to {} leads nowhere", other.ToString());
      seen.insert(other);
      graph.nodes.push_back(*std::move(node));
    }
  }
  for (Edge& edge : found) {
    if (seen.contains(edge.from) && seen.contains(edge.to)) graph.edges.push_back(std::move(edge));
  }
  return graph;
}

Json GraphToJson(const Graph& graph) {
  Json nodes = Json::MakeArray();
  for (const Node& node : graph.nodes) {
    nodes.Append(Json::Of({{"kind", node.id.kind},
                           {"name", node.id.name},
                           {"time", node.time},
                           {"attributes", node.attributes}}));
  }
  Json edges = Json::MakeArray();
  for (const Edge& edge : graph.edges) {
    edges.Append(Json::Of({{"from", IdToJson(edge.from)},
                           {"to", IdToJson(edge.to)},
                           {"relation", edge.relation},
                           {"time", edge.time}}));
  }
  return Json::Of(
      {{"root", IdToJson(graph.root)},
       {"direction", graph.direction == Direction::kUpstream ? "upstream" : "downstream"},
       {"nodes", std::move(nodes)},
       {"edges", std::move(edges)},
       {"truncated", graph.truncated}});
}

}  // namespace caisson::lineage
