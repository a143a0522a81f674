// The files of model versions.
#include "base/files.h"
#include "base/strings.h"
#include "lifecycle/registry/internal/registry_impl.h"
#include "lifecycle/tracking/artifacts.h"

namespace caisson::registry {
namespace {

constexpr std::string_view kUsualName = "model.onnx";

std::string Paths(const std::vector<VersionFile>& files) {
  std::vector<std::string> paths;
  for (const VersionFile& file : files) paths.push_back(file.path);
  return paths.empty() ? "no files" : Join(paths, ", ");
}

// The file that `name` means: with no name the only *.onnx, or model.onnx among several.
Result<VersionFile> Pick(const ModelVersion& version, const std::vector<VersionFile>& files,
                         const std::string& name) {
  std::vector<const VersionFile*> candidates;
  for (const VersionFile& file : files) {
    if (!name.empty() ? file.path == name : file.path.ends_with(".onnx"))
      candidates.push_back(&file);
  }
  if (candidates.size() == 1) return *candidates[0];
  for (const VersionFile* file : candidates) {
    if (BaseName(file->path) == kUsualName) return *file;
  }
  return NotFound("model version {}/{} has no file {}; it has: {}", version.model, version.version,
                  name.empty() ? "that ends with .onnx" : "'" + name + "'", Paths(files));
}

// The files of a version whose bytes stayed where the client logged them.
Status ListArtifacts(const tracking::ArtifactFolder& folder, const std::string& path,
                     std::vector<VersionFile>& files) {
  CAISSON_ASSIGN(const std::vector<tracking::ArtifactInfo> artifacts, folder.List(path));
  for (const tracking::ArtifactInfo& artifact : artifacts) {
    if (artifact.is_directory) {
      CAISSON_TRY(ListArtifacts(folder, artifact.path, files));
    } else {
      files.push_back({artifact.path, "", artifact.size});
    }
  }
  return OkStatus();
}

}  // namespace

Result<std::vector<VersionFile>> Registry::Files(const Context& context, const std::string& model,
                                                 int64_t version) {
  return impl_->main.ReadFor<std::vector<
      VersionFile>>(context, [&](sql::Session& session) -> Result<std::vector<VersionFile>> {
    CAISSON_ASSIGN(const internal::ModelRow row,
                   internal::FindModel(session, context.project(), model));
    return session.QueryAll<VersionFile>(
        "SELECT path, digest, size FROM registry_version_files WHERE model_key = $1 AND version = "
        "$2 ORDER BY path",
        {row.key, version}, [](const sql::Row& found) {
          return VersionFile{found.String(0), found.String(1), static_cast<uint64_t>(found.Int(2))};
        });
  });
}

Result<std::string> Registry::ModelFile(const Context& context, const ModelVersion& version,
                                        const std::string& name) {
  CAISSON_ASSIGN(std::vector<VersionFile> files, Files(context, version.model, version.version));
  if (!files.empty()) {
    CAISSON_ASSIGN(const VersionFile file, Pick(version, files, name));
    return impl_->blobs.PathOf(file.digest);
  }
  const std::string& uri =
      version.storage_location.empty() ? version.source : version.storage_location;
  CAISSON_ASSIGN(const std::string root, impl_->tracking.ArtifactFolder(uri));
  const tracking::ArtifactFolder folder(root);
  CAISSON_TRY(ListArtifacts(folder, "", files));
  CAISSON_ASSIGN(const VersionFile file, Pick(version, files, name));
  return folder.Find(file.path);
}

Status Registry::ExportFiles(const Context& context, const ModelVersion& version,
                             const std::string& target) {
  CAISSON_ASSIGN(const std::vector<VersionFile> files,
                 Files(context, version.model, version.version));
  for (const VersionFile& file : files) {
    CAISSON_TRY(context.Check());
    CAISSON_ASSIGN(const std::string from, impl_->blobs.PathOf(file.digest));
    const std::string to = JoinPath(target, file.path);
    CAISSON_TRY(MakeDirectories(ParentPath(to)));
    CAISSON_TRY(CopyFile(from, to));
  }
  return OkStatus();
}

}  // namespace caisson::registry
