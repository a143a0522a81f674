#include "lifecycle/pipelines/internal/lock_file.h"

#include "base/files.h"
#include "base/hash.h"
#include "base/yaml.h"

namespace caisson::pipelines::internal {
namespace {

// DVC hashes what Python's json.dumps(value, sort_keys=True) writes, without sizes and counts.
Json WithoutSizes(const Json& value) {
  if (value.is_array()) {
    Json array = Json::MakeArray();
    for (const Json& item : value.array()) array.Append(WithoutSizes(item));
    return array;
  }
  if (!value.is_object()) return value;
  Json object = Json::MakeObject();
  for (const auto& [key, member] : value.object()) {
    if (key != "size" && key != "nfiles") object.Set(key, WithoutSizes(member));
  }
  return object;
}

std::string DictSha256(const Json& value) {
  return Sha256(WriteJson(
      WithoutSizes(value),
      {.sort_keys = true, .ascii_only = true, .python_spacing = true, .allow_nan = true}));
}

std::string RunsFolder(const std::string& cache_folder, const std::string& key) {
  return fmt::format("{}/runs/{}/{}", cache_folder, key.substr(0, 2), key);
}

}  // namespace

Result<LockFile> LockFile::Read(const std::string& folder, const std::string& pipeline_file) {
  LockFile lock;
  const size_t dot = pipeline_file.rfind('.');
  lock.path_ = JoinPath(folder, pipeline_file.substr(0, dot) + ".lock");
  if (!FileExists(lock.path_)) {
    lock.document_ = Json::Of({{"schema", "2.0"}, {"stages", Json::MakeObject()}});
    return lock;
  }
  CAISSON_ASSIGN(YamlDocument document, ReadYamlFile(lock.path_));
  if (!document.value.is_object() || document.value["schema"].is_null()) {
    return DataLoss("{} is not a lock file of DVC (no `schema`); remove it to run the stages anew",
                    lock.path_);
  }
  lock.document_ = std::move(document.value);
  if (!lock.document_["stages"].is_object()) lock.document_.Set("stages", Json::MakeObject());
  return lock;
}

Status LockFile::Put(std::string_view stage, const Json& entry) {
  document_.Mutable("stages").Set(stage, entry);
  return WriteFileAtomic(path_, WriteYaml(document_));
}

std::string RunCacheKey(const Json& entry) {
  Json key = entry;
  Json paths = Json::MakeArray();
  for (const Json& out : entry["outs"].array()) paths.Append(out["path"]);
  key.Set("outs", std::move(paths));
  return DictSha256(key);
}

std::string RunCacheValue(const Json& entry) { return DictSha256(entry); }

Json FindInRunCache(const std::string& cache_folder, const std::string& key) {
  const std::string folder = RunsFolder(cache_folder, key);
  const Result<std::vector<DirectoryEntry>> entries = ListDirectory(folder);
  if (!entries.ok()) return Json();
  Json newest;
  int64_t newest_time = INT64_MIN;
  for (const DirectoryEntry& entry : *entries) {
    const std::string path = JoinPath(folder, entry.name);
    const Result<FileInfo> info = StatFile(path);
    if (!info.ok() || info->identity.mtime_nanos < newest_time) continue;
    Result<YamlDocument> document = ReadYamlFile(path);
    // Half of a file that another program was writing is nobody's result.
    if (!document.ok() || RunCacheValue(document->value) != entry.name) continue;
    newest = std::move(document->value);
    newest_time = info->identity.mtime_nanos;
  }
  return newest;
}

Status SaveToRunCache(const std::string& cache_folder, const Json& entry) {
  const std::string path =
      JoinPath(RunsFolder(cache_folder, RunCacheKey(entry)), RunCacheValue(entry));
  return FileExists(path) ? OkStatus() : WriteFileAtomic(path, WriteYaml(entry));
}

}  // namespace caisson::pipelines::internal
