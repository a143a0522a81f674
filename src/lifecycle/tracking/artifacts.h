// Artifacts in a local folder: listing, reading and writing under a root that no path leaves.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/status.h"

namespace caisson::tracking {

struct ArtifactInfo {
  std::string path;  // relative to the root that was listed
  bool is_directory = false;
  uint64_t size = 0;
};

// The path with its percent-escapes undone, when it stays inside the root that it will be joined
// to; otherwise InvalidArgument with MLflow's text "Invalid path: ...". Escapes are undone again
// and again until nothing changes, so that a doubly encoded ".." is seen as well.
Result<std::string> CheckArtifactPath(std::string_view path);

// A folder of artifacts. A value; any thread. Paths are relative, checked by CheckArtifactPath,
// with '/' between names. Symbolic links are not followed out of the root.
class ArtifactFolder {
 public:
  explicit ArtifactFolder(std::string root) : root_(std::move(root)) {}

  // The entries of a folder in order of name; empty when `path` is a file or not there, as MLflow
  // does. The result's paths start with `path`.
  Result<std::vector<ArtifactInfo>> List(std::string_view path) const;
  // The absolute path of a file. NotFound when there is none.
  Result<std::string> Find(std::string_view path) const;
  // A file that becomes visible on Commit.
  Result<PendingFile> Create(std::string_view path) const;
  // Removes a file or a folder with all it holds.
  Status Remove(std::string_view path) const;

  const std::string& root() const { return root_; }

 private:
  std::string root_;
};

}  // namespace caisson::tracking
