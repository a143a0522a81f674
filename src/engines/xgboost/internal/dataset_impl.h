// A Dataset's inside, for Booster.
#pragma once

#include "engines/xgboost/internal/xgboost_api.h"
#include "engines/xgboost/xgboost.h"

namespace caisson::xgboost {

class Dataset::Impl {
 public:
  explicit Impl(const Api& api) : api(api) {}
  ~Impl() {
    if (handle != nullptr) (void)api.XGDMatrixFree(handle);
  }

  const Api api;
  DatasetHandle handle = nullptr;
  std::vector<std::string> feature_names;
};

}  // namespace caisson::xgboost
