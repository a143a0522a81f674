// A graph as a standalone SVG document.
#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/strings.h"
#include "platform/lineage/internal/labels.h"
#include "platform/lineage/internal/layout.h"
#include "platform/lineage/lineage.h"

namespace caisson::lineage {
namespace {

constexpr size_t kAttributes = 5;
constexpr size_t kNameCharacters = 40;
constexpr double kPadding = 12;
constexpr double kMinWidth = 120;
constexpr double kKindSize = 10.5;  // font sizes in pixels
constexpr double kNameSize = 13.5;
constexpr double kAttributeSize = 11.5;
constexpr double kLabelSize = 10.5;
constexpr double kAttributeLine = 16;
constexpr double kHeadHeight = 46;

constexpr std::string_view kFont =
    "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";
constexpr std::string_view kInk = "#1f2733";
constexpr std::string_view kFaintInk = "#68727f";
constexpr std::string_view kLineColour = "#9aa5b1";

struct KindColour {
  std::string_view kind;
  std::string_view colour;
};
constexpr std::array<KindColour, 15> kKindColours{{
    {"prediction", "#c2317f"},
    {"endpoint", "#0b76c2"},
    {"deployment", "#2b5fd9"},
    {"gate_decision", "#b07300"},
    {"model_version", "#7a3fd1"},
    {"run", "#4d52d6"},
    {"stage_run", "#4a6076"},
    {"dataset_version", "#0d8577"},
    {"check_run", "#3c8a2e"},
    {"feature_view", "#0e86a0"},
    {"monitor", "#c25a0b"},
    {"drift_report", "#c4352f"},
    {"job", "#6b7280"},
    {"code_commit", "#374151"},
    {"environment", "#5b6472"},
}};

std::string_view ColourOf(std::string_view kind) {
  for (const KindColour& entry : kKindColours) {
    if (entry.kind == kind) return entry.colour;
  }
  return "#55606e";
}

// An estimate of how wide a sans-serif font sets the text, on the safe side, since nobody can
// measure it here.
double TextWidth(std::string_view text, double size, bool bold = false) {
  double ems = 0;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xC0) == 0x80) continue;  // inside a UTF-8 character
    if (static_cast<unsigned char>(c) >= 0x80) {
      ems += 0.95;
    } else if (std::string_view("iljtfrI.,:;'|!()[] ").find(c) != std::string_view::npos) {
      ems += 0.38;
    } else if ((c >= 'A' && c <= 'Z') ||
               std::string_view("mwMW@%").find(c) != std::string_view::npos) {
      ems += 0.78;
    } else {
      ems += 0.63;
    }
  }
  return ems * size * (bold ? 1.14 : 1.0);
}

struct NodeDrawing {
  std::string kind;
  std::string name;
  std::vector<std::pair<std::string, std::string>> attributes;
  double key_width = 0;  // of the column with the attributes' names
  internal::LayoutBox box;
};

NodeDrawing Draw(const Node& node) {
  NodeDrawing drawing;
  drawing.kind = internal::ReadableWord(node.id.kind);
  drawing.name = internal::ShortName(node.id.name, kNameCharacters);
  drawing.attributes = internal::KeyAttributes(node.attributes, kAttributes);
  double width =
      std::max(TextWidth(drawing.kind, kKindSize, true), TextWidth(drawing.name, kNameSize, true));
  double value_width = 0;
  for (auto& [key, value] : drawing.attributes) {
    key = internal::ReadableWord(key);
    drawing.key_width = std::max(drawing.key_width, TextWidth(key, kAttributeSize) + 8);
    value_width = std::max(value_width, TextWidth(value, kAttributeSize));
  }
  width = std::max(width, drawing.key_width + value_width);
  drawing.box.width = std::max(kMinWidth, width + 2 * kPadding + 4);
  drawing.box.height = kHeadHeight;
  if (!drawing.attributes.empty()) {
    drawing.box.height += static_cast<double>(drawing.attributes.size()) * kAttributeLine + 8;
  }
  return drawing;
}

// XML 1.0 has no control characters, not even escaped ones, but for tab and line feed.
std::string XmlText(std::string_view text) {
  std::string clean(text);
  for (char& c : clean) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') c = ' ';
  }
  return HtmlEscape(clean);
}

std::string Tooltip(const Node& node) {
  std::string text = fmt::format("{} {}\n{}", node.id.kind, node.id.name, FormatTime(node.time));
  for (const auto& [key, value] : node.attributes.object()) {
    text += fmt::format("\n{}: {}", key, value.is_string() ? value.AsString() : WriteJson(value));
  }
  return text;
}

std::string Text(double x, double y, double size, std::string_view colour, std::string_view more,
                 std::string_view text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"{}\" fill=\"{}\"{}>{}</text>\n",
                     x, y, size, colour, more, XmlText(text));
}

