#include "lifecycle/serving/internal/version_cache.h"

#include "base/log.h"

namespace caisson::serving::internal {

Result<std::shared_ptr<const LoadedVersion>> VersionCache::Get(const Context& context,
                                                               const std::string& model,
                                                               int version) {
  std::lock_guard lock(mutex_);
  std::shared_ptr<const LoadedVersion>& known = loaded_[{model, version}];
  if (known != nullptr) return known;
  CAISSON_ASSIGN(const registry::ModelVersion entry, registry_.GetVersion(context, model, version));
  CAISSON_ASSIGN(const std::string path, registry_.ModelFile(context, entry));
  auto loaded = std::make_shared<LoadedVersion>();
  loaded->model = model;
  loaded->version = version;
  CAISSON_ASSIGN(loaded->session, onnxruntime::Session::Load(path));
  CAISSON_LOG(kInfo, "serving", "loaded {} version {}", model, version);
  known = std::move(loaded);
  return known;
}

void VersionCache::DropUnused() {
  std::lock_guard lock(mutex_);
  std::erase_if(loaded_, [](const auto& entry) { return entry.second.use_count() <= 1; });
}

}  // namespace caisson::serving::internal
