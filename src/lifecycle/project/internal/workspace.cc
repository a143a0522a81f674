#include "lifecycle/project/internal/workspace.h"

#include <set>

#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"
#include "base/yaml.h"

namespace caisson::project::internal {
namespace {

// Written last: its presence says that the copy is whole.
constexpr std::string_view kCompleteMarker = ".caisson-workspace";
// Files above this size are linked instead of copied; a stage that writes to such a file replaces
// it.
constexpr uint64_t kCopyLimitBytes = 4 << 20;

bool Excluded(std::string_view name) {
  static constexpr std::string_view kNames[] = {".git",        ".dvc",  "caisson-data",
                                                "__pycache__", ".venv", "node_modules"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

Status Link(const std::string& target, const std::string& path) {
  if (::symlink(target.c_str(), path.c_str()) != 0 && errno != EEXIST)
    return ErrnoStatus(errno, "link " + path);
  return OkStatus();
}

Status CopyTree(const std::string& from, const std::string& to, const std::string& data_folder) {
  CAISSON_TRY(MakeDirectories(to));
  CAISSON_ASSIGN(const std::vector<DirectoryEntry> entries, ListDirectory(from));
  for (const DirectoryEntry& entry : entries) {
    const std::string source = JoinPath(from, entry.name);
    const std::string target = JoinPath(to, entry.name);
    // The data folder may lie inside the project under any name; the workspace lies inside it.
    if (Excluded(entry.name) || source == data_folder) continue;
    CAISSON_ASSIGN(const FileInfo info, StatFile(source));
    if (info.kind == FileKind::kDirectory) {
      CAISSON_TRY(CopyTree(source, target, data_folder));
    } else if (info.kind == FileKind::kRegular && info.identity.size > kCopyLimitBytes) {
      CAISSON_TRY(Link(source, target));
    } else if (info.kind == FileKind::kRegular) {
      CAISSON_TRY(CopyFile(source, target));
    }
  }
  return OkStatus();
}

Status ShareCache(const std::string& project_folder, const std::string& workspace) {
  const std::string cache = JoinPath(project_folder, ".dvc/cache");
  if (!FileExists(JoinPath(project_folder, ".dvc"))) return OkStatus();
  CAISSON_TRY(MakeDirectories(cache));
  CAISSON_TRY(MakeDirectories(JoinPath(workspace, ".dvc/tmp")));
  CAISSON_TRY(
      WriteFileAtomic(JoinPath(workspace, ".dvc/config"),
                      fmt::format("[core]\n    no_scm = True\n[cache]\n    dir = {}\n", cache)));
  return OkStatus();
}

Status OverrideParameters(const std::string& workspace, const Json& overrides) {
  const std::string path = JoinPath(workspace, "params.yaml");
  CAISSON_ASSIGN(YamlDocument document, ReadYamlFile(path));
  for (const auto& [name, value] : overrides.object()) {
    if (document.value.FindPath(name) == nullptr) {
      return InvalidArgument("params.yaml has no parameter '{}' to override", name);
    }
    CAISSON_TRY(document.value.SetPath(name, value));
  }
  return WriteFileAtomic(path, WriteYaml(document.value));
}

}  // namespace

Status PrepareWorkspace(const std::string& project_folder, const std::string& workspace,
                        const Json& overrides) {
  const std::string marker = JoinPath(workspace, kCompleteMarker);
  if (FileExists(marker)) return OkStatus();
  CAISSON_TRY(RemoveTree(workspace));
  CAISSON_TRY(CopyTree(project_folder, workspace, ParentPath(ParentPath(workspace))));
  CAISSON_TRY(ShareCache(project_folder, workspace));
  CAISSON_TRY(OverrideParameters(workspace, overrides));
  return WriteFileAtomic(marker, WriteJson(overrides) + "\n");
}

}  // namespace caisson::project::internal
