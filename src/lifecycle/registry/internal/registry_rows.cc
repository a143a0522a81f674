// Reading and checking what several of the Registry's files need.
#include <cctype>

#include "base/strings.h"
#include "lifecycle/registry/internal/registry_impl.h"
#include "lifecycle/tracking/python_text.h"
#include "lifecycle/tracking/validation.h"
#include "platform/audit/audit.h"
#include "platform/events/outbox.h"

namespace caisson::registry {
namespace {

constexpr size_t kMaxKeyLength = 250;
constexpr size_t kMaxValueLength = 100'000;
constexpr size_t kMaxAliasLength = 255;
constexpr std::string_view kStages[] = {"None", "Staging", "Production", "Archived"};

}  // namespace

namespace internal {

Status ValidateModelName(const std::string& name) {
  if (Trim(name).empty()) return tracking::MissingValue("name");
  if (name.find_first_of("/:") != std::string::npos) {
    return InvalidArgument("Invalid model name '{}'. Names cannot contain '/' or ':'.", name);
  }
  if (tracking::IsAmbiguousPath(name)) {
    return tracking::InvalidValue("name", Json(name), tracking::AmbiguousPathMessage(name));
  }
  return OkStatus();
}

Status ValidateModelTag(const Tag& tag) {
  CAISSON_TRY(tracking::ValidateKey(tag.key, "key"));
  if (tracking::PythonLength(tag.key) > kMaxKeyLength)
    return tracking::TooLong("key", kMaxKeyLength);
  if (tracking::PythonLength(tag.value) <= kMaxValueLength) return OkStatus();
  if (tag.key == "mlflow.prompt.text") {
    return InvalidArgument("Prompt text exceeds max length of {} characters.", kMaxValueLength);
  }
  return tracking::TooLong("value", kMaxValueLength);
}

Status ValidateAlias(const std::string& alias) {
  if (alias.empty()) return InvalidArgument("Registered model alias name cannot be empty.");
  for (char c : alias) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) == 0 && c != '_' && c != '-' && byte < 0x80) {
      return InvalidArgument(
          "Invalid alias name: '{}'. Names may only contain alphanumerics, underscores (_), and "
          "dashes (-).",
          alias);
    }
  }
  if (tracking::PythonLength(alias) > kMaxAliasLength)
    return tracking::TooLong("Registered model alias name", kMaxAliasLength);
  return OkStatus();
}

Status ValidateAliasNotReserved(const std::string& alias) {
  if (ToLower(alias) == "latest")
    return InvalidArgument("'latest' alias name (case insensitive) is reserved.");
  const bool version = alias.size() > 1 && (alias[0] == 'v' || alias[0] == 'V') &&
                       alias.find_first_not_of("0123456789", 1) == std::string::npos;
  if (version) return InvalidArgument("Version alias name '{}' is reserved.", alias);
  return OkStatus();
}

Result<std::string> CanonicalStage(const std::string& stage) {
  for (const std::string_view known : kStages) {
    if (ToLower(known) == ToLower(stage)) return std::string(known);
  }
  return InvalidArgument(
      "Invalid Model Version stage: {}. Value must be one of None, Staging, Production, Archived.",
      stage);
}

Result<ModelRow> FindModel(sql::Session& session, std::string_view project,
                           const std::string& name) {
  CAISSON_TRY(ValidateModelName(name));
  CAISSON_ASSIGN(
      std::optional<ModelRow> row,
      session.QueryOne<ModelRow>("SELECT m.model_key, m.creation_time, m.last_update_time, "
                                 "m.description, t.value FROM registry_models m "
                                 "LEFT JOIN registry_model_tags t ON t.model_key = m.model_key AND "
                                 "t.key = $3 WHERE m.project = $1 AND "
                                 "m.name = $2",
                                 {project, name, kIsPromptTag}, [&](const sql::Row& found) {
                                   ModelRow model;
                                   model.key = found.Int(0);
                                   model.model.name = name;
                                   model.model.creation_time = found.Int(1);
                                   model.model.last_update_time = found.Int(2);
                                   model.model.description = found.String(3);
                                   model.is_prompt = ToLower(found.Text(4)) == "true";
                                   return model;
                                 }));
  if (!row.has_value()) return NotFound("Registered Model with name={} not found", name);
  return *std::move(row);
}

