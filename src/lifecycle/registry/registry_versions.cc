// The Registry's model versions.
#include <algorithm>

#include "base/files.h"
#include "base/hash.h"
#include "base/strings.h"
#include "lifecycle/registry/internal/registry_impl.h"
#include "lifecycle/tracking/validation.h"

namespace caisson::registry {
namespace {

using internal::FindModel;
using internal::FindVersion;
using internal::ModelRow;

Json TagsToJson(const std::vector<Tag>& tags) {
  Json json = Json::MakeObject();
  for (const Tag& tag : tags) json.Set(tag.key, tag.value);
  return json;
}

std::string VersionObject(const std::string& model, int64_t version) {
  return fmt::format("model/{}/{}", model, version);
}

// Takes a file, or all files of a folder, into the blob store.
Status TakeFiles(blob::BlobStore& blobs, const std::string& path, const std::string& name,
                 std::vector<VersionFile>& files) {
  CAISSON_ASSIGN(const FileInfo info, StatFile(path));
  if (info.kind == FileKind::kDirectory) {
    CAISSON_ASSIGN(const std::vector<DirectoryEntry> entries, ListDirectory(path));
    for (const DirectoryEntry& entry : entries) {
      CAISSON_TRY(TakeFiles(blobs, JoinPath(path, entry.name),
                            name.empty() ? entry.name : name + "/" + entry.name, files));
    }
    return OkStatus();
  }
  if (info.kind != FileKind::kRegular)
    return InvalidArgument("'{}' is neither a file nor a folder", path);
  CAISSON_ASSIGN(std::string digest, blobs.PutFile(path));
  CAISSON_ASSIGN(const uint64_t size, blobs.Size(digest));
  files.push_back({name.empty() ? BaseName(path) : name, std::move(digest), size});
  return OkStatus();
}

std::string DigestOf(std::vector<VersionFile> files) {
  if (files.empty()) return "";
  std::sort(files.begin(), files.end(),
            [](const VersionFile& a, const VersionFile& b) { return a.path < b.path; });
  std::string text;
  for (const VersionFile& file : files) text += fmt::format("{}\n{}\n", file.path, file.digest);
  return Sha256(text);
}

// What a version is made from, gathered before the transaction.
struct Parts {
  NewVersion version;
  std::string storage_location;
  std::vector<VersionFile> files;
  std::string digest;
  std::optional<tracking::Run> run;
};

// Where a "models:/" source really lies.
Status FollowModelSource(Registry& registry, tracking::Store& tracking, const Context& context,
                         Parts& parts) {
  constexpr std::string_view kScheme = "models:/";
  if (!parts.version.source.starts_with(kScheme)) return OkStatus();
  std::string_view rest = std::string_view(parts.version.source).substr(kScheme.size());
  while (rest.starts_with('/')) rest.remove_prefix(1);
  const auto wrap = [&](const Status& status) {
    return WithErrorId(
        Status(status.code(),
               fmt::format("Unable to fetch model from model URI source artifact location '{}'."
                           "Error: {}",
                           parts.version.source, Message(status))),
        "INTERNAL_ERROR");
  };
  if (rest.starts_with("m-") && rest.find('/') == std::string_view::npos &&
      rest.find('@') == std::string_view::npos) {
    const Result<tracking::LoggedModel> model = tracking.GetLoggedModel(context, std::string(rest));
    if (!model.ok()) return wrap(model.status());
    parts.storage_location = model->artifact_uri;
    if (parts.version.run_id.empty()) parts.version.run_id = model->source_run_id;
    return OkStatus();
  }
  const Result<ModelVersion> source = registry.Resolve(context, rest);
  if (!source.ok()) return wrap(source.status());
  parts.storage_location =
      source->storage_location.empty() ? source->source : source->storage_location;
  return OkStatus();
}

Result<Parts> Gather(Registry& registry, blob::BlobStore& blobs, tracking::Store& tracking,
                     const Context& context, const NewVersion& version) {
  CAISSON_TRY(internal::ValidateModelName(version.model));
  for (const Tag& tag : version.tags) CAISSON_TRY(internal::ValidateModelTag(tag));
  Parts parts{version, version.source, {}, "", std::nullopt};
  CAISSON_TRY(FollowModelSource(registry, tracking, context, parts));
  if (parts.version.run_id.empty() && !parts.version.model_id.empty()) {
    CAISSON_ASSIGN(const tracking::LoggedModel model,
                   tracking.GetLoggedModel(context, parts.version.model_id));
    parts.version.run_id = model.source_run_id;
  }
  if (!version.files_from.empty()) {
    CAISSON_TRY(TakeFiles(blobs, AbsolutePath(version.files_from), "", parts.files));
    parts.digest = DigestOf(parts.files);
  }
  if (!version.signature.is_null())
    parts.version.tags.push_back({"caisson.signature", WriteJson(version.signature)});
  if (!parts.version.run_id.empty()) {
    Result<tracking::Run> run = tracking.GetRun(context, parts.version.run_id);
    if (run.ok()) parts.run = *std::move(run);
    if (!run.ok() && !absl::IsNotFound(run.status())) return run.status();
  }
  return parts;
}

// The run with what a reader of the graph wants to know about it, and the code that it ran.
Status WriteRunLineage(sql::Transaction& transaction, const tracking::Run& run) {
  Json params = Json::MakeObject();
  for (const Param& param : run.params) params.Set(param.key, param.value);
  Json metrics = Json::MakeObject();
  for (const tracking::Metric& metric : run.latest_metrics) metrics.Set(metric.key, metric.value);
  const lineage::NodeId node{"run", run.info.run_id};
  CAISSON_TRY(lineage::PutNode(transaction, node,
                               Json::Of({{"name", run.info.run_name},
                                         {"experiment_id", run.info.experiment_id},
                                         {"params", params},
                                         {"metrics", metrics}})));
  for (const Tag& tag : run.tags) {
    if (tag.key == "mlflow.source.git.commit" && !tag.value.empty()) {
      CAISSON_TRY(lineage::PutEdge(transaction, node, "at", {"code_commit", tag.value}));
    }
  }
  for (const tracking::DatasetInput& input : run.dataset_inputs) {
    CAISSON_TRY(lineage::PutEdge(
        transaction, node, "trained_on",
        {"dataset_version", fmt::format("{}@{}", input.dataset.name, input.dataset.digest)}));
  }
  return OkStatus();
}

Status WriteVersionLineage(sql::Transaction& transaction, const Parts& parts,
                           const ModelVersion& version) {
  const lineage::NodeId node = internal::VersionNode(version.model, version.version);
  Json attributes = Json::Of({{"source", version.source}});
  if (!version.digest.empty()) attributes.Set("digest", version.digest);
  if (!version.run_id.empty()) attributes.Set("run_id", version.run_id);
  CAISSON_TRY(lineage::PutNode(transaction, node, attributes));
  if (parts.run.has_value()) {
    CAISSON_TRY(WriteRunLineage(transaction, *parts.run));
    CAISSON_TRY(lineage::PutEdge(transaction, node, "produced_by", {"run", version.run_id}));
  }
  if (!version.model_id.empty())
    CAISSON_TRY(
        lineage::PutEdge(transaction, node, "made_from", {"logged_model", version.model_id}));
  return OkStatus();
}

Status PutVersionTag(sql::Transaction& transaction, int64_t model_key, int64_t version,
                     const Tag& tag) {
  CAISSON_TRY(
      transaction.Execute("INSERT INTO registry_version_tags (model_key, version, key, value) "
                          "VALUES ($1, $2, $3, $4) ON CONFLICT (model_key, "
                          "version, key) DO UPDATE SET value = excluded.value",
                          {model_key, version, tag.key, tag.value}));
  return OkStatus();
}

Result<ModelRow> FindOrCreateModel(sql::Transaction& transaction, const NewVersion& version) {
  const std::string& project = transaction.context().project();
  Result<ModelRow> row = FindModel(transaction, project, version.model);
  if (row.ok() || !version.create_model || !absl::IsNotFound(row.status())) return row;
  CAISSON_TRY(
      transaction.Execute("INSERT INTO registry_models (project, name, creation_time, "
                          "last_update_time, description) VALUES ($1, $2, $3, $3, '')",
                          {project, version.model, transaction.now()}));
  CAISSON_TRY(internal::RecordChange(
      transaction, {"registered_model.create", "model/" + version.model,
                    Json::Of({{"name", version.model}}), "registered_model.created"}));
  return FindModel(transaction, project, version.model);
}

Result<ModelVersion> Insert(sql::Transaction& transaction, const Parts& parts,
                            const ModelRow& model) {
  CAISSON_ASSIGN(
      const std::optional<int64_t> number,
      transaction.QueryOne<int64_t>(
          "SELECT COALESCE(MAX(version), 0) + 1 FROM registry_versions WHERE model_key = $1",
          {model.key}, [](const sql::Row& row) { return row.Int(0); }));
  const NewVersion& version = parts.version;
  CAISSON_TRY(transaction.Execute(
      "INSERT INTO registry_versions (model_key, version, creation_time, last_update_time, "
      "user_id, stage, description, source, "
      "storage_location, run_id, run_link, model_id, status, status_message, digest) VALUES ($1, "
      "$2, $3, $3, $4, 'None', $5, $6, "
      "$7, $8, $9, $10, 'READY', '', $11)",
      {model.key, number.value_or(1), transaction.now(), transaction.context().principal(),
       version.description, version.source, parts.storage_location, version.run_id,
       version.run_link, version.model_id, parts.digest}));
  for (const Tag& tag : version.tags)
    CAISSON_TRY(PutVersionTag(transaction, model.key, number.value_or(1), tag));
  for (const VersionFile& file : parts.files) {
    CAISSON_TRY(
        transaction.Execute("INSERT INTO registry_version_files (model_key, version, path, digest, "
                            "size) VALUES ($1, $2, $3, $4, $5)",
                            {model.key, number.value_or(1), file.path, file.digest, file.size}));
  }
  CAISSON_TRY(internal::TouchModel(transaction, model.key));
  CAISSON_ASSIGN(const ModelVersion made, FindVersion(transaction, model, number.value_or(1)));
  CAISSON_TRY(WriteVersionLineage(transaction, parts, made));
  Json detail =
      Json::Of({{"name", made.model},
                {"version", std::to_string(made.version)},
                {"source", made.source},
                {"run_id", made.run_id.empty() ? Json() : Json(made.run_id)},
                {"tags", TagsToJson(made.tags)},
                {"description", made.description.empty() ? Json() : Json(made.description)}});
  CAISSON_TRY(internal::RecordChange(
      transaction,
      {"model_version.create", VersionObject(made.model, made.version), std::move(detail),
       model.is_prompt ? "prompt_version.created" : "model_version.created"}));
  return made;
}

}  // namespace

Result<ModelVersion> Registry::CreateVersion(const Context& context, const NewVersion& version) {
  CAISSON_ASSIGN(const Parts parts, Gather(*this, impl_->blobs, impl_->tracking, context, version));
  return impl_->main.WriteFor<ModelVersion>(
      context, [&](sql::Transaction& transaction) -> Result<ModelVersion> {
        CAISSON_ASSIGN(const ModelRow model, FindOrCreateModel(transaction, parts.version));
        return Insert(transaction, parts, model);
      });
}

Result<ModelVersion> Registry::CreateVersionOnce(const Context& context,
                                                 const NewVersion& version) {
  CAISSON_ASSIGN(const Parts parts, Gather(*this, impl_->blobs, impl_->tracking, context, version));
  return impl_->main.WriteFor<ModelVersion>(
      context, [&](sql::Transaction& transaction) -> Result<ModelVersion> {
        CAISSON_ASSIGN(const ModelRow model, FindOrCreateModel(transaction, parts.version));
        CAISSON_ASSIGN(
            const std::optional<int64_t> same,
            transaction.QueryOne<int64_t>("SELECT version FROM registry_versions WHERE model_key = "
                                          "$1 AND run_id = $2 AND source = $3 AND digest = "
                                          "$4 AND stage <> $5 ORDER BY version LIMIT 1",
                                          {model.key, parts.version.run_id, parts.version.source,
                                           parts.digest, internal::kDeletedStage},
                                          [](const sql::Row& row) { return row.Int(0); }));
        if (same.has_value()) return FindVersion(transaction, model, *same);
        return Insert(transaction, parts, model);
      });
}

Result<ModelVersion> Registry::GetVersion(const Context& context, const std::string& model,
                                          int64_t version) {
  return impl_->main.ReadFor<ModelVersion>(
      context, [&](sql::Session& session) -> Result<ModelVersion> {
        // MLflow looks for the version alone, so that a missing model is a missing version.
        CAISSON_TRY(internal::ValidateModelName(model));
        const Result<ModelRow> row = FindModel(session, context.project(), model);
        if (absl::IsNotFound(row.status()))
          return NotFound("Model Version (name={}, version={}) not found", model, version);
        CAISSON_TRY(row);
        return FindVersion(session, *row, version);
      });
}

namespace {

// Finds a version for a change of it, with the same error as GetVersion.
Result<std::pair<ModelRow, ModelVersion>> FindForChange(sql::Transaction& transaction,
                                                        const std::string& model, int64_t version) {
  CAISSON_TRY(internal::ValidateModelName(model));
  Result<ModelRow> row = FindModel(transaction, transaction.context().project(), model);
  if (absl::IsNotFound(row.status()))
    return NotFound("Model Version (name={}, version={}) not found", model, version);
  CAISSON_TRY(row);
  CAISSON_ASSIGN(ModelVersion found, FindVersion(transaction, *row, version));
  return std::make_pair(*std::move(row), std::move(found));
}

}  // namespace

Result<ModelVersion> Registry::UpdateVersion(const Context& context, const std::string& model,
                                             int64_t version, const std::string& description) {
  return impl_->main.WriteFor<ModelVersion>(
      context, [&](sql::Transaction& transaction) -> Result<ModelVersion> {
        CAISSON_ASSIGN(const auto found, FindForChange(transaction, model, version));
        CAISSON_TRY(transaction.Execute(
            "UPDATE registry_versions SET description = $1 WHERE model_key = $2 AND version = $3",
            {description, found.first.key, version}));
        CAISSON_TRY(internal::TouchVersion(transaction, found.first.key, version));
        CAISSON_TRY(internal::RecordChange(transaction,
                                           {"model_version.update", VersionObject(model, version),
                                            Json::Of({{"description", description}}), ""}));
        return FindVersion(transaction, found.first, version);
      });
}

Result<std::string> CheckTransition(const std::string& stage, bool archive_existing_versions) {
  CAISSON_ASSIGN(std::string canonical, internal::CanonicalStage(stage));
  if (!archive_existing_versions || canonical == "Staging" || canonical == "Production")
    return canonical;
  return WithErrorId(
      InvalidArgument(
          "Model version transition cannot archive existing model versions because '{}' is not an "
          "Active stage. Valid stages are ['Staging', 'Production']",
          stage),
      "INTERNAL_ERROR");
}

Result<ModelVersion> Registry::TransitionStage(const Context& context, const std::string& model,
                                               int64_t version, const std::string& stage,
                                               bool archive_existing_versions) {
  CAISSON_ASSIGN(const std::string canonical, CheckTransition(stage, archive_existing_versions));
  return impl_->main.WriteFor<ModelVersion>(
      context, [&](sql::Transaction& transaction) -> Result<ModelVersion> {
        CAISSON_ASSIGN(const auto found, FindForChange(transaction, model, version));
        const int64_t key = found.first.key;
        if (archive_existing_versions) {
          CAISSON_TRY(transaction.Execute(
              "UPDATE registry_versions SET stage = 'Archived', last_update_time = $1 WHERE "
              "model_key = $2 AND version <> $3 AND "
              "stage = $4",
              {transaction.now(), key, version, canonical}));
        }
        CAISSON_TRY(transaction.Execute(
            "UPDATE registry_versions SET stage = $1 WHERE model_key = $2 AND version = $3",
            {canonical, key, version}));
        CAISSON_TRY(internal::TouchVersion(transaction, key, version));
        CAISSON_TRY(internal::TouchModel(transaction, key));
        CAISSON_TRY(internal::RecordChange(
            transaction, {"model_version.transition_stage", VersionObject(model, version),
                          Json::Of({{"from", found.second.stage},
                                    {"to", canonical},
                                    {"archive_existing", archive_existing_versions}}),
                          ""}));
        return FindVersion(transaction, found.first, version);
      });
}

Status Registry::DeleteVersion(const Context& context, const std::string& model, int64_t version) {
  return impl_->main.Write(context, [&](sql::Transaction& transaction) -> Status {
    CAISSON_ASSIGN(const auto found, FindForChange(transaction, model, version));
    const int64_t key = found.first.key;
    CAISSON_TRY(transaction.Execute(
        "DELETE FROM registry_aliases WHERE model_key = $1 AND version = $2", {key, version}));
    CAISSON_TRY(transaction.Execute(
        "DELETE FROM registry_version_files WHERE model_key = $1 AND version = $2",
        {key, version}));
    CAISSON_TRY(
        transaction.Execute("UPDATE registry_versions SET stage = $1, description = '', user_id = "
                            "'', source = 'REDACTED-SOURCE-PATH', "
                            "storage_location = '', run_id = 'REDACTED-RUN-ID', run_link = "
                            "'REDACTED-RUN-LINK', status_message = '' WHERE model_key "
                            "= $2 AND version = $3",
                            {internal::kDeletedStage, key, version}));
    CAISSON_TRY(internal::TouchVersion(transaction, key, version));
    CAISSON_TRY(internal::TouchModel(transaction, key));
    return internal::RecordChange(transaction,
                                  {"model_version.delete", VersionObject(model, version),
                                   Json::Of({{"name", model}, {"version", version}}), ""});
  });
}

Result<std::string> Registry::GetDownloadUri(const Context& context, const std::string& model,
                                             int64_t version) {
  CAISSON_ASSIGN(const ModelVersion found, GetVersion(context, model, version));
  return found.storage_location.empty() ? found.source : found.storage_location;
}

Status Registry::SetVersionTag(const Context& context, const std::string& model, int64_t version,
                               const Tag& tag) {
  CAISSON_TRY(internal::ValidateModelName(model));
  CAISSON_TRY(internal::ValidateModelTag(tag));
  return impl_->main.Write(context, [&](sql::Transaction& transaction) -> Status {
    CAISSON_ASSIGN(const auto found, FindForChange(transaction, model, version));
    CAISSON_TRY(PutVersionTag(transaction, found.first.key, version, tag));
    return internal::RecordChange(
        transaction, {"model_version.set_tag", VersionObject(model, version),
                      Json::Of({{"name", model},
                                {"version", std::to_string(version)},
                                {"key", tag.key},
                                {"value", tag.value}}),
                      found.first.is_prompt ? "prompt_version_tag.set" : "model_version_tag.set"});
  });
}

Status Registry::DeleteVersionTag(const Context& context, const std::string& model, int64_t version,
                                  const std::string& key) {
  CAISSON_TRY(internal::ValidateModelName(model));
  CAISSON_TRY(tracking::ValidateKey(key, "key"));
  return impl_->main.Write(context, [&](sql::Transaction& transaction) -> Status {
    CAISSON_ASSIGN(const auto found, FindForChange(transaction, model, version));
    CAISSON_TRY(transaction.Execute(
        "DELETE FROM registry_version_tags WHERE model_key = $1 AND version = $2 AND key = $3",
        {found.first.key, version, key}));
    return internal::RecordChange(
        transaction,
        {"model_version.delete_tag", VersionObject(model, version),
         Json::Of({{"name", model}, {"version", std::to_string(version)}, {"key", key}}),
         found.first.is_prompt ? "prompt_version_tag.deleted" : "model_version_tag.deleted"});
  });
}

}  // namespace caisson::registry
