// Registered models: named lines of versions, with aliases that say which version is which.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/context.h"
#include "base/json.h"
#include "base/status.h"
#include "lifecycle/tracking/store.h"
#include "platform/blob/blob_store.h"
#include "platform/sql/database.h"

namespace caisson::registry {

using tracking::Page;
using tracking::Param;
using tracking::Tag;

const sql::Schema& RegistrySchema();

struct Alias {
  std::string name;
  int64_t version = 0;
};

// One file of a version, kept in the blob store.
struct VersionFile {
  std::string path;    // relative, for example "model.onnx"
  std::string digest;  // SHA-256
  uint64_t size = 0;
};

struct ModelVersion {
  std::string model;
  int64_t version = 0;
  UnixMillis creation_time = 0;
  UnixMillis last_update_time = 0;
  std::string user_id;
  std::string stage = "None";  // MLflow's deprecated stages: None, Staging, Production, Archived
  std::string description;
  std::string source;
  std::string storage_location;
  std::string run_id;
  std::string run_link;
  std::string model_id;  // the logged model that it came from
  std::string status = "READY";
  std::string status_message;
  std::vector<Tag> tags;
  std::vector<std::string> aliases;
  // SHA-256 over the sorted list of its files' paths and digests; empty when the files are not kept
  // here.
  std::string digest;
};

struct RegisteredModel {
  std::string name;
  UnixMillis creation_time = 0;
  UnixMillis last_update_time = 0;
  std::string description;
  std::vector<Tag> tags;
  std::vector<Alias> aliases;
  std::vector<ModelVersion> latest_versions;  // the newest of each stage
};

struct NewVersion {
  std::string model;  // made when it is not there and `create_model` is set
  bool create_model = false;
  std::string source;  // an artifact URI, "models:/m-...", "runs:/...", or a path
  std::string
      files_from;  // a local folder or file whose bytes are taken into the blob store; may be empty
  std::string run_id;
  std::string run_link;
  std::string model_id;
  std::string description;
  std::vector<Tag> tags;
  Json signature;  // kept as the tag caisson.signature when it is not null
};

struct SearchRequest {
  std::string filter;
  int64_t max_results = 100;
  std::vector<std::string> order_by;
  std::string page_token;
};

struct RegistryDependencies {
  sql::Database& main;  // caisson.db
  blob::BlobStore& blobs;
  tracking::Store& tracking;
  const Clock& clock;
};

// The registry. Owned by `app`, lives as long as the databases. Any thread. Each change writes its
// audit entry, its lineage and its event (registered_model.created, model_version.created,
// model_version_tag.set, model_version_alias.set, ...) in the same transaction. Errors are MLflow's
// in code and text, as in tracking::Store.
//
// The functions that take a Transaction or a Session take part in the caller's, which must be of
// the main database.
class Registry {
 public:
  static Result<std::unique_ptr<Registry>> Open(const RegistryDependencies& dependencies);
  ~Registry();

  // Registered models.
  Result<RegisteredModel> CreateModel(const Context& context, const std::string& name,
                                      const std::string& description = "",
                                      const std::vector<Tag>& tags = {});
  Result<RegisteredModel> GetModel(const Context& context, const std::string& name);
  Result<RegisteredModel> UpdateModel(const Context& context, const std::string& name,
                                      const std::string& description);
  Result<RegisteredModel> RenameModel(const Context& context, const std::string& name,
                                      const std::string& new_name);
  Status DeleteModel(const Context& context, const std::string& name);
  Status SetModelTag(const Context& context, const std::string& name, const Tag& tag);
  Status DeleteModelTag(const Context& context, const std::string& name, const std::string& key);
  Result<Page<RegisteredModel>> SearchModels(const Context& context, const SearchRequest& request);
  Result<std::vector<ModelVersion>> GetLatestVersions(const Context& context,
                                                      const std::string& name,
                                                      const std::vector<std::string>& stages);

  // Versions. Numbers count from 1 and are never used again.
  //
  // ResolveSource is for sources that strangers name: it finds what a "models:/" source stands for
  // and refuses sources that reach outside the artifacts of the run or the logged model that they
  // claim to come from.
  Result<NewVersion> ResolveSource(const Context& context, NewVersion version, bool has_run_id,
                                   bool has_model_id);
  Result<ModelVersion> CreateVersion(const Context& context, const NewVersion& version);
  // A version whose run, source and files are the same is found instead of made again, so that a
  // step may be repeated.
  Result<ModelVersion> CreateVersionOnce(const Context& context, const NewVersion& version);
  Result<ModelVersion> GetVersion(const Context& context, const std::string& model,
                                  int64_t version);
  Result<ModelVersion> UpdateVersion(const Context& context, const std::string& model,
                                     int64_t version, const std::string& description);
  Result<ModelVersion> TransitionStage(const Context& context, const std::string& model,
                                       int64_t version, const std::string& stage,
                                       bool archive_existing_versions);
  Status DeleteVersion(const Context& context, const std::string& model, int64_t version);
  Result<std::string> GetDownloadUri(const Context& context, const std::string& model,
                                     int64_t version);
  Status SetVersionTag(const Context& context, const std::string& model, int64_t version,
                       const Tag& tag);
  Status DeleteVersionTag(const Context& context, const std::string& model, int64_t version,
                          const std::string& key);
  Result<Page<ModelVersion>> SearchVersions(const Context& context, const SearchRequest& request);

  // Aliases. SetAlias moves an alias in one step: a reader sees the old or the new version, never
  // none.
  Status SetAlias(const Context& context, const std::string& model, const std::string& alias,
                  int64_t version);
  Status SetAlias(sql::Transaction& transaction, const std::string& model, const std::string& alias,
                  int64_t version);
  Status DeleteAlias(const Context& context, const std::string& model, const std::string& alias);
  Result<ModelVersion> GetVersionByAlias(const Context& context, const std::string& model,
                                         const std::string& alias);
  // The version that "delay@champion" or "delay/3" names.
  Result<ModelVersion> Resolve(sql::Session& session, std::string_view project,
                               std::string_view reference);
  Result<ModelVersion> Resolve(const Context& context, std::string_view reference);

  // The files of a version. ModelFile is the path of a file in the blob store that must not be
  // changed; with no name, the version's only *.onnx file, or "model.onnx" among several. NotFound
  // lists what there is.
  Result<std::vector<VersionFile>> Files(const Context& context, const std::string& model,
                                         int64_t version);
  Result<std::string> ModelFile(const Context& context, const ModelVersion& version,
                                const std::string& name = "");
  // Copies the files into a folder under their own names.
  Status ExportFiles(const Context& context, const ModelVersion& version,
                     const std::string& folder);

 private:
  class Impl;
  explicit Registry(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// What SetAlias checks before it looks at the version.
Status ValidateAliasFor(const std::string& model, const std::string& alias);

// A version's number as clients send it; the second looks at the model's name first, as most of MLflow's calls do.
// "Parameter 'version' must be an integer, got '...'."
Result<int64_t> ParseVersionNumber(std::string_view text);
Result<int64_t> ParseVersionNumber(const std::string& model, std::string_view text);
// "Staging" for "staging", when a version may go there: InvalidArgument lists the stages, and only
// Staging and Production can archive the versions that they hold.
Result<std::string> CheckTransition(const std::string& stage, bool archive_existing_versions);

// The model and what follows '@' or '/': {"delay", "champion"}. InvalidArgument otherwise.
struct ModelReference {
  std::string model;
  std::string alias;    // or
  int64_t version = 0;  // when it is a number
};
Result<ModelReference> ParseModelReference(std::string_view text);

}  // namespace caisson::registry
