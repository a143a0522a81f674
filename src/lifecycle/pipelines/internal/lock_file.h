// dvc.lock and the run cache: what a stage was made from and what it made. Sources: DVC's
// dvc/stage/serialize.py and dvc/stage/cache.py.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/status.h"

namespace caisson::pipelines::internal {

// The lock file beside a pipeline file ("dvc.yaml" has "dvc.lock"). One thread; the executor holds
// the folder's lock.
class LockFile {
 public:
  // An absent file is an empty one.
  static Result<LockFile> Read(const std::string& folder, const std::string& pipeline_file);
  // The stage's entry, or null.
  const Json& Find(std::string_view stage) const { return document_["stages"][stage]; }
  // Replaces an entry and writes the file whole.
  Status Put(std::string_view stage, const Json& entry);

 private:
  std::string path_;
  Json document_;
};

// SHA-256 of the entry without its outputs' hashes (key), and with them (value).
std::string RunCacheKey(const Json& entry);
std::string RunCacheValue(const Json& entry);

// The entry that an earlier run with the same key left in <cache>/runs, or null.
Json FindInRunCache(const std::string& cache_folder, const std::string& key);
Status SaveToRunCache(const std::string& cache_folder, const Json& entry);

}  // namespace caisson::pipelines::internal
