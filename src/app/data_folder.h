// The data folder: what lies where, and who holds it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/files.h"
#include "base/status.h"

namespace caisson::app {

// Places inside a data folder.
struct DataLayout {
  explicit DataLayout(std::string folder) : root(std::move(folder)) {}
  std::string root;
  std::string main_database() const { return JoinPath(root, "caisson.db"); }
  std::string metrics_database() const { return JoinPath(root, "metrics.db"); }
  std::string blobs() const { return JoinPath(root, "blobs"); }
  std::string artifacts() const { return JoinPath(root, "artifacts"); }
  std::string predictions() const { return JoinPath(root, "predictions"); }
  std::string workspaces() const { return JoinPath(root, "workspaces"); }
  std::string reports() const { return JoinPath(root, "reports"); }
  std::string tokens() const { return JoinPath(root, "tokens"); }
  std::string lock_file() const { return JoinPath(root, "lock"); }
  std::string version_file() const { return JoinPath(root, "version"); }
};

// The exclusive right to write a data folder, for the life of the object (and never longer than the
// process).
class DataFolder {
 public:
  // Makes the folder when needed. Aborted names who holds it and since when; FailedPrecondition the
  // version of the program that a newer folder needs.
  static Result<std::unique_ptr<DataFolder>> Hold(const std::string& path, std::string_view command,
                                                  UnixMillis now);
  // The process that holds the folder now, or nothing.
  static std::optional<LockHolder> FindHolder(const std::string& path);

  const DataLayout& layout() const { return layout_; }
  // Tells other processes where this one serves.
  Status PublishAddress(const std::string& http_address);

 private:
  DataFolder(DataLayout layout, FileLock lock, LockHolder holder);
  DataLayout layout_;
  FileLock lock_;
  LockHolder holder_;
};

}  // namespace caisson::app
