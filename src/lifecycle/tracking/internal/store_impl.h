// What the Store's methods, spread over files by area, share.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "lifecycle/tracking/internal/key_cache.h"
#include "lifecycle/tracking/internal/relay.h"
#include "lifecycle/tracking/store.h"

namespace caisson::tracking {

class Store::Impl {
 public:
  Impl(const StoreDependencies& dependencies, const StoreOptions& store_options)
      : tracking(dependencies.tracking),
        main(dependencies.main),
        clock(dependencies.clock),
        options(store_options) {}

  sql::Database& tracking;
  sql::Database& main;
  const Clock& clock;
  const StoreOptions options;
  internal::KeyCache keys;
  std::unique_ptr<internal::Relay> relay;
};

namespace internal {

inline constexpr std::string_view kRunNameTag = "mlflow.runName";
inline constexpr std::string_view kDatasetContextTag = "mlflow.data.context";

// A run as writers see it.
struct RunRow {
  int64_t key = 0;
  RunInfo info;
  int64_t experiment_id = 0;
};
// NotFound: "Run with id=... not found".
Result<RunRow> FindRun(sql::Session& session, std::string_view run_id);
// InvalidArgument: "The run ... must be in the 'active' state. ..."
Status CheckActive(const RunRow& run);
// FindRun and CheckActive.
Result<RunRow> FindActiveRun(sql::Session& session, std::string_view run_id);
// Fills params, tags, latest metrics and dataset inputs.
Status LoadRunData(sql::Session& session, int64_t run_key, Run& run);
Result<std::vector<ModelInput>> LoadModelInputs(sql::Session& session, int64_t run_key);
Result<std::vector<ModelOutput>> LoadModelOutputs(sql::Session& session, int64_t run_key);

// NotFound: "No Experiment with id=... exists".
Result<Experiment> FindExperiment(sql::Session& session, std::string_view project,
                                  std::string_view id);
Status CheckActive(const Experiment& experiment);
Result<std::vector<Tag>> LoadExperimentTags(sql::Session& session, int64_t experiment_id);

// Sets a tag of a run, whatever its key; the run's name follows the tag mlflow.runName.
Status PutTag(sql::Transaction& transaction, KeyCache& keys, const RunRow& run, const Tag& tag);

// Values as they are stored: NaN is 0 with a flag, the infinities are the largest doubles, as in
// MLflow's own tables.
struct StoredValue {
  double value = 0;
  bool is_nan = false;
};
StoredValue ToStored(double value);
double FromStored(double value, bool is_nan);

// The hash by which equality searches find params and tags.
int64_t ValueHash(std::string_view value);

// uri + "/" + path, before a query string.
std::string AppendToUri(std::string_view uri, std::string_view path);
// "merry-heron-417"; made from the random bytes in `seed_hex`.
std::string MakeUpName(std::string_view seed_hex);

}  // namespace internal
}  // namespace caisson::tracking
