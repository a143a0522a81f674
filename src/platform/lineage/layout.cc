#include "platform/lineage/internal/layout.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace caisson::lineage::internal {
namespace {

constexpr double kMargin = 24;
constexpr double kLayerGap = 20;  // between a layer and the next one
constexpr double kLabelHeight = 18;
constexpr double kBoxDistance = 28;   // between neighbours in a layer
constexpr double kLineDistance = 14;  // the same where one of them is a line that passes through
constexpr double kPortDistance = 18;  // between lines that leave a box on the same side
constexpr double kLineWeight = 6;
constexpr int kOrderSweeps = 12;
constexpr int kPositionSweeps = 24;

// A box, a label, or a place where a long line passes a layer. Boxes are in the even layers, labels
// in the odd ones, so that labels get room of their own.
struct Cell {
  size_t layer = 0;
  double width = 0;
  double height = 0;
  bool thin = false;  // only a line
  double x = 0;       // of its centre
  std::vector<size_t> above;
  std::vector<size_t> below;
};

class LayoutBuilder {
 public:
  LayoutBuilder(const std::vector<LayoutBox>& boxes, const std::vector<LayoutLine>& lines)
      : lines_(lines) {
    for (const LayoutBox& box : boxes) {
      cells_.push_back({});
      cells_.back().width = box.width;
      cells_.back().height = box.height;
    }
    box_count_ = boxes.size();
  }

  Layout Build() {
    Layout layout;
    if (box_count_ == 0) return layout;
    FindReversedLines();
    AssignLayers();
    MakeChains();
    OrderLayers();
    AssignPositions();
    AssignHeights();
    WriteBoxes(layout);
    WriteLines(layout);
    return layout;
  }

 private:
  bool IsLoop(const LayoutLine& line) const { return line.from == line.to; }

  // The upper and the lower box of a line once cycles are cut.
  std::pair<size_t, size_t> Ends(size_t line) const {
    const auto& [from, to, width] = lines_[line];
    return reversed_[line] ? std::pair(to, from) : std::pair(from, to);
  }

  // Lines that lead back to a box whose search is not finished close a cycle; turned round, the
  // rest has none.
  void FindReversedLines() {
    reversed_.assign(lines_.size(), false);
    std::vector<std::vector<size_t>> leaving(box_count_);
    for (size_t i = 0; i < lines_.size(); ++i) {
      if (!IsLoop(lines_[i])) leaving[lines_[i].from].push_back(i);
    }
    enum class Mark { kNew, kOpen, kDone };
    std::vector<Mark> marks(box_count_, Mark::kNew);
    for (size_t start = 0; start < box_count_; ++start) {
      if (marks[start] != Mark::kNew) continue;
      // Each entry is a box and how many of its lines were followed.
      std::vector<std::pair<size_t, size_t>> stack{{start, 0}};
      marks[start] = Mark::kOpen;
      while (!stack.empty()) {
        auto& [box, next] = stack.back();
        if (next == leaving[box].size()) {
          marks[box] = Mark::kDone;
          stack.pop_back();
          continue;
        }
        const size_t line = leaving[box][next++];
        const size_t target = lines_[line].to;
        if (marks[target] == Mark::kOpen) {
          reversed_[line] = true;
        } else if (marks[target] == Mark::kNew) {
          marks[target] = Mark::kOpen;
          stack.emplace_back(target, 0);
        }
      }
    }
  }

  // Each box stands below all boxes above it, as high as that allows.
  void AssignLayers() {
    std::vector<size_t> waits(box_count_, 0);
    std::vector<std::vector<size_t>> lower(box_count_);
    for (size_t i = 0; i < lines_.size(); ++i) {
      if (IsLoop(lines_[i])) continue;
      const auto [top, bottom] = Ends(i);
      lower[top].push_back(bottom);
      ++waits[bottom];
    }
    std::vector<size_t> ready;
    for (size_t box = 0; box < box_count_; ++box) {
      if (waits[box] == 0) ready.push_back(box);
    }
    for (size_t i = 0; i < ready.size(); ++i) {
      const size_t box = ready[i];
      for (const size_t below : lower[box]) {
        cells_[below].layer = std::max(cells_[below].layer, cells_[box].layer + 2);
        if (--waits[below] == 0) ready.push_back(below);
      }
    }
  }