std::string NodeSvg(const Node& node, const NodeDrawing& drawing, const internal::Point& corner,
                    bool is_root) {
  const std::string_view colour = ColourOf(node.id.kind);
  const double x = corner.x;
  const double y = corner.y;
  const auto& [width, height] = drawing.box;
  std::string out = fmt::format("<g>\n<title>{}</title>\n", XmlText(Tooltip(node)));
  out += fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"7\" "
      "fill=\"#ffffff\" stroke=\"{}\""
      " stroke-width=\"{}\"/>\n",
      x, y, width, height, is_root ? colour : "#d3d9e0", is_root ? 2 : 1);
  // The band on the left tells kinds apart from afar.
  out += fmt::format(
      "<path d=\"M{0:.1f},{1:.1f} a7,7 0 0 0 -7,7 V{2:.1f} a7,7 0 0 0 7,7 Z\" fill=\"{3}\" "
      "stroke=\"{3}\""
      " stroke-width=\"0.5\"/>\n",
      x + 7, y, y + height - 7, colour);
  const double text_x = x + kPadding + 4;
  out += Text(text_x, y + 18, kKindSize, colour, " font-weight=\"600\" letter-spacing=\"0.2\"",
              drawing.kind);
  out += Text(text_x, y + 36, kNameSize, kInk, " font-weight=\"600\"", drawing.name);
  double line = y + kHeadHeight + 10;
  for (const auto& [key, value] : drawing.attributes) {
    out += Text(text_x, line, kAttributeSize, kFaintInk, "", key);
    out += Text(text_x + drawing.key_width, line, kAttributeSize, kInk, "", value);
    line += kAttributeLine;
  }
  return out + "</g>\n";
}

std::string LineSvg(const internal::Layout::Line& line, std::string_view label) {
  std::string path;
  for (size_t i = 0; i < line.points.size(); ++i) {
    const auto& [x, y] = line.points[i];
    if (i == 0) {
      path = fmt::format("M{:.1f},{:.1f}", x, y);
      continue;
    }
    const auto& [px, py] = line.points[i - 1];
    const double middle = (py + y) / 2;
    path += px == x ? fmt::format(" L{:.1f},{:.1f}", x, y)
                    : fmt::format(" C{:.1f},{:.1f} {:.1f},{:.1f} {:.1f},{:.1f}", px, middle, x,
                                  middle, x, y);
  }
  std::string out = fmt::format(
      "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.4\" {}=\"url(#{})\"/>\n", path,
      kLineColour, line.reversed ? "marker-start" : "marker-end",
      line.reversed ? "arrow-back" : "arrow");
  // A white rim keeps the label readable where its line runs through it.
  return out + Text(line.label.x, line.label.y + 3.5, kLabelSize, kFaintInk,
                    " text-anchor=\"middle\" stroke=\"#ffffff\" stroke-width=\"5\" "
                    "stroke-linejoin=\"round\""
                    " paint-order=\"stroke\"",
                    label);
}

std::string Marker(std::string_view id, std::string_view path, double reference) {
  return fmt::format(
      "<marker id=\"{}\" viewBox=\"0 0 8 8\" refX=\"{}\" refY=\"4\" markerWidth=\"7\" "
      "markerHeight=\"7\" orient=\"auto\">"
      "<path d=\"{}\" fill=\"{}\"/></marker>\n",
      id, reference, path, kLineColour);
}

}  // namespace

std::string RenderSvg(const Graph& graph) {
  std::map<NodeId, size_t> numbers;
  std::vector<NodeDrawing> drawings;
  std::vector<internal::LayoutBox> boxes;
  for (const Node& node : graph.nodes) {
    numbers.emplace(node.id, drawings.size());
    drawings.push_back(Draw(node));
    boxes.push_back(drawings.back().box);
  }
  std::vector<internal::LayoutLine> lines;
  std::vector<std::string> labels;
  for (const Edge& edge : graph.edges) {
    const auto from = numbers.find(edge.from);
    const auto to = numbers.find(edge.to);
    if (from == numbers.end() || to == numbers.end() || from->second == to->second) continue;
    labels.push_back(internal::ReadableWord(edge.relation));
    lines.push_back({from->second, to->second, TextWidth(labels.back(), kLabelSize)});
  }
  const internal::Layout layout = internal::ComputeLayout(boxes, lines);

  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
      "height=\"{1:.0f}\""
      " font-family=\"{2}\" role=\"img\">\n<title>Lineage of {3} "
      "{4}</title>\n<defs>\n{5}{6}</defs>\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
      layout.width, layout.height, XmlText(kFont), XmlText(internal::ReadableWord(graph.root.kind)),
      XmlText(graph.root.name), Marker("arrow", "M0,0 L8,4 L0,8 Z", 7.5),
      Marker("arrow-back", "M8,0 L0,4 L8,8 Z", 0.5));
  for (size_t i = 0; i < layout.lines.size(); ++i) out += LineSvg(layout.lines[i], labels[i]);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    out += NodeSvg(graph.nodes[i], drawings[i], layout.boxes[i], graph.nodes[i].id == graph.root);
  }
  return out + "</svg>\n";
}

}  // namespace caisson::lineage
