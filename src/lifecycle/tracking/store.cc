#include "lifecycle/tracking/store.h"

#include "base/files.h"
#include "lifecycle/tracking/internal/store_impl.h"
#include "lifecycle/tracking/resources.h"
#include "platform/audit/audit.h"

namespace caisson::tracking {
namespace {

constexpr std::string_view kProxyScheme = "mlflow-artifacts:";

Status MakeDefaultExperiment(sql::Database& database, const StoreOptions& options) {
  return database.Write(Context::Background(), [&](sql::Transaction& transaction) -> Status {
    CAISSON_TRY(transaction.Execute(
        "INSERT INTO tracking_experiments (experiment_id, project, name, artifact_location, "
        "lifecycle, creation_time, "
        "last_update_time) VALUES (0, $1, 'Default', $2, 0, $3, $3) ON CONFLICT DO NOTHING",
        {Context::Background().project(), internal::AppendToUri(options.artifact_root, "0"),
         transaction.now()}));
    return OkStatus();
  });
}

}  // namespace

const sql::Schema& TrackingSchema() {
  static const sql::Schema schema{"tracking",
                                  {{1, "tracking", resources::kMigrations0001TrackingSql}}};
  return schema;
}

const sql::Schema& TrackingRelaySchema() {
  static const sql::Schema schema{"tracking", {{1, "relay", resources::kMigrations0001RelaySql}}};
  return schema;
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::Open(const StoreDependencies& dependencies,
                                           const StoreOptions& options) {
  StoreOptions complete = options;
  if (complete.artifact_root.empty()) complete.artifact_root = fmt::format("{}/", kProxyScheme);
  if (complete.working_directory.empty()) complete.working_directory = AbsolutePath(".");
  complete.artifacts_destination = AbsolutePath(complete.artifacts_destination);
  CAISSON_TRY(dependencies.tracking.Migrate(TrackingSchema()));
  CAISSON_TRY(dependencies.main.Migrate(TrackingRelaySchema()));
  CAISSON_TRY(dependencies.main.Migrate(lineage::LineageSchema()));
  CAISSON_TRY(dependencies.main.Migrate(audit::AuditSchema()));
  CAISSON_TRY(MakeDefaultExperiment(dependencies.tracking, complete));
  auto impl = std::make_unique<Impl>(dependencies, complete);
  impl->relay = std::make_unique<internal::Relay>(dependencies.tracking, dependencies.main);
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

const StoreOptions& Store::options() const { return impl_->options; }

Status Store::DrainRelay(const Context& context) { return impl_->relay->Drain(context); }

Result<std::string> Store::ArtifactFolder(std::string_view artifact_uri) const {
  if (artifact_uri.starts_with(kProxyScheme)) {
    std::string_view path = artifact_uri.substr(kProxyScheme.size());
    if (path.starts_with("//")) {
      // mlflow-artifacts://host:port/path names this server from outside; only the path counts
      // here.
      const size_t slash = path.find('/', 2);
      path = slash == std::string_view::npos ? "" : path.substr(slash);
    }
    while (path.starts_with('/')) path.remove_prefix(1);
    return NormalizePath(impl_->options.artifacts_destination + "/" + std::string(path));
  }
  if (artifact_uri.starts_with("file://")) artifact_uri.remove_prefix(7);
  if (artifact_uri.starts_with("file:")) artifact_uri.remove_prefix(5);
  if (artifact_uri.starts_with('/')) return NormalizePath(artifact_uri);
  if (artifact_uri.find("://") == std::string_view::npos &&
      artifact_uri.find(":/") == std::string_view::npos) {
    return NormalizePath(impl_->options.working_directory + "/" + std::string(artifact_uri));
  }
  return Unimplemented(
      "Artifacts under '{}' are not on this machine. This server reads 'mlflow-artifacts:/' and "
      "local folders.",
      artifact_uri);
}

}  // namespace caisson::tracking