  // Gives each line a cell in every layer that it crosses; the first one carries the label.
  void MakeChains() {
    chains_.assign(lines_.size(), {});
    for (size_t i = 0; i < lines_.size(); ++i) {
      if (IsLoop(lines_[i])) continue;
      const auto [top, bottom] = Ends(i);
      size_t previous = top;
      chains_[i].push_back(top);
      for (size_t layer = cells_[top].layer + 1; layer < cells_[bottom].layer; ++layer) {
        Cell cell;
        cell.layer = layer;
        const bool carries_label = layer == cells_[top].layer + 1;
        cell.width = carries_label ? lines_[i].label_width : 0;
        cell.height = carries_label ? kLabelHeight : 0;
        cell.thin = !carries_label;
        cells_.push_back(cell);
        Connect(previous, cells_.size() - 1);
        previous = cells_.size() - 1;
        chains_[i].push_back(previous);
      }
      Connect(previous, bottom);
      chains_[i].push_back(bottom);
    }
    for (size_t i = 0; i < cells_.size(); ++i) {
      if (layers_.size() <= cells_[i].layer) layers_.resize(cells_[i].layer + 1);
      layers_[cells_[i].layer].push_back(i);
    }
  }

  void Connect(size_t above, size_t below) {
    cells_[above].below.push_back(below);
    cells_[below].above.push_back(above);
  }

  // Sorts each layer by the mean place of the neighbours, downwards and upwards in turn, and keeps
  // the order with the fewest crossings.
  void OrderLayers() {
    std::vector<size_t> place(cells_.size());
    UpdatePlaces(place);
    auto best = layers_;
    size_t fewest = CountCrossings(place);
    for (int sweep = 0; sweep < kOrderSweeps && fewest > 0; ++sweep) {
      const bool down = sweep % 2 == 0;
      for (size_t i = 1; i < layers_.size(); ++i) {
        auto& layer = layers_[down ? i : layers_.size() - 1 - i];
        SortLayer(layer, place, down);
        for (size_t k = 0; k < layer.size(); ++k) place[layer[k]] = k;
      }
      const size_t crossings = CountCrossings(place);
      if (crossings < fewest) {
        fewest = crossings;
        best = layers_;
      }
    }
    layers_ = std::move(best);
  }

  void UpdatePlaces(std::vector<size_t>& place) const {
    for (const auto& layer : layers_) {
      for (size_t k = 0; k < layer.size(); ++k) place[layer[k]] = k;
    }
  }

