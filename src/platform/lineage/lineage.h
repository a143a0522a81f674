// The graph of what came from what.
//
// Domains record nodes and edges in the transaction that changes their state. The graph knows
// nothing of the domains: a node is a kind, a name and attributes, so that any chain can be walked
// and drawn by the same code.
#pragma once

#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/json.h"
#include "platform/sql/database.h"

namespace caisson::lineage {

// Kinds in use: dataset_version, check_run, stage_run, run, model_version, gate_decision,
// deployment, endpoint, monitor, drift_report, job, code_commit, feature_view.
struct NodeId {
  std::string kind;
  std::string name;  // unique within project and kind, for example "delay/3"
  bool operator==(const NodeId&) const = default;
  bool operator<(const NodeId& other) const {
    return std::tie(kind, name) < std::tie(other.kind, other.name);
  }
  std::string ToString() const { return kind + ":" + name; }
};

struct Node {
  NodeId id;
  UnixMillis time = 0;
  Json attributes;  // what a person wants to see: hashes, numbers, times
};

// `from` came about with the help of `to`: a model version (from) was produced_by a run (to).
struct Edge {
  NodeId from;
  NodeId to;
  std::string relation;  // "produced_by", "trained_on", "checked_by", "admitted_by", "serves",
                         // "uses", "caused_by"
  UnixMillis time = 0;
};

const sql::Schema& LineageSchema();

// Makes the node, or merges `attributes` (an object, or null) member by member into the one that is
// there. The project is the transaction's.
Status PutNode(sql::Transaction& transaction, const NodeId& id, const Json& attributes);
// Writing an edge again changes nothing. Nodes that are missing are made without attributes.
Status PutEdge(sql::Transaction& transaction, const NodeId& from, std::string_view relation,
               const NodeId& to);

enum class Direction { kUpstream, kDownstream };

struct Graph {
  NodeId root;
  Direction direction = Direction::kUpstream;
  std::vector<Node> nodes;  // breadth first from the root
  std::vector<Edge> edges;  // between these nodes
  bool truncated = false;   // there are more nodes than were asked for
};

// Everything reachable from `root` along the edges (upstream: what it came from), at most
// `max_nodes`, the nearest first. NotFound when the root is not there.
Result<Graph> Walk(sql::Session& session, std::string_view project, const NodeId& root,
                   Direction direction, int max_nodes = 500);

// Drawings of a graph. All show a node's kind, name and its first attributes in short form: hashes
// by their first digits, numbers to four places.
//
// For a terminal, with box-drawing characters; a node that was shown before is named once more
// without its branches.
std::string RenderTree(const Graph& graph);
// A Mermaid flowchart, for Markdown.
std::string RenderMermaid(const Graph& graph);
// A standalone SVG document in layers from the root downwards. No style sheet and no script, so
// that it may be inlined under a strict content security policy; the full attributes are in the
// tooltips.
std::string RenderSvg(const Graph& graph);
// {"root", "direction", "nodes": [{"kind", "name", "time", "attributes"}], "edges": [{"from", "to",
// "relation", "time"}], "truncated"}; root, from and to are {"kind", "name"}.
Json GraphToJson(const Graph& graph);

}  // namespace caisson::lineage
