// A DVC repository: data beside code, named by content. The formats are DVC 3's; real `dvc` and
// this class alternate on one repository and find each other's work clean.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/status.h"

namespace caisson::data {

// What DVC records of a file or a folder.
struct OutEntry {
  std::string path;  // relative to the repository's root, '/' between names
  std::string md5;   // a folder's ends in ".dir"
  int64_t size = 0;  // bytes, the sum of a folder's files
  int64_t file_count = 1;
  bool is_folder = false;
  bool is_executable = false;
};

struct HashCounters {
  int64_t files_hashed = 0;
  int64_t files_reused = 0;  // known from the stat index
  int64_t bytes_hashed = 0;
};

// What a .dvc file records, and how the work tree stands to it.
struct TrackedState {
  OutEntry recorded;
  std::string state;  // "unchanged", "modified", "missing", or "not in cache" (unchanged, no copy)
};

// Called on the caller's thread now and then with what is done and what there is.
using DataProgress =
    std::function<void(int64_t files_done, int64_t files_total, int64_t bytes_done)>;

// Owned by its user; one thread at a time. Writing takes DVC's own lock (.dvc/tmp/lock) for the
// length of the call.
class Repository {
 public:
  // The repository that `folder` belongs to (itself or a parent with .dvc/). NotFound when there is
  // none.
  static Result<std::unique_ptr<Repository>> Open(const std::string& folder);
  // Makes one as `dvc init` does (with --no-scm outside git), or opens the one that is there.
  static Result<std::unique_ptr<Repository>> OpenOrInit(const std::string& folder);
  ~Repository();

  const std::string& root() const;
  const std::string& cache_folder() const;

  // The hash of a file or folder in the work tree, from the stat index where nothing changed.
  // NotFound names the path.
  Result<OutEntry> Hash(const Context& context, std::string_view path,
                        const DataProgress& progress = nullptr);
  // Hashes and copies into the cache (mode 0444), members before the .dir object.
  Result<OutEntry> Commit(const Context& context, std::string_view path,
                          const DataProgress& progress = nullptr);
  // Commit, and write <path>.dvc and the .gitignore beside it, as `dvc add`.
  Result<OutEntry> Add(const Context& context, std::string_view path,
                       const DataProgress& progress = nullptr);
  // Puts the work tree's file or folder as recorded, from the cache, with the configured link
  // types. NotFound lists what the cache lacks.
  Status Checkout(const Context& context, const OutEntry& entry);
  bool InCache(const OutEntry& entry) const;
  // What <path>.dvc records; NotFound when the path is not tracked.
  Result<OutEntry> Tracked(std::string_view path) const;
  // Every .dvc file of the repository that .dvcignore does not leave out.
  Result<std::vector<TrackedState>> States(const Context& context);

  const HashCounters& counters() const;

 private:
  class Impl;
  explicit Repository(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace caisson::data