  void SortLayer(std::vector<size_t>& layer, const std::vector<size_t>& place, bool down) const {
    std::vector<std::pair<double, size_t>> keyed;
    for (size_t k = 0; k < layer.size(); ++k) {
      const Cell& cell = cells_[layer[k]];
      const auto& neighbours = down ? cell.above : cell.below;
      double key = static_cast<double>(k);
      if (!neighbours.empty()) {
        key = 0;
        for (const size_t neighbour : neighbours) key += static_cast<double>(place[neighbour]);
        key /= static_cast<double>(neighbours.size());
      }
      keyed.emplace_back(key, layer[k]);
    }
    std::stable_sort(keyed.begin(), keyed.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (size_t k = 0; k < layer.size(); ++k) layer[k] = keyed[k].second;
  }

  size_t CountCrossings(const std::vector<size_t>& place) const {
    size_t crossings = 0;
    std::vector<std::pair<size_t, size_t>> segments;
    for (const auto& layer : layers_) {
      segments.clear();
      for (const size_t cell : layer) {
        for (const size_t below : cells_[cell].below)
          segments.emplace_back(place[cell], place[below]);
      }
      for (size_t a = 0; a < segments.size(); ++a) {
        for (size_t b = a + 1; b < segments.size(); ++b) {
          const bool crosses =
              (segments[a].first < segments[b].first && segments[a].second > segments[b].second) ||
              (segments[a].first > segments[b].first && segments[a].second < segments[b].second);
          crossings += crosses;
        }
      }
    }
    return crossings;
  }

  static double Distance(const Cell& left, const Cell& right) {
    const double gap = left.thin || right.thin ? kLineDistance : kBoxDistance;
    return left.width / 2 + gap + right.width / 2;
  }

  // Moves each cell towards the mean of its neighbours, as far as the order and the distances in
  // its layer allow.
  void AssignPositions() {
    for (const auto& layer : layers_) {
      for (size_t k = 1; k < layer.size(); ++k) {
        cells_[layer[k]].x =
            cells_[layer[k - 1]].x + Distance(cells_[layer[k - 1]], cells_[layer[k]]);
      }
    }
    for (int sweep = 0; sweep < kPositionSweeps; ++sweep) {
      for (size_t i = 0; i < layers_.size(); ++i) {
        PlaceLayer(layers_[sweep % 2 == 0 ? layers_.size() - 1 - i : i], sweep);
      }
    }
    StraightenChains();
  }

  // The sweeps end before the ends of chains have settled. A cell with a single neighbour that has
  // no other one either stands exactly above it.
  void StraightenChains() {
    for (size_t i = layers_.size(); i-- > 0;) {
      std::vector<double> wanted;
      for (const size_t index : layers_[i]) {
        const Cell& cell = cells_[index];
        const bool alone = cell.below.size() == 1 && cells_[cell.below[0]].above.size() == 1;
        wanted.push_back(alone ? cells_[cell.below[0]].x : cell.x);
      }
      Spread(layers_[i], wanted);
    }
  }

  void PlaceLayer(const std::vector<size_t>& layer, int sweep) {
    // Early sweeps pull in one direction, the last ones balance both.
    const bool both = sweep >= kPositionSweeps / 2;
    std::vector<double> wanted;
    for (const size_t index : layer) {
      const Cell& cell = cells_[index];
      double sum = 0;
      double count = 0;
      for (const bool above : {true, false}) {
        const auto& neighbours = above ? cell.above : cell.below;
        const bool counts =
            both || (sweep % 2 == 1) == above || (above ? cell.below : cell.above).empty();
        if (!counts) continue;
        for (const size_t neighbour : neighbours) {
          // Long lines become straight before boxes become centred.
          const double weight = index >= box_count_ && neighbour >= box_count_ ? kLineWeight : 1;
          sum += weight * cells_[neighbour].x;
          count += weight;
        }
      }
      wanted.push_back(count > 0 ? sum / count : cell.x);
    }
    Spread(layer, wanted);
  }

  // The places nearest to the wanted ones (least squares) that keep order and distances: without
  // the distances the places must only not decrease, which pooling adjacent violators solves.
  void Spread(const std::vector<size_t>& layer, const std::vector<double>& wanted) {
    struct Pool {
      double sum;
      size_t count;
      double mean() const { return sum / static_cast<double>(count); }
    };
    std::vector<double> offsets(layer.size(), 0);
    std::vector<Pool> pools;
    for (size_t k = 0; k < layer.size(); ++k) {
      if (k > 0) offsets[k] = offsets[k - 1] + Distance(cells_[layer[k - 1]], cells_[layer[k]]);
      pools.push_back({wanted[k] - offsets[k], 1});
      while (pools.size() > 1 && pools[pools.size() - 2].mean() >= pools.back().mean()) {
        pools[pools.size() - 2].sum += pools.back().sum;
        pools[pools.size() - 2].count += pools.back().count;
        pools.pop_back();
      }
    }
    size_t k = 0;
    for (const Pool& pool : pools) {
      for (size_t i = 0; i < pool.count; ++i, ++k) cells_[layer[k]].x = pool.mean() + offsets[k];
    }
  }

  void AssignHeights() {
    double y = kMargin;
    for (const auto& layer : layers_) {
      double height = 0;
      for (const size_t cell : layer) height = std::max(height, cells_[cell].height);
      tops_.push_back(y);
      heights_.push_back(height);
      y += height + kLayerGap;
    }
    double left = std::numeric_limits<double>::max();
    for (const Cell& cell : cells_) left = std::min(left, cell.x - cell.width / 2);
    for (Cell& cell : cells_) cell.x += kMargin - left;
  }

  // Boxes stand at the top of their layer, labels in the middle of theirs.
  double Top(size_t index) const { return tops_[cells_[index].layer]; }

  void WriteBoxes(Layout& layout) const {
    for (size_t i = 0; i < cells_.size(); ++i) {
      layout.width = std::max(layout.width, cells_[i].x + cells_[i].width / 2 + kMargin);
    }
    layout.height = tops_.back() + heights_.back() + kMargin;
    for (size_t i = 0; i < box_count_; ++i)
      layout.boxes.push_back({cells_[i].x - cells_[i].width / 2, Top(i)});
  }

  // Where a line leaves the box `cell` towards its neighbour number `k`: neighbours are served from
  // left to right.
  double Port(size_t cell, const std::vector<size_t>& neighbours, size_t neighbour) const {
    size_t rank = 0;
    for (const size_t other : neighbours) {
      rank += cells_[other].x < cells_[neighbour].x ||
              (cells_[other].x == cells_[neighbour].x && other < neighbour);
    }
    const double count = static_cast<double>(neighbours.size());
    const double step =
        std::min(kPortDistance, (cells_[cell].width - kPortDistance) / std::max(count, 1.0));
    return cells_[cell].x + (static_cast<double>(rank) - (count - 1) / 2) * step;
  }

  void WriteLines(Layout& layout) const {
    for (size_t i = 0; i < lines_.size(); ++i) {
      const auto& chain = chains_[i];
      if (chain.empty()) continue;
      Layout::Line line;
      line.reversed = reversed_[i];
      const size_t top = chain.front();
      const size_t bottom = chain.back();
      line.points.push_back(
          {Port(top, cells_[top].below, chain[1]), Top(top) + cells_[top].height});
      for (size_t k = 1; k + 1 < chain.size(); ++k) {
        const Cell& cell = cells_[chain[k]];
        const double y = tops_[cell.layer];
        const double height = heights_[cell.layer];
        // A straight piece through the layer, so that the line keeps clear of the boxes there.
        line.points.push_back({cell.x, y});
        line.points.push_back({cell.x, y + height});
        if (!cell.thin) line.label = {cell.x, y + height / 2};
      }
      line.points.push_back(
          {Port(bottom, cells_[bottom].above, chain[chain.size() - 2]), Top(bottom)});
      layout.lines.push_back(std::move(line));
    }
  }

  const std::vector<LayoutLine>& lines_;
  size_t box_count_ = 0;
  std::vector<bool> reversed_;
  std::vector<Cell> cells_;                  // the boxes first
  std::vector<std::vector<size_t>> layers_;  // cells from left to right
  std::vector<std::vector<size_t>> chains_;  // the cells of each line, both boxes included
  std::vector<double> tops_;
  std::vector<double> heights_;
};

}  // namespace

Layout ComputeLayout(const std::vector<LayoutBox>& boxes, const std::vector<LayoutLine>& lines) {
  return LayoutBuilder(boxes, lines).Build();
}

}  // namespace caisson::lineage::internal