Status LoadModelParts(sql::Session& session, ModelRow& row) {
  RegisteredModel& model = row.model;
  CAISSON_ASSIGN(model.tags,
                 session.QueryAll<Tag>(
                     "SELECT key, value FROM registry_model_tags WHERE model_key = $1 ORDER BY key",
                     {row.key}, [](const sql::Row& found) {
                       return Tag{found.String(0), found.String(1)};
                     }));
  CAISSON_ASSIGN(
      model.aliases,
      session.QueryAll<Alias>(
          "SELECT alias, version FROM registry_aliases WHERE model_key = $1 ORDER BY alias",
          {row.key}, [](const sql::Row& found) {
            return Alias{found.String(0), found.Int(1)};
          }));
  static const std::string kLatest = fmt::format(
      "SELECT {} FROM registry_versions v WHERE v.model_key = $1 AND v.stage <> $2 AND v.version = "
      "(SELECT "
      "MAX(o.version) FROM registry_versions o WHERE o.model_key = v.model_key AND o.stage = "
      "v.stage) ORDER BY v.version",
      kVersionColumns);
  CAISSON_ASSIGN(
      model.latest_versions,
      session.QueryAll<ModelVersion>(kLatest, {row.key, kDeletedStage}, [&](const sql::Row& found) {
        return ReadVersion(found, 0, model.name);
      }));
  for (ModelVersion& version : model.latest_versions)
    CAISSON_TRY(LoadVersionParts(session, row.key, version));
  return OkStatus();
}

ModelVersion ReadVersion(const sql::Row& row, int first_column, std::string model) {
  ModelVersion version;
  version.model = std::move(model);
  version.version = row.Int(first_column);
  version.creation_time = row.Int(first_column + 1);
  version.last_update_time = row.Int(first_column + 2);
  version.user_id = row.String(first_column + 3);
  version.stage = row.String(first_column + 4);
  version.description = row.String(first_column + 5);
  version.source = row.String(first_column + 6);
  version.storage_location = row.String(first_column + 7);
  version.run_id = row.String(first_column + 8);
  version.run_link = row.String(first_column + 9);
  version.model_id = row.String(first_column + 10);
  version.status = row.String(first_column + 11);
  version.status_message = row.String(first_column + 12);
  version.digest = row.String(first_column + 13);
  return version;
}

Status LoadVersionParts(sql::Session& session, int64_t model_key, ModelVersion& version) {
  CAISSON_ASSIGN(version.tags,
                 session.QueryAll<Tag>("SELECT key, value FROM registry_version_tags WHERE "
                                       "model_key = $1 AND version = $2 ORDER BY key",
                                       {model_key, version.version}, [](const sql::Row& row) {
                                         return Tag{row.String(0), row.String(1)};
                                       }));
  CAISSON_ASSIGN(
      version.aliases,
      session.QueryAll<std::string>(
          "SELECT alias FROM registry_aliases WHERE model_key = $1 AND version = $2 ORDER BY alias",
          {model_key, version.version}, [](const sql::Row& row) { return row.String(0); }));
  return OkStatus();
}

Result<ModelVersion> FindVersion(sql::Session& session, const ModelRow& model, int64_t number) {
  static const std::string kText = fmt::format(
      "SELECT {} FROM registry_versions v WHERE v.model_key = $1 AND v.version = $2 AND v.stage <> "
      "$3",
      kVersionColumns);
  CAISSON_ASSIGN(std::optional<ModelVersion> version,
                 session.QueryOne<ModelVersion>(
                     kText, {model.key, number, kDeletedStage},
                     [&](const sql::Row& row) { return ReadVersion(row, 0, model.model.name); }));
  if (!version.has_value())
    return NotFound("Model Version (name={}, version={}) not found", model.model.name, number);
  CAISSON_TRY(LoadVersionParts(session, model.key, *version));
  return *std::move(version);
}

Status TouchModel(sql::Transaction& transaction, int64_t model_key) {
  CAISSON_TRY(
      transaction.Execute("UPDATE registry_models SET last_update_time = $1 WHERE model_key = $2",
                          {transaction.now(), model_key}));
  return OkStatus();
}

Status TouchVersion(sql::Transaction& transaction, int64_t model_key, int64_t version) {
  CAISSON_TRY(transaction.Execute(
      "UPDATE registry_versions SET last_update_time = $1 WHERE model_key = $2 AND version = $3",
      {transaction.now(), model_key, version}));
  return OkStatus();
}

Status RecordChange(sql::Transaction& transaction, const Change& change) {
  CAISSON_TRY(audit::Append(transaction, change.action, change.object, change.detail));
  if (!change.event.empty())
    CAISSON_TRY(events::Append(transaction, change.event, change.object, change.detail));
  return OkStatus();
}

lineage::NodeId VersionNode(std::string_view model, int64_t version) {
  return {"model_version", fmt::format("{}/{}", model, version)};
}

}  // namespace internal
}  // namespace caisson::registry
