#include <utility>

#include "base/json.h"
#include "base/strings.h"
#include "engines/xgboost/internal/dataset_impl.h"
#include "engines/xgboost/internal/xgboost_api.h"
#include "engines/xgboost/xgboost.h"

namespace caisson::xgboost {
namespace {

// Adds the names of all settings in XGBoost's description of its configuration, a tree of objects.
void CollectNames(const Json& json, std::vector<std::string>& names) {
  for (const auto& [name, value] : json.object()) {
    if (value.is_object()) {
      CollectNames(value, names);
    } else {
      names.push_back(name);
    }
  }
  for (const Json& element : json.array()) CollectNames(element, names);
}

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  for (const std::string& known : names) {
    if (known == name) return true;
  }
  return false;
}

}  // namespace

class Booster::Impl {
 public:
  explicit Impl(const Api& api) : api(api) {}
  ~Impl() {
    if (handle != nullptr) (void)api.XGBoosterFree(handle);
  }

  Status SetParameters(const std::map<std::string, std::string>& parameters);
  Status CheckNames(const std::map<std::string, std::string>& parameters);
  Status SetFeatureNames(std::vector<std::string> names);

  const Api api;
  BoosterHandle handle = nullptr;
  std::vector<std::string> feature_names;
};

// The names go into the saved model and into Importance; a dataset's own are only compared with
// them.
Status Booster::Impl::SetFeatureNames(std::vector<std::string> names) {
  feature_names = std::move(names);
  std::vector<const char*> texts;
  for (const std::string& name : feature_names) texts.push_back(name.c_str());
  return api.Check(
      api.XGBoosterSetStrFeatureInfo(handle, "feature_name", texts.data(), texts.size()));
}

Status Booster::Impl::SetParameters(const std::map<std::string, std::string>& parameters) {
  // One thread unless asked otherwise: OpenMP's threads spin at barriers, which on a busy machine
  // is twenty times slower. Warnings would go to standard error; what matters comes back as an
  // error.
  std::map<std::string, std::string> all = {{"nthread", "1"}, {"verbosity", "0"}};
  for (const auto& [name, value] : parameters) all[name] = value;
  for (const auto& [name, value] : all) {
    CAISSON_TRY(api.Check(api.XGBoosterSetParam(handle, name.c_str(), value.c_str())));
  }
  return OkStatus();
}

// XGBoost takes any name in silence, so that a typing error would train another model than was
// asked for.
Status Booster::Impl::CheckNames(const std::map<std::string, std::string>& parameters) {
  uint64_t length = 0;
  const char* text = nullptr;
  CAISSON_TRY(api.Check(api.XGBoosterSaveJsonConfig(handle, &length, &text)));
  CAISSON_ASSIGN(const Json configuration, ParseJson(std::string_view(text, length)));
  std::vector<std::string> names = {"eval_metric", "verbosity", "nthread",
                                    "seed",        "booster",   "objective"};
  CollectNames(configuration, names);
  for (const auto& [name, value] : parameters) {
    if (!Contains(names, name)) {
      return InvalidArgument("XGBoost has no parameter '{}' here{}", name,
                             SuggestName(name, names));
    }
  }
  return OkStatus();
}

