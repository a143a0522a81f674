#include "platform/blob/blob_store.h"

#include <algorithm>
#include <cerrno>

#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

namespace caisson::blob {
namespace {

constexpr size_t kDigestSize = 64;
constexpr size_t kShardSize = 2;
constexpr size_t kReadBufferBytes = 1 << 20;
// A writer locks its file right after making it; a file that is this old and not locked has no
// writer any more.
constexpr time_t kOrphanSeconds = 60;
// Within this time after its rename, a blob may not yet be synced by the process that wrote it.
constexpr time_t kSettledSeconds = 60;

bool IsHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool IsDigest(std::string_view text) { return text.size() == kDigestSize && IsHex(text); }

std::string BlobPath(const std::string& root, std::string_view digest) {
  return fmt::format("{}/{}/{}", root, digest.substr(0, kShardSize), digest.substr(kShardSize));
}

Result<std::string> CheckedPath(const std::string& root, std::string_view digest) {
  if (!IsDigest(digest)) {
    return InvalidArgument("'{}' is not a blob digest (accepted: 64 lower-case hex digits)",
                           digest);
  }
  return BlobPath(root, digest);
}

Status NotStored(const std::string& root, std::string_view digest) {
  return NotFound("blob {} is not in {}", digest, root);
}

// Errors of the file system stay what they are; that the file is missing is said in the store's
// words.
Status Explain(const Status& status, const std::string& root, std::string_view digest) {
  return status.code() == StatusCode::kNotFound ? NotStored(root, digest) : status;
}

// Removes the unfinished file of a writer that is gone. Writers of other processes may be at work.
void SweepOrphan(const std::string& path) {
  const Result<FileDescriptor> file = OpenForReading(path);
  if (!file.ok()) return;
  struct stat info;
  if (fstat(file->get(), &info) != 0 || time(nullptr) - info.st_mtime < kOrphanSeconds) return;
  if (flock(file->get(), LOCK_EX | LOCK_NB) != 0) return;
  RemoveFile(path).IgnoreError();
}

}  // namespace

BlobWriter::BlobWriter(std::string root, PendingFile file)
    : root_(std::move(root)), file_(std::move(file)), hasher_(HashKind::kSha256) {}

Status BlobWriter::Append(std::string_view bytes) {
  hasher_.Update(bytes);
  size_ += bytes.size();
  return file_.Append(bytes);
}

Result<std::string> BlobWriter::Finish() {
  std::string digest = hasher_.Finish();
  const std::string path = BlobPath(root_, digest);
  struct stat info;
  const bool stored = stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
                      static_cast<uint64_t>(info.st_size) == size_;
  if (!stored) {
    CAISSON_TRY(file_.CommitAs(path));
    return digest;
  }
  // The unfinished file goes with this object.
  const PendingFile not_needed = std::move(file_);
  // Another writer may have renamed it just now and not have synced the folder yet.
  if (time(nullptr) - info.st_ctime < kSettledSeconds) {
    CAISSON_TRY(SyncDirectory(ParentPath(path)));
  }
  return digest;
}

Result<std::unique_ptr<BlobStore>> BlobStore::Open(const std::string& root) {
  CAISSON_TRY(MakeDirectories(root));
  CAISSON_ASSIGN(const auto entries, ListDirectory(root));
  for (const DirectoryEntry& entry : entries) {
    if (entry.kind == FileKind::kRegular && entry.name.starts_with(kTemporaryFilePrefix)) {
      SweepOrphan(JoinPath(root, entry.name));
    }
  }
  return std::unique_ptr<BlobStore>(new BlobStore(root));
}

Result<BlobWriter> BlobStore::Create() {
  // The final name is known at the end only; this one just says where the unfinished file stands.
  CAISSON_ASSIGN(PendingFile file, PendingFile::Create(JoinPath(root_, "blob"), 0444));
  if (flock(file.descriptor(), LOCK_EX | LOCK_NB) != 0) {
    return ErrnoStatus(errno, fmt::format("lock {}", file.temporary_path()));
  }
  return BlobWriter(root_, std::move(file));
}

Result<std::string> BlobStore::Put(std::string_view bytes) {
  std::string digest = Sha256(bytes);
  struct stat info;
  const std::string path = BlobPath(root_, digest);
  // Small bodies come again and again; what has settled needs no file at all.
  if (stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
      static_cast<uint64_t>(info.st_size) == bytes.size() &&
      time(nullptr) - info.st_ctime >= kSettledSeconds) {
    return digest;
  }
  CAISSON_ASSIGN(BlobWriter writer, Create());
  CAISSON_TRY(writer.Append(bytes));
  return writer.Finish();
}

Result<std::string> BlobStore::PutFile(const std::string& path) {
  CAISSON_ASSIGN(const FileDescriptor source, OpenForReading(path));
  CAISSON_ASSIGN(BlobWriter writer, Create());
  const auto buffer = std::make_unique_for_overwrite<char[]>(kReadBufferBytes);
  while (true) {
    const Result<size_t> got = ReadSome(source.get(), buffer.get(), kReadBufferBytes);
    if (!got.ok()) return WithContext(got.status(), path);
    if (*got == 0) return writer.Finish();
    CAISSON_TRY(writer.Append(std::string_view(buffer.get(), *got)));
  }
}

bool BlobStore::Exists(std::string_view digest) const { return Size(digest).ok(); }

Result<uint64_t> BlobStore::Size(std::string_view digest) const {
  CAISSON_ASSIGN(const std::string path, CheckedPath(root_, digest));
  const Result<FileInfo> info = StatFile(path);
  if (!info.ok()) return Explain(info.status(), root_, digest);
  return info->identity.size;
}

Result<std::string> BlobStore::Read(std::string_view digest) const {
  CAISSON_ASSIGN(const std::string path, CheckedPath(root_, digest));
  Result<std::string> bytes = ReadFile(path);
  if (!bytes.ok()) return Explain(bytes.status(), root_, digest);
  return bytes;
}

Result<std::string> BlobStore::PathOf(std::string_view digest) const {
  CAISSON_ASSIGN(std::string path, CheckedPath(root_, digest));
  if (!FileExists(path)) return NotStored(root_, digest);
  return path;
}

Status BlobStore::Verify(std::string_view digest) const {
  CAISSON_ASSIGN(const std::string path, CheckedPath(root_, digest));
  const Result<std::string> actual = HashFile(HashKind::kSha256, path);
  if (!actual.ok()) return Explain(actual.status(), root_, digest);
  if (*actual == digest) return OkStatus();
  return DataLoss(
      "blob {} is damaged: the bytes of {} have the digest {}; put the same content again or "
      "restore "
      "the file from a backup",
      digest, path, *actual);
}

Status BlobStore::Remove(std::string_view digest) {
  CAISSON_ASSIGN(const std::string path, CheckedPath(root_, digest));
  return RemoveFile(path);
}

Result<std::vector<std::string>> BlobStore::List() const {
  std::vector<std::string> digests;
  CAISSON_ASSIGN(const auto shards, ListDirectory(root_));
  for (const DirectoryEntry& shard : shards) {
    if (shard.kind != FileKind::kDirectory || shard.name.size() != kShardSize) continue;
    if (!IsHex(shard.name)) continue;
    CAISSON_ASSIGN(const auto blobs, ListDirectory(JoinPath(root_, shard.name)));
    for (const DirectoryEntry& entry : blobs) {
      if (entry.kind != FileKind::kRegular || !IsHex(entry.name)) continue;
      if (entry.name.size() == kDigestSize - kShardSize) {
        digests.push_back(shard.name + entry.name);
      }
    }
  }
  return digests;
}

}  // namespace caisson::blob
