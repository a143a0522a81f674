#include "lifecycle/tracking/artifacts.h"

#include <algorithm>

#include "base/strings.h"

namespace caisson::tracking {

Result<std::string> CheckArtifactPath(std::string_view path) {
  std::string decoded(path);
  // Each turn undoes one level of escapes; a text that still changes after so many is an attack.
  for (int turn = 0; decoded.find('%') != std::string::npos; ++turn) {
    const Result<std::string> next = PercentDecode(decoded, false);
    if (!next.ok() || *next == decoded) break;
    if (turn == 16) return InvalidArgument("Invalid path");
    decoded = *next;
  }
  const Status invalid = InvalidArgument("Invalid path");
  if (decoded.find('\0') != std::string::npos || decoded.find('\\') != std::string::npos ||
      decoded.starts_with('/')) {
    return invalid;
  }
  if (decoded.find('#') != std::string::npos) return invalid;
  for (const std::string& part : Split(decoded, '/')) {
    if (part == "..") return invalid;
  }
  // A URI, or a drive of another operating system.
  const size_t colon = decoded.find(':');
  if (colon != std::string::npos && decoded.substr(colon).starts_with(":/")) return invalid;
  return decoded;
}

namespace {

// The path below the root, when no link on the way leads out of it.
Result<std::string> Inside(const std::string& root, std::string_view path) {
  CAISSON_ASSIGN(const std::string checked, CheckArtifactPath(path));
  const std::string full = NormalizePath(root + "/" + checked);
  std::string step = root;
  for (const std::string& part : Split(checked, '/')) {
    if (part.empty() || part == ".") continue;
    step = JoinPath(step, part);
    const Result<FileInfo> info = StatFile(step, FollowLinks::kNo);
    if (info.ok() && info->kind == FileKind::kSymlink) {
      return InvalidArgument("Invalid path: {} is a symbolic link", path);
    }
  }
  return full;
}

}  // namespace

Result<std::vector<ArtifactInfo>> ArtifactFolder::List(std::string_view path) const {
  CAISSON_ASSIGN(const std::string folder, Inside(root_, path));
  std::vector<ArtifactInfo> artifacts;
  const Result<FileInfo> info = StatFile(folder);
  if (!info.ok() || info->kind != FileKind::kDirectory) return artifacts;
  CAISSON_ASSIGN(const std::vector<DirectoryEntry> entries, ListDirectory(folder));
  const std::string prefix = path.empty() ? "" : NormalizePath(path) + "/";
  for (const DirectoryEntry& entry : entries) {
    if (entry.kind == FileKind::kSymlink || entry.kind == FileKind::kOther) continue;
    ArtifactInfo artifact;
    artifact.path = prefix + entry.name;
    artifact.is_directory = entry.kind == FileKind::kDirectory;
    if (!artifact.is_directory) {
      const Result<FileInfo> file = StatFile(JoinPath(folder, entry.name));
      if (!file.ok()) continue;  // gone since the listing
      artifact.size = file->identity.size;
    }
    artifacts.push_back(std::move(artifact));
  }
  std::sort(artifacts.begin(), artifacts.end(),
            [](const ArtifactInfo& a, const ArtifactInfo& b) { return a.path < b.path; });
  return artifacts;
}

Result<std::string> ArtifactFolder::Find(std::string_view path) const {
  CAISSON_ASSIGN(const std::string file, Inside(root_, path));
  const Result<FileInfo> info = StatFile(file);
  if (!info.ok() || info->kind != FileKind::kRegular) return NotFound("No such artifact: {}", path);
  return file;
}

Result<PendingFile> ArtifactFolder::Create(std::string_view path) const {
  CAISSON_ASSIGN(const std::string file, Inside(root_, path));
  if (file == NormalizePath(root_)) return InvalidArgument("Invalid path: {} names no file", path);
  CAISSON_TRY(MakeDirectories(ParentPath(file)));
  return PendingFile::Create(file);
}

Status ArtifactFolder::Remove(std::string_view path) const {
  CAISSON_ASSIGN(const std::string file, Inside(root_, path));
  if (file == NormalizePath(root_))
    return InvalidArgument("Invalid path: the root itself cannot be removed");
  return RemoveTree(file);
}

}  // namespace caisson::tracking