Booster::Booster(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Booster::~Booster() = default;

Result<std::unique_ptr<Booster>> Booster::Create(
    const std::map<std::string, std::string>& parameters,
    const std::vector<const Dataset*>& datasets) {
  CAISSON_ASSIGN(const Api api, Api::Load());
  auto impl = std::make_unique<Impl>(api);
  std::vector<DatasetHandle> handles;
  for (const Dataset* dataset : datasets) handles.push_back(dataset->impl_->handle);
  CAISSON_TRY(api.Check(api.XGBoosterCreate(handles.data(), handles.size(), &impl->handle)));
  CAISSON_TRY(impl->SetParameters(parameters));
  CAISSON_TRY(impl->CheckNames(parameters));
  if (!datasets.empty()) CAISSON_TRY(impl->SetFeatureNames(datasets.front()->impl_->feature_names));
  return std::unique_ptr<Booster>(new Booster(std::move(impl)));
}

Result<std::unique_ptr<Booster>> Booster::LoadJson(std::string_view model) {
  CAISSON_TRY(ParseJson(model));
  CAISSON_ASSIGN(const Api api, Api::Load());
  auto impl = std::make_unique<Impl>(api);
  CAISSON_TRY(api.Check(api.XGBoosterCreate(nullptr, 0, &impl->handle)));
  CAISSON_TRY(
      api.Check(api.XGBoosterLoadModelFromBuffer(impl->handle, model.data(), model.size())));
  CAISSON_TRY(impl->SetParameters({}));
  return std::unique_ptr<Booster>(new Booster(std::move(impl)));
}

Status Booster::Update(int iteration, const Dataset& train) {
  return impl_->api.Check(
      impl_->api.XGBoosterUpdateOneIter(impl_->handle, iteration, train.impl_->handle));
}

Result<std::unique_ptr<Booster>> Booster::Slice(int rounds) const {
  // XGBoost itself loses memory when it refuses.
  int boosted = 0;
  CAISSON_TRY(impl_->api.Check(impl_->api.XGBoosterBoostedRounds(impl_->handle, &boosted)));
  if (rounds < 1 || rounds > boosted) {
    return InvalidArgument("XGBoost: the model has {} rounds, {} cannot be cut from it", boosted,
                           rounds);
  }
  auto impl = std::make_unique<Impl>(impl_->api);
  CAISSON_TRY(
      impl->api.Check(impl->api.XGBoosterSlice(impl_->handle, 0, rounds, 1, &impl->handle)));
  CAISSON_TRY(impl->SetParameters({}));
  CAISSON_TRY(impl->SetFeatureNames(impl_->feature_names));
  return std::unique_ptr<Booster>(new Booster(std::move(impl)));
}

Result<std::vector<std::map<std::string, double>>> Booster::Evaluate(
    int iteration, const std::vector<const Dataset*>& datasets) {
  std::vector<DatasetHandle> handles;
  std::vector<std::string> names;
  for (const Dataset* dataset : datasets) {
    handles.push_back(dataset->impl_->handle);
    names.push_back(std::to_string(names.size()));
  }
  std::vector<const char*> texts;
  for (const std::string& name : names) texts.push_back(name.c_str());
  const char* line = nullptr;
  CAISSON_TRY(impl_->api.Check(impl_->api.XGBoosterEvalOneIter(
      impl_->handle, iteration, handles.data(), texts.data(), handles.size(), &line)));
  // "[7]\t0-auc:0.71\t0-logloss:0.5\t1-auc:0.69\t1-logloss:0.52"
  std::vector<std::map<std::string, double>> metrics(datasets.size());
  for (const std::string& field : Split(line, '\t')) {
    const size_t dash = field.find('-');
    const size_t colon = field.rfind(':');
    if (dash == std::string::npos || colon == std::string::npos || colon < dash) continue;
    const std::optional<int64_t> index = ParseInt(std::string_view(field).substr(0, dash));
    const std::optional<double> value = ParseDouble(std::string_view(field).substr(colon + 1));
    if (!index.has_value() || *index < 0 || static_cast<size_t>(*index) >= metrics.size() ||
        !value.has_value()) {
      return Internal("XGBoost: '{}' is not understood in its evaluation '{}'", field, line);
    }
    metrics[static_cast<size_t>(*index)][field.substr(dash + 1, colon - dash - 1)] = *value;
  }
  return metrics;
}

Result<std::vector<float>> Booster::Predict(const Dataset& dataset) {
  const uint64_t* shape = nullptr;
  uint64_t dimensions = 0;
  const float* values = nullptr;
  CAISSON_TRY(impl_->api.Check(impl_->api.XGBoosterPredictFromDMatrix(
      impl_->handle, dataset.impl_->handle,
      R"({"type": 0, "training": false, "iteration_begin": 0, "iteration_end": 0, "strict_shape": false})",
      &shape, &dimensions, &values)));
  uint64_t count = dimensions == 0 ? 0 : 1;
  for (uint64_t i = 0; i < dimensions; ++i) count *= shape[i];
  return std::vector<float>(values, values + count);
}

Result<std::string> Booster::SaveJson() {
  uint64_t length = 0;
  const char* bytes = nullptr;
  CAISSON_TRY(impl_->api.Check(impl_->api.XGBoosterSaveModelToBuffer(
      impl_->handle, R"({"format": "json"})", &length, &bytes)));
  return std::string(bytes, length);
}

Result<std::map<std::string, double>> Booster::Importance() {
  uint64_t feature_count = 0;
  const char** features = nullptr;
  uint64_t dimensions = 0;
  const uint64_t* shape = nullptr;
  const float* scores = nullptr;
  CAISSON_TRY(impl_->api.Check(
      impl_->api.XGBoosterFeatureScore(impl_->handle, R"({"importance_type": "total_gain"})",
                                       &feature_count, &features, &dimensions, &shape, &scores)));
  std::map<std::string, double> importance;
  for (uint64_t i = 0; i < feature_count; ++i) importance[features[i]] = scores[i];
  return importance;
}

Result<std::string> Version() {
  CAISSON_ASSIGN(const Api api, Api::Load());
  int major = 0;
  int minor = 0;
  int patch = 0;
  api.XGBoostVersion(&major, &minor, &patch);
  return fmt::format("{}.{}.{}", major, minor, patch);
}

}  // namespace caisson::xgboost
