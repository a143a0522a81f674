// The Registry's aliases and references.
#include <algorithm>

#include "base/strings.h"
#include "lifecycle/registry/internal/registry_impl.h"

namespace caisson::registry {
namespace {

using internal::FindModel;
using internal::FindVersion;
using internal::ModelRow;

Result<std::optional<int64_t>> FindAlias(sql::Session& session, int64_t model_key,
                                         const std::string& alias) {
  return session.QueryOne<int64_t>(
      "SELECT version FROM registry_aliases WHERE model_key = $1 AND alias = $2",
      {model_key, alias}, [](const sql::Row& row) { return row.Int(0); });
}

Result<ModelVersion> FindByAlias(sql::Session& session, std::string_view project,
                                 const std::string& model, const std::string& alias) {
  CAISSON_TRY(internal::ValidateModelName(model));
  CAISSON_TRY(internal::ValidateAlias(alias));
  CAISSON_ASSIGN(ModelRow row, FindModel(session, project, model));
  if (ToLower(alias) == "latest") {
    CAISSON_TRY(internal::LoadModelParts(session, row));
    const auto newest = std::max_element(
        row.model.latest_versions.begin(), row.model.latest_versions.end(),
        [](const ModelVersion& a, const ModelVersion& b) { return a.version < b.version; });
    if (newest == row.model.latest_versions.end())
      return NotFound("Latest version not found for model {}.", model);
    return *newest;
  }
  CAISSON_ASSIGN(const std::optional<int64_t> version, FindAlias(session, row.key, alias));
  // MLflow calls this a bad parameter, not a missing resource.
  if (!version.has_value()) return InvalidArgument("Registered model alias {} not found.", alias);
  return FindVersion(session, row, *version);
}

}  // namespace

Status ValidateAliasFor(const std::string& model, const std::string& alias) {
  CAISSON_TRY(internal::ValidateModelName(model));
  CAISSON_TRY(internal::ValidateAlias(alias));
  return internal::ValidateAliasNotReserved(alias);
}

Status Registry::SetAlias(sql::Transaction& transaction, const std::string& model,
                          const std::string& alias, int64_t version) {
  CAISSON_TRY(ValidateAliasFor(model, alias));
  const Result<ModelRow> row = FindModel(transaction, transaction.context().project(), model);
  if (absl::IsNotFound(row.status()))
    return NotFound("Model Version (name={}, version={}) not found", model, version);
  CAISSON_TRY(row);
  CAISSON_TRY(FindVersion(transaction, *row, version));
  CAISSON_ASSIGN(const std::optional<int64_t> before, FindAlias(transaction, row->key, alias));
  CAISSON_TRY(
      transaction.Execute("INSERT INTO registry_aliases (model_key, alias, version) VALUES ($1, "
                          "$2, $3) ON CONFLICT (model_key, alias) DO UPDATE SET "
                          "version = excluded.version",
                          {row->key, alias, version}));
  Json detail = Json::Of({{"name", model}, {"alias", alias}, {"version", std::to_string(version)}});
  if (before.has_value()) detail.Set("previous_version", std::to_string(*before));
  return internal::RecordChange(
      transaction,
      {"model_alias.set", fmt::format("model/{}/{}", model, version), std::move(detail),
       row->is_prompt ? "prompt_alias.created" : "model_version_alias.created"});
}

Status Registry::SetAlias(const Context& context, const std::string& model,
                          const std::string& alias, int64_t version) {
  return impl_->main.Write(context, [&](sql::Transaction& transaction) {
    return SetAlias(transaction, model, alias, version);
  });
}

Status Registry::DeleteAlias(const Context& context, const std::string& model,
                             const std::string& alias) {
  CAISSON_TRY(internal::ValidateModelName(model));
  CAISSON_TRY(internal::ValidateAlias(alias));
  return impl_->main.Write(context, [&](sql::Transaction& transaction) -> Status {
    CAISSON_ASSIGN(const ModelRow row, FindModel(transaction, context.project(), model));
    CAISSON_TRY(transaction.Execute(
        "DELETE FROM registry_aliases WHERE model_key = $1 AND alias = $2", {row.key, alias}));
    return internal::RecordChange(
        transaction,
        {"model_alias.delete", "model/" + model, Json::Of({{"name", model}, {"alias", alias}}),
         row.is_prompt ? "prompt_alias.deleted" : "model_version_alias.deleted"});
  });
}

Result<ModelVersion> Registry::GetVersionByAlias(const Context& context, const std::string& model,
                                                 const std::string& alias) {
  return impl_->main.ReadFor<ModelVersion>(context, [&](sql::Session& session) {
    return FindByAlias(session, context.project(), model, alias);
  });
}

Result<ModelReference> ParseModelReference(std::string_view text) {
  ModelReference reference;
  const size_t at = text.rfind('@');
  const size_t slash = text.rfind('/');
  const size_t split = at != std::string_view::npos ? at : slash;
  if (split == std::string_view::npos || split == 0 || split + 1 == text.size()) {
    return InvalidArgument(
        "'{}' does not name a model version; write 'delay@champion' or 'delay/3'", text);
  }
  reference.model = std::string(text.substr(0, split));
  const std::string_view rest = text.substr(split + 1);
  if (at != std::string_view::npos) {
    reference.alias = std::string(rest);
    return reference;
  }
  const std::optional<int64_t> version = ParseInt(rest);
  if (version.has_value()) {
    reference.version = *version;
  } else if (ToLower(rest) == "latest") {
    reference.alias = "latest";
  } else {
    return InvalidArgument(
        "'{}' does not name a model version; '{}' is not a number. Write 'delay@champion' or "
        "'delay/3'",
        text, rest);
  }
  return reference;
}

Result<int64_t> ParseVersionNumber(std::string_view text) {
  const std::optional<int64_t> version = ParseInt(Trim(text));
  if (!version.has_value()) {
    return InvalidArgument("Parameter 'version' must be an integer, got '{}'.", text);
  }
  return *version;
}

Result<int64_t> ParseVersionNumber(const std::string& model, std::string_view text) {
  CAISSON_TRY(internal::ValidateModelName(model));
  return ParseVersionNumber(text);
}

Result<ModelVersion> Registry::Resolve(sql::Session& session, std::string_view project,
                                       std::string_view text) {
  CAISSON_ASSIGN(const ModelReference reference, ParseModelReference(text));
  if (!reference.alias.empty())
    return FindByAlias(session, project, reference.model, reference.alias);
  CAISSON_ASSIGN(const ModelRow row, FindModel(session, project, reference.model));
  return FindVersion(session, row, reference.version);
}

Result<ModelVersion> Registry::Resolve(const Context& context, std::string_view reference) {
  return impl_->main.ReadFor<ModelVersion>(context, [&](sql::Session& session) {
    return Resolve(session, context.project(), reference);
  });
}

}  // namespace caisson::registry
