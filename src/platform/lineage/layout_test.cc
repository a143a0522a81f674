#include "platform/lineage/internal/layout.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

namespace caisson::lineage::internal {
namespace {

struct Rectangle {
  double left, top, right, bottom;
  bool Overlaps(const Rectangle& other) const {
    constexpr double kSlack = 1e-6;
    return left + kSlack < other.right && other.left + kSlack < right &&
           top + kSlack < other.bottom && other.top + kSlack < bottom;
  }
};

Rectangle BoxAt(const Point& corner, const LayoutBox& box) {
  return {corner.x, corner.y, corner.x + box.width, corner.y + box.height};
}

void CheckLayout(const std::vector<LayoutBox>& boxes, const std::vector<LayoutLine>& lines) {
  const Layout layout = ComputeLayout(boxes, lines);
  ASSERT_EQ(layout.boxes.size(), boxes.size());
  ASSERT_EQ(layout.lines.size(), lines.size());
  std::vector<Rectangle> taken;
  for (size_t i = 0; i < boxes.size(); ++i) taken.push_back(BoxAt(layout.boxes[i], boxes[i]));
  for (size_t i = 0; i < lines.size(); ++i) {
    const Point& label = layout.lines[i].label;
    const double half = lines[i].label_width / 2;
    taken.push_back({label.x - half, label.y - 6, label.x + half, label.y + 6});
  }
  for (size_t a = 0; a < taken.size(); ++a) {
    EXPECT_GE(taken[a].left, 0);
    EXPECT_GE(taken[a].top, 0);
    EXPECT_LE(taken[a].right, layout.width);
    EXPECT_LE(taken[a].bottom, layout.height);
    for (size_t b = a + 1; b < taken.size(); ++b)
      EXPECT_FALSE(taken[a].Overlaps(taken[b])) << a << " and " << b;
  }
  for (size_t i = 0; i < lines.size(); ++i) {
    const auto& points = layout.lines[i].points;
    const size_t top = layout.lines[i].reversed ? lines[i].to : lines[i].from;
    const size_t bottom = layout.lines[i].reversed ? lines[i].from : lines[i].to;
    EXPECT_NEAR(points.front().y, taken[top].bottom, 1e-6);
    EXPECT_NEAR(points.back().y, taken[bottom].top, 1e-6);
    EXPECT_GE(points.front().x, taken[top].left);
    EXPECT_LE(points.front().x, taken[top].right);
    EXPECT_GE(points.back().x, taken[bottom].left);
    EXPECT_LE(points.back().x, taken[bottom].right);
    EXPECT_TRUE(std::is_sorted(points.begin(), points.end(),
                               [](const Point& a, const Point& b) { return a.y < b.y; }));
  }
}

TEST(LayoutTest, NothingAndOneBox) {
  EXPECT_TRUE(ComputeLayout({}, {}).boxes.empty());
  CheckLayout({{100, 50}}, {});
}

TEST(LayoutTest, AChainStandsStraight) {
  const std::vector<LayoutBox> boxes{{100, 50}, {200, 40}, {80, 90}};
  const std::vector<LayoutLine> lines{{0, 1, 40}, {1, 2, 40}};
  CheckLayout(boxes, lines);
  const Layout layout = ComputeLayout(boxes, lines);
  EXPECT_NEAR(layout.boxes[0].x + 50, layout.boxes[1].x + 100, 1);
  EXPECT_NEAR(layout.boxes[1].x + 100, layout.boxes[2].x + 40, 1);
  EXPECT_LT(layout.boxes[0].y, layout.boxes[1].y);
}

TEST(LayoutTest, ADiamondWithALongLine) {
  CheckLayout({{100, 50}, {150, 50}, {150, 50}, {100, 50}},
              {{0, 1, 60}, {0, 2, 60}, {1, 3, 60}, {2, 3, 60}, {0, 3, 60}});
}

TEST(LayoutTest, ACycleIsCutAndItsArrowTurned) {
  const std::vector<LayoutBox> boxes(3, {100, 50});
  const std::vector<LayoutLine> lines{{0, 1, 30}, {1, 2, 30}, {2, 0, 30}};
  CheckLayout(boxes, lines);
  const Layout layout = ComputeLayout(boxes, lines);
  EXPECT_FALSE(layout.lines[0].reversed);
  EXPECT_TRUE(layout.lines[2].reversed);
}

// Two pairs whose lines cross in the order of the input.
TEST(LayoutTest, CrossingsAreUntangled) {
  const Layout layout =
      ComputeLayout(std::vector<LayoutBox>(4, {100, 50}), {{0, 3, 30}, {1, 2, 30}});
  EXPECT_EQ(layout.boxes[0].x < layout.boxes[1].x, layout.boxes[3].x < layout.boxes[2].x);
}

TEST(LayoutTest, RandomGraphsNeverOverlap) {
  std::mt19937 random(7);
  for (int round = 0; round < 30; ++round) {
    const size_t count = 2 + random() % 30;
    std::vector<LayoutBox> boxes;
    for (size_t i = 0; i < count; ++i)
      boxes.push_back({60.0 + random() % 200, 40.0 + random() % 90});
    std::vector<LayoutLine> lines;
    for (size_t i = 0; i < count + count / 2; ++i) {
      const size_t from = random() % count;
      const size_t to = random() % count;
      if (from != to) lines.push_back({from, to, 20.0 + random() % 80});
    }
    CheckLayout(boxes, lines);
  }
}

}  // namespace
}  // namespace caisson::lineage::internal
