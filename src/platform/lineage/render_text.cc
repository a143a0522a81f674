// A graph as a tree for terminals and as a Mermaid flowchart.
#include <map>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/strings.h"
#include "platform/lineage/internal/labels.h"
#include "platform/lineage/lineage.h"

namespace caisson::lineage {
namespace {

constexpr size_t kTreeAttributes = 4;
constexpr size_t kMermaidAttributes = 4;

// Draws by depth first search; on the stack of RenderTree.
class TreeWriter {
 public:
  explicit TreeWriter(const Graph& graph)
      : graph_(graph), upstream_(graph.direction == Direction::kUpstream) {
    for (const Node& node : graph.nodes) nodes_[node.id] = &node;
    for (const Edge& edge : graph.edges)
      branches_[upstream_ ? edge.from : edge.to].push_back(&edge);
  }

  std::string Write() {
    WriteNode(graph_.root, "");
    if (graph_.truncated)
      out_ += fmt::format("… and more; the first {} nodes are shown\n", graph_.nodes.size());
    return std::move(out_);
  }

 private:
  // Ends the present line with the node and writes its branches below, each line after `indent`.
  void WriteNode(const NodeId& id, const std::string& indent) {
    out_ += fmt::format("{} {}", internal::ReadableWord(id.kind), id.name);
    const auto branches = branches_.find(id);
    const bool has_branches = branches != branches_.end();
    if (!shown_.insert(id).second) {
      out_ += has_branches ? " (above)\n" : "\n";
      return;
    }
    const auto node = nodes_.find(id);
    if (node != nodes_.end()) {
      std::string_view separator = "  ";
      for (const auto& [key, value] :
           internal::KeyAttributes(node->second->attributes, kTreeAttributes)) {
        out_ += fmt::format("{}{}={}", separator, key, value);
        separator = " ";
      }
    }
    out_ += '\n';
    if (!has_branches) return;
    for (size_t i = 0; i < branches->second.size(); ++i) {
      const Edge& edge = *branches->second[i];
      const bool last = i + 1 == branches->second.size();
      out_ += fmt::format("{}{} {} {} ", indent, last ? "└─" : "├─",
                          internal::ReadableWord(edge.relation), upstream_ ? "→" : "←");
      WriteNode(upstream_ ? edge.to : edge.from, indent + (last ? "   " : "│  "));
    }
  }

  const Graph& graph_;
  const bool upstream_;
  std::map<NodeId, const Node*> nodes_;
  std::map<NodeId, std::vector<const Edge*>> branches_;
  std::set<NodeId> shown_;
  std::string out_;
};

// Mermaid reads quotes, brackets and HTML in labels; entity codes are its own way to write them.
std::string MermaidText(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "#quot;";
        break;
      case '<':
        out += "#lt;";
        break;
      case '>':
        out += "#gt;";
        break;
      case '#':
        out += "#35;";
        break;
      case '&':
        out += "#amp;";
        break;
      case '\n':
        out += ' ';
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace

std::string RenderTree(const Graph& graph) { return TreeWriter(graph).Write(); }

std::string RenderMermaid(const Graph& graph) {
  std::string out = "flowchart TD\n";
  std::map<NodeId, size_t> numbers;
  for (const Node& node : graph.nodes) {
    const size_t number = numbers.emplace(node.id, numbers.size()).first->second;
    std::string label =
        fmt::format("{}<br/><b>{}</b>", MermaidText(internal::ReadableWord(node.id.kind)),
                    MermaidText(node.id.name));
    for (const auto& [key, value] : internal::KeyAttributes(node.attributes, kMermaidAttributes)) {
      label += fmt::format("<br/>{}: {}", MermaidText(key), MermaidText(value));
    }
    out += fmt::format("  n{}[\"{}\"]\n", number, label);
  }
  for (const Edge& edge : graph.edges) {
    const auto from = numbers.find(edge.from);
    const auto to = numbers.find(edge.to);
    if (from == numbers.end() || to == numbers.end()) continue;
    out += fmt::format("  n{} -->|\"{}\"| n{}\n", from->second,
                       MermaidText(internal::ReadableWord(edge.relation)), to->second);
  }
  return out;
}

}  // namespace caisson::lineage
