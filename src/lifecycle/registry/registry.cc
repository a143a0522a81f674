#include "lifecycle/registry/registry.h"

#include <algorithm>

#include "base/strings.h"
#include "lifecycle/registry/internal/registry_impl.h"
#include "lifecycle/registry/resources.h"
#include "lifecycle/tracking/validation.h"
#include "platform/audit/audit.h"
#include "platform/events/outbox.h"

namespace caisson::registry {
namespace {

using internal::FindModel;
using internal::ModelRow;

Json TagsToJson(const std::vector<Tag>& tags) {
  Json json = Json::MakeObject();
  for (const Tag& tag : tags) json.Set(tag.key, tag.value);
  return json;
}

bool IsPrompt(const std::vector<Tag>& tags) {
  for (const Tag& tag : tags) {
    if (tag.key == internal::kIsPromptTag && ToLower(tag.value) == "true") return true;
  }
  return false;
}

Status PutModelTag(sql::Transaction& transaction, int64_t model_key, const Tag& tag) {
  CAISSON_TRY(
      transaction.Execute("INSERT INTO registry_model_tags (model_key, key, value) VALUES ($1, $2, "
                          "$3) ON CONFLICT (model_key, key) DO UPDATE SET "
                          "value = excluded.value",
                          {model_key, tag.key, tag.value}));
  return OkStatus();
}

// The model with everything that a client sees.
Result<RegisteredModel> Complete(sql::Session& session, ModelRow row) {
  CAISSON_TRY(internal::LoadModelParts(session, row));
  return std::move(row.model);
}

Status NameTaken(const std::string& name, bool existing_is_prompt, bool new_is_prompt) {
  const std::string_view existing = existing_is_prompt ? "Prompt" : "Registered Model";
  if (existing_is_prompt == new_is_prompt) {
    return AlreadyExists("{} (name={}) already exists.", existing, name);
  }
  return AlreadyExists(
      "Tried to create a {} with name '{}', but the name is already taken by a {}. MLflow does not "
      "allow "
      "creating a model and a prompt with the same name.",
      new_is_prompt ? "prompt" : "registered model", name,
      existing_is_prompt ? "prompt" : "registered model");
}

}  // namespace

const sql::Schema& RegistrySchema() {
  static const sql::Schema schema{"registry",
                                  {{1, "registry", resources::kMigrations0001RegistrySql}}};
  return schema;
}

Registry::Registry(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Registry::~Registry() = default;

Result<std::unique_ptr<Registry>> Registry::Open(const RegistryDependencies& dependencies) {
  for (const sql::Schema* schema : {&RegistrySchema(), &lineage::LineageSchema(),
                                    &audit::AuditSchema(), &events::EventsSchema()}) {
    CAISSON_TRY(dependencies.main.Migrate(*schema));
  }
  return std::unique_ptr<Registry>(new Registry(std::make_unique<Impl>(dependencies)));
}

Result<RegisteredModel> Registry::CreateModel(const Context& context, const std::string& name,
                                              const std::string& description,
                                              const std::vector<Tag>& tags) {
  CAISSON_TRY(internal::ValidateModelName(name));
  for (const Tag& tag : tags) CAISSON_TRY(internal::ValidateModelTag(tag));
  return impl_->main.WriteFor<RegisteredModel>(
      context, [&](sql::Transaction& transaction) -> Result<RegisteredModel> {
        const bool prompt = IsPrompt(tags);
        const Result<ModelRow> existing = FindModel(transaction, context.project(), name);
        if (existing.ok()) return NameTaken(name, existing->is_prompt, prompt);
        if (!absl::IsNotFound(existing.status())) return existing.status();
        CAISSON_TRY(
            transaction.Execute("INSERT INTO registry_models (project, name, creation_time, "
                                "last_update_time, description) VALUES ($1, $2, $3, $3, $4)",
                                {context.project(), name, transaction.now(), description}));
        CAISSON_ASSIGN(ModelRow row, FindModel(transaction, context.project(), name));
        for (const Tag& tag : tags) CAISSON_TRY(PutModelTag(transaction, row.key, tag));
        CAISSON_TRY(internal::RecordChange(
            transaction,
            {"registered_model.create", "model/" + name,
             Json::Of({{"name", name}, {"tags", TagsToJson(tags)}, {"description", description}}),
             prompt ? "prompt.created" : "registered_model.created"}));
        return Complete(transaction, std::move(row));
      });
}

Result<RegisteredModel> Registry::GetModel(const Context& context, const std::string& name) {
  return impl_->main.ReadFor<RegisteredModel>(
      context, [&](sql::Session& session) -> Result<RegisteredModel> {
        CAISSON_ASSIGN(ModelRow row, FindModel(session, context.project(), name));
        return Complete(session, std::move(row));
      });
}

Result<RegisteredModel> Registry::UpdateModel(const Context& context, const std::string& name,
                                              const std::string& description) {
  return impl_->main.WriteFor<
      RegisteredModel>(context, [&](sql::Transaction& transaction) -> Result<RegisteredModel> {
    CAISSON_ASSIGN(ModelRow row, FindModel(transaction, context.project(), name));
    CAISSON_TRY(transaction.Execute(
        "UPDATE registry_models SET description = $1, last_update_time = $2 WHERE model_key = $3",
        {description, transaction.now(), row.key}));
    CAISSON_TRY(
        internal::RecordChange(transaction, {"registered_model.update", "model/" + name,
                                             Json::Of({{"description", description}}), ""}));
    CAISSON_ASSIGN(row, FindModel(transaction, context.project(), name));
    return Complete(transaction, std::move(row));
  });
}

Result<RegisteredModel> Registry::RenameModel(const Context& context, const std::string& name,
                                              const std::string& new_name) {
  if (Trim(new_name).empty()) return tracking::MissingValue("new_name");
  CAISSON_TRY(internal::ValidateModelName(new_name));
  return impl_->main.WriteFor<RegisteredModel>(
      context, [&](sql::Transaction& transaction) -> Result<RegisteredModel> {
        CAISSON_ASSIGN(ModelRow row, FindModel(transaction, context.project(), name));
        if (new_name != name && FindModel(transaction, context.project(), new_name).ok()) {
          return AlreadyExists("Registered Model (name={}) already exists.", new_name);
        }
        const int64_t now = transaction.now();
        CAISSON_TRY(transaction.Execute(
            "UPDATE registry_models SET name = $1, last_update_time = $2 WHERE model_key = $3",
            {new_name, now, row.key}));
        CAISSON_TRY(transaction.Execute(
            "UPDATE registry_versions SET last_update_time = $1 WHERE model_key = $2",
            {now, row.key}));
        // The graph knows versions by name: the new names lead back to the old ones.
        CAISSON_ASSIGN(const std::vector<int64_t> versions,
                       transaction.QueryAll<int64_t>(
                           "SELECT version FROM registry_versions WHERE model_key = $1", {row.key},
                           [](const sql::Row& found) { return found.Int(0); }));
        for (const int64_t version : versions) {
          CAISSON_TRY(lineage::PutEdge(transaction, internal::VersionNode(new_name, version),
                                       "renamed_from", internal::VersionNode(name, version)));
        }
        CAISSON_TRY(internal::RecordChange(transaction,
                                           {"registered_model.rename", "model/" + new_name,
                                            Json::Of({{"from", name}, {"to", new_name}}), ""}));
        CAISSON_ASSIGN(row, FindModel(transaction, context.project(), new_name));
        return Complete(transaction, std::move(row));
      });
}

Status Registry::DeleteModel(const Context& context, const std::string& name) {
  return impl_->main.Write(context, [&](sql::Transaction& transaction) -> Status {
    CAISSON_ASSIGN(const ModelRow row, FindModel(transaction, context.project(), name));
    for (const std::string_view table :
         {"registry_version_files", "registry_version_tags", "registry_aliases",
          "registry_versions", "registry_model_tags", "registry_models"}) {
      CAISSON_TRY(transaction.Execute(fmt::format("DELETE FROM {} WHERE model_key = $1", table),
                                      {row.key}));
    }
    return internal::RecordChange(
        transaction, {"registered_model.delete", "model/" + name, Json::Of({{"name", name}}), ""});
  });
}

Status Registry::SetModelTag(const Context& context, const std::string& name, const Tag& tag) {
  CAISSON_TRY(internal::ValidateModelName(name));
  CAISSON_TRY(internal::ValidateModelTag(tag));
  return impl_->main.Write(context, [&](sql::Transaction& transaction) -> Status {
    CAISSON_ASSIGN(const ModelRow row, FindModel(transaction, context.project(), name));
    CAISSON_TRY(PutModelTag(transaction, row.key, tag));
    return internal::RecordChange(
        transaction, {"registered_model.set_tag", "model/" + name,
                      Json::Of({{"name", name}, {"key", tag.key}, {"value", tag.value}}),
                      row.is_prompt ? "prompt_tag.set" : ""});
  });
}

Status Registry::DeleteModelTag(const Context& context, const std::string& name,
                                const std::string& key) {
  CAISSON_TRY(internal::ValidateModelName(name));
  CAISSON_TRY(tracking::ValidateKey(key, "key"));
  return impl_->main.Write(context, [&](sql::Transaction& transaction) -> Status {
    CAISSON_ASSIGN(const ModelRow row, FindModel(transaction, context.project(), name));
    CAISSON_TRY(transaction.Execute(
        "DELETE FROM registry_model_tags WHERE model_key = $1 AND key = $2", {row.key, key}));
    return internal::RecordChange(transaction, {"registered_model.delete_tag", "model/" + name,
                                                Json::Of({{"name", name}, {"key", key}}),
                                                row.is_prompt ? "prompt_tag.deleted" : ""});
  });
}

Result<std::vector<ModelVersion>> Registry::GetLatestVersions(
    const Context& context, const std::string& name, const std::vector<std::string>& stages) {
  CAISSON_ASSIGN(const RegisteredModel model, GetModel(context, name));
  std::vector<std::string> wanted;
  for (const std::string& stage : stages) {
    CAISSON_ASSIGN(std::string canonical, internal::CanonicalStage(stage));
    wanted.push_back(std::move(canonical));
  }
  std::vector<ModelVersion> versions;
  for (const ModelVersion& version : model.latest_versions) {
    if (wanted.empty() || std::find(wanted.begin(), wanted.end(), version.stage) != wanted.end())
      versions.push_back(version);
  }
  return versions;
}

}  // namespace caisson::registry
