// Files, with the promises that a store needs: a write is whole or absent, and what was synced
// survives a power cut.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"

namespace caisson {

// What identifies the content of a file without reading it: a file whose identity is unchanged is
// taken as unchanged.
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size = 0;
  int64_t mtime_nanos = 0;
  bool operator==(const FileIdentity&) const = default;
};

enum class FileKind { kRegular, kDirectory, kSymlink, kOther };

struct FileInfo {
  FileKind kind = FileKind::kRegular;
  FileIdentity identity;
  uint32_t mode = 0;  // permission bits
};

enum class FollowLinks { kYes, kNo };

// What a write waits for: kSynced for the disk, so that it survives a power cut; kUnsynced for
// nothing. Both survive the end of the process and are whole or absent.
enum class Durability { kSynced, kUnsynced };

// Every unfinished file of a write has a name that begins so. A store sweeps what a kill left
// behind when it opens.
inline constexpr std::string_view kTemporaryFilePrefix = ".tmp-";

Result<std::string> ReadFile(const std::string& path);
// Temp file in the same folder, fsync, rename, fsync of the folder. Missing folders are made. A
// link in place of the file is replaced, not followed.
Status WriteFileAtomic(const std::string& path, std::string_view bytes, uint32_t mode = 0644);
// Appends without fsync; makes the file, not its folder.
Status AppendFile(const std::string& path, std::string_view bytes);

bool FileExists(const std::string& path);
Result<FileInfo> StatFile(const std::string& path, FollowLinks follow = FollowLinks::kYes);
// Makes the missing ones among a folder and those above it, synced into their parents. OK when it
// is there.
Status MakeDirectories(const std::string& path);
Status RemoveFile(const std::string& path);  // OK when it is not there
Status RemoveTree(const std::string& path);  // OK when it is not there
Status RenameFile(const std::string& from, const std::string& to);
Status SyncDirectory(const std::string& path);
// Replaces `to` as a whole or not at all, without fsync; shares blocks where the file system can
// (reflink). The copy has the permission bits of `from`; missing folders are made.
Status CopyFile(const std::string& from, const std::string& to);

struct DirectoryEntry {
  std::string name;
  FileKind kind = FileKind::kRegular;  // links are not followed
};
// Sorted by name, without "." and "..".
Result<std::vector<DirectoryEntry>> ListDirectory(const std::string& path);

// Path arithmetic on text; nothing is looked up.
std::string JoinPath(std::string_view folder,
                     std::string_view name);    // an absolute name stands alone
std::string ParentPath(std::string_view path);  // "." for a bare name
std::string BaseName(std::string_view path);
std::string NormalizePath(
    std::string_view path);                       // removes ".", "..", doubled and trailing slashes
std::string AbsolutePath(std::string_view path);  // against the working directory
// `path` seen from the folder `base`; both absolute and normalized.
std::string RelativePath(std::string_view path, std::string_view base);

// Owns a file descriptor and closes it. Moves, never copies.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int descriptor) : descriptor_(descriptor) {}
  FileDescriptor(FileDescriptor&& other) noexcept : descriptor_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();
  int get() const { return descriptor_; }
  bool valid() const { return descriptor_ >= 0; }
  int release();

 private:
  int descriptor_ = -1;
};

Result<FileDescriptor> OpenForReading(const std::string& path);
// Writes all bytes, through short writes and signals.
Status WriteAll(int descriptor, std::string_view bytes);
// Reads up to `size` bytes; 0 is the end of the file.
Result<size_t> ReadSome(int descriptor, char* buffer, size_t size);

// A file that becomes visible under its final name only on Commit; dropped before that, it leaves
// nothing behind. Used by one thread at a time.
class PendingFile {
 public:
  static Result<PendingFile> Create(const std::string& final_path, uint32_t mode = 0644);
  PendingFile(PendingFile&&) noexcept;
  PendingFile& operator=(PendingFile&&) noexcept;
  ~PendingFile();

  Status Append(std::string_view bytes);
  const std::string& temporary_path() const { return temporary_path_; }
  // For writers that do their own input and output; owned by this object.
  int descriptor() const { return file_.get(); }
  // fsync, rename to the final path (or to `other_path`, on the same file system), fsync of the
  // folder. After a failure the object still holds the temporary file.
  Status Commit(Durability durability = Durability::kSynced);
  Status CommitAs(const std::string& other_path, Durability durability = Durability::kSynced);

 private:
  PendingFile() = default;
  void Discard();
  FileDescriptor file_;
  std::string temporary_path_;
  std::string final_path_;
};

// A folder under $TMPDIR or /tmp that is removed with all it holds when the object goes.
class TemporaryDirectory {
 public:
  static Result<TemporaryDirectory> Create(std::string_view prefix = "caisson");
  TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(std::move(other.path_)) {
    other.path_.clear();
  }
  ~TemporaryDirectory();
  const std::string& path() const { return path_; }

 private:
  explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// Who holds a data folder, written into its lock file as JSON.
struct LockHolder {
  int64_t pid = 0;
  UnixMillis since = 0;
  std::string command;       // for example "caisson up"
  std::string http_address;  // "127.0.0.1:4600", empty until the holder serves
};

// An exclusive flock on a file, held until the object goes or the process ends (also by kill -9).
class FileLock {
 public:
  // Aborted when another process holds it; the message names its pid, command, start and address.
  static Result<FileLock> Acquire(const std::string& path, const LockHolder& holder);
  // The present holder; NotFound when nobody holds the lock.
  static Result<LockHolder> ReadHolder(const std::string& path);
  Status UpdateHolder(const LockHolder& holder);

 private:
  FileDescriptor file_;
  std::string path_;
};

// The free and the total bytes of the file system that holds `path`.
struct DiskSpace {
  uint64_t free_bytes = 0;
  uint64_t total_bytes = 0;
};
Result<DiskSpace> GetDiskSpace(const std::string& path);

}  // namespace caisson
