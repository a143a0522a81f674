// The combinations of a grid.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lifecycle/training/trainer.h"

namespace caisson::training {

struct Combination {
  std::string name;  // "max_depth=6 eta=0.1", or "default" without a grid
  std::map<std::string, std::string>
      parameters;  // for XGBoost: those of the specification and of this combination
};

// In the order of the axes, the last one turning fastest.
std::vector<Combination> Combinations(const TrainSpec& spec);

}  // namespace caisson::training
