#include "lifecycle/training/internal/reference.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace caisson::training {
namespace {

constexpr size_t kBins = 20;

}  // namespace

Json DescribeValues(const std::string& name, std::vector<float> values) {
  const size_t all = values.size();
  values.erase(
      std::remove_if(values.begin(), values.end(), [](float value) { return std::isnan(value); }),
      values.end());
  std::sort(values.begin(), values.end());
  double sum = 0;
  for (const float value : values) sum += value;

  std::vector<float> edges;
  for (size_t i = 1; i < kBins && !values.empty(); ++i) {
    const float edge = values[values.size() * i / kBins];
    if (edge > (edges.empty() ? values.front() : edges.back())) edges.push_back(edge);
  }
  Json edge_list = Json::MakeArray();
  Json counts = Json::MakeArray();
  size_t below = 0;
  for (const float edge : edges) {
    const auto bound = std::lower_bound(values.begin(), values.end(), edge);
    const size_t count = static_cast<size_t>(bound - values.begin());
    edge_list.Append(static_cast<double>(edge));
    counts.Append(count - below);
    below = count;
  }
  counts.Append(values.size() - below);
  const double present = static_cast<double>(values.size());
  return Json::Of({{"name", name},
                   {"mean", values.empty() ? Json(nullptr) : Json(sum / present)},
                   {"missing", all == 0 ? 0.0 : 1 - present / static_cast<double>(all)},
                   {"edges", std::move(edge_list)},
                   {"counts", std::move(counts)}});
}

Json MakeReference(const FeatureTable& train, const std::vector<float>& valid_scores,
                   const std::map<std::string, double>& valid_metrics) {
  Json features = Json::MakeArray();
  for (size_t column = 0; column < train.columns(); ++column) {
    std::vector<float> values(train.rows());
    for (size_t row = 0; row < train.rows(); ++row) values[row] = train.row(row)[column];
    features.Append(DescribeValues(train.names[column], std::move(values)));
  }
  Json metrics = Json::MakeObject();
  for (const auto& [name, value] : valid_metrics) metrics.Set(name, value);
  const auto rate = valid_metrics.find("base_rate");
  return Json::Of({{"rows", train.rows()},
                   {"features", std::move(features)},
                   {"score", DescribeValues("score", valid_scores)},
                   {"label_rate", rate == valid_metrics.end() ? Json(nullptr) : Json(rate->second)},
                   {"metrics", std::move(metrics)}});
}

}  // namespace caisson::training
