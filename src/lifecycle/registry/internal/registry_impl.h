// What the Registry's methods, spread over files by area, share.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lifecycle/registry/registry.h"
#include "platform/lineage/lineage.h"

namespace caisson::registry {

class Registry::Impl {
 public:
  explicit Impl(const RegistryDependencies& dependencies)
      : main(dependencies.main),
        blobs(dependencies.blobs),
        tracking(dependencies.tracking),
        clock(dependencies.clock) {}

  sql::Database& main;
  blob::BlobStore& blobs;
  tracking::Store& tracking;
  const Clock& clock;
};

namespace internal {

inline constexpr std::string_view kIsPromptTag = "mlflow.prompt.is_prompt";
inline constexpr std::string_view kDeletedStage = "Deleted_Internal";

Status ValidateModelName(const std::string& name);
Status ValidateModelTag(const Tag& tag);
Status ValidateAlias(const std::string& alias);
// "latest" and "v7" cannot be set.
Status ValidateAliasNotReserved(const std::string& alias);

// "Staging" for "staging".
Result<std::string> CanonicalStage(const std::string& stage);

struct ModelRow {
  int64_t key = 0;
  RegisteredModel model;  // without tags, aliases and latest versions
  bool is_prompt = false;
};
// NotFound: "Registered Model with name=... not found".
Result<ModelRow> FindModel(sql::Session& session, std::string_view project,
                           const std::string& name);
// Tags, aliases and the newest version of each stage.
Status LoadModelParts(sql::Session& session, ModelRow& row);

// NotFound: "Model Version (name=..., version=...) not found". Deleted versions are not found.
Result<ModelVersion> FindVersion(sql::Session& session, const ModelRow& model, int64_t version);
// The columns of a version in a SELECT, and how they are read. `v` is registry_versions.
inline constexpr std::string_view kVersionColumns =
    "v.version, v.creation_time, v.last_update_time, v.user_id, v.stage, v.description, v.source, "
    "v.storage_location, "
    "v.run_id, v.run_link, v.model_id, v.status, v.status_message, v.digest";
inline constexpr int kVersionColumnCount = 14;
ModelVersion ReadVersion(const sql::Row& row, int first_column, std::string model);
Status LoadVersionParts(sql::Session& session, int64_t model_key, ModelVersion& version);

Status TouchModel(sql::Transaction& transaction, int64_t model_key);
Status TouchVersion(sql::Transaction& transaction, int64_t model_key, int64_t version);

// An audit entry and an event about a model or a version. Prompts have events of their own names.
struct Change {
  std::string action;  // "registered_model.create"
  std::string object;  // "model/delay/3"
  Json detail;
  std::string event;  // "registered_model.created"; empty: none
};
Status RecordChange(sql::Transaction& transaction, const Change& change);

lineage::NodeId VersionNode(std::string_view model, int64_t version);

}  // namespace internal
}  // namespace caisson::registry
