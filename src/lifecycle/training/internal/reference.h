// What the training looked at, for monitors to compare with later.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "lifecycle/training/internal/table.h"

namespace caisson::training {

// reference.json, as docs/formats/model_folder.md describes it: the features of the training rows;
// score, label rate and metrics of the validation rows.
Json MakeReference(const FeatureTable& train, const std::vector<float>& valid_scores,
                   const std::map<std::string, double>& valid_metrics);

// {"name", "mean", "missing", "edges", "counts"}: the edges are the distinct 1/20 to 19/20
// quantiles above the smallest value, bin i holds edges[i-1] <= v < edges[i], NaN is in no bin.
Json DescribeValues(const std::string& name, std::vector<float> values);

}  // namespace caisson::training
