// Where the boxes and lines of a layered drawing go (after Sugiyama, Tagawa and Toda: "Methods for
// Visual Understanding of Hierarchical System Structures", 1981).
#pragma once

#include <cstddef>
#include <vector>

namespace caisson::lineage::internal {

struct LayoutBox {
  double width = 0;
  double height = 0;
};

struct LayoutLine {
  size_t from = 0;  // index of a box; drawn above `to` wherever there is no cycle
  size_t to = 0;
  double label_width = 0;
};

struct Point {
  double x = 0;
  double y = 0;
};

struct Layout {
  double width = 0;
  double height = 0;
  std::vector<Point> boxes;  // upper left corners, in the order of the input
  struct Line {
    // From the lower edge of `from` to the upper edge of `to`, or the other way round for a line
    // that closes a cycle. Curves between two points leave and arrive vertically.
    std::vector<Point> points;
    Point label;  // its centre
    // The arrow stands at the first point instead of the last one.
    bool reversed = false;
  };
  std::vector<Line> lines;  // in the order of the input, without those from a box to itself
};

// Pixels. No two boxes overlap, and no label overlaps a box or another label. Deterministic.
Layout ComputeLayout(const std::vector<LayoutBox>& boxes, const std::vector<LayoutLine>& lines);

}  // namespace caisson::lineage::internal
