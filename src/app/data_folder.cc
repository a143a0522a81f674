#include "app/data_folder.h"

#include <unistd.h>

#include "app/version.h"
#include "base/json.h"
#include "base/strings.h"

namespace caisson::app {
namespace {

// The layout of the folder; a program that does not know a number does not touch the folder.
constexpr int kFormat = 1;

Status CheckVersion(const DataLayout& layout) {
  if (!FileExists(layout.version_file())) {
    const Json version = Json::Of({{"format", kFormat}, {"written_by", Version()}});
    return WriteFileAtomic(layout.version_file(), WriteJson(version) + "\n");
  }
  CAISSON_ASSIGN(const std::string text, ReadFile(layout.version_file()));
  const Result<Json> version = ParseJson(text);
  if (!version.ok() || !(*version)["format"].is_int()) {
    return DataLoss("{} is not a Caisson version file: {}", layout.version_file(),
                    std::string(Trim(text)));
  }
  if ((*version)["format"].AsInt() > kFormat) {
    return FailedPrecondition(
        "the data folder {} has format {}, written by Caisson {}; this is Caisson {}, which knows "
        "formats up to {}. Use that "
        "version or a newer one",
        layout.root, (*version)["format"].AsInt(), (*version)["written_by"].AsString(), Version(),
        kFormat);
  }
  return OkStatus();
}

}  // namespace

DataFolder::DataFolder(DataLayout layout, FileLock lock, LockHolder holder)
    : layout_(std::move(layout)), lock_(std::move(lock)), holder_(std::move(holder)) {}

Result<std::unique_ptr<DataFolder>> DataFolder::Hold(const std::string& path,
                                                     std::string_view command, UnixMillis now) {
  DataLayout layout(AbsolutePath(path));
  CAISSON_TRY(MakeDirectories(layout.root));
  LockHolder holder{
      .pid = ::getpid(), .since = now, .command = std::string(command), .http_address = ""};
  CAISSON_ASSIGN(FileLock lock, FileLock::Acquire(layout.lock_file(), holder));
  CAISSON_TRY(CheckVersion(layout));
  return std::unique_ptr<DataFolder>(
      new DataFolder(std::move(layout), std::move(lock), std::move(holder)));
}

std::optional<LockHolder> DataFolder::FindHolder(const std::string& path) {
  const Result<LockHolder> holder =
      FileLock::ReadHolder(DataLayout(AbsolutePath(path)).lock_file());
  if (!holder.ok()) return std::nullopt;
  return *holder;
}

Status DataFolder::PublishAddress(const std::string& http_address) {
  holder_.http_address = http_address;
  return lock_.UpdateHolder(holder_);
}

}  // namespace caisson::app
