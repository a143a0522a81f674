#include <limits>

#include "engines/xgboost/internal/dataset_impl.h"
#include "engines/xgboost/xgboost.h"

namespace caisson::xgboost {

Dataset::Dataset(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Dataset::~Dataset() = default;

Result<std::unique_ptr<Dataset>> Dataset::Create(const Matrix& features,
                                                 const std::vector<float>& labels,
                                                 const std::vector<std::string>& feature_names) {
  if (features.rows == 0 || features.columns == 0) {
    return InvalidArgument("XGBoost: {} rows of {} features are nothing to learn from",
                           features.rows, features.columns);
  }
  if (!labels.empty() && labels.size() != features.rows) {
    return InvalidArgument("XGBoost: {} labels for {} rows", labels.size(), features.rows);
  }
  if (feature_names.size() != features.columns) {
    return InvalidArgument("XGBoost: {} names for {} features", feature_names.size(),
                           features.columns);
  }
  CAISSON_ASSIGN(const Api api, Api::Load());
  auto impl = std::make_unique<Impl>(api);
  impl->feature_names = feature_names;
  CAISSON_TRY(api.Check(api.XGDMatrixCreateFromMat(features.values, features.rows, features.columns,
                                                   std::numeric_limits<float>::quiet_NaN(),
                                                   &impl->handle)));
  if (!labels.empty()) {
    CAISSON_TRY(
        api.Check(api.XGDMatrixSetFloatInfo(impl->handle, "label", labels.data(), labels.size())));
  }
  std::vector<const char*> names;
  for (const std::string& name : feature_names) names.push_back(name.c_str());
  CAISSON_TRY(api.Check(
      api.XGDMatrixSetStrFeatureInfo(impl->handle, "feature_name", names.data(), names.size())));
  return std::unique_ptr<Dataset>(new Dataset(std::move(impl)));
}

}  // namespace caisson::xgboost
