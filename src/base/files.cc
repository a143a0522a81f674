#include "base/files.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/ids.h"

namespace caisson {
namespace {

constexpr size_t kCopyBufferBytes = 1 << 20;

FileKind KindOfMode(mode_t mode) {
  if (S_ISREG(mode)) return FileKind::kRegular;
  if (S_ISDIR(mode)) return FileKind::kDirectory;
  if (S_ISLNK(mode)) return FileKind::kSymlink;
  return FileKind::kOther;
}

int RetryOpen(const std::string& path, int flags, mode_t mode = 0) {
  int descriptor;
  do {
    descriptor = open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

Status SyncDescriptor(int descriptor, const std::string& path) {
  int result;
  do {
    result = fsync(descriptor);
  } while (result != 0 && errno == EINTR);
  return result == 0 ? OkStatus() : ErrnoStatus(errno, fmt::format("sync {}", path));
}

// Waits until a descriptor that another program made non-blocking is ready again.
void WaitFor(int descriptor, short events) {
  pollfd entry{descriptor, events, 0};
  poll(&entry, 1, -1);
}

// Copies the bytes, by reference where the file system shares blocks, inside the kernel where it
// cannot, and through a buffer between file systems.
Status CopyBytes(int from, int to, const std::string& from_path, const std::string& to_path) {
  if (ioctl(to, FICLONE, from) == 0) return OkStatus();
  while (true) {
    const ssize_t copied = copy_file_range(from, nullptr, to, nullptr, size_t{1} << 30, 0);
    if (copied > 0) continue;
    if (copied < 0 && errno == EINTR) continue;
    // Zero is the end, or a file such as those of /proc, whose length the kernel does not know; the
    // loop below tells.
    if (copied == 0 || errno == EXDEV || errno == EINVAL || errno == ENOSYS ||
        errno == EOPNOTSUPP || errno == EPERM || errno == ETXTBSY || errno == EOVERFLOW) {
      break;
    }
    return ErrnoStatus(errno, fmt::format("copy {} to {}", from_path, to_path));
  }
  const auto buffer = std::make_unique_for_overwrite<char[]>(kCopyBufferBytes);
  while (true) {
    const Result<size_t> got = ReadSome(from, buffer.get(), kCopyBufferBytes);
    if (!got.ok()) return WithContext(got.status(), from_path);
    if (*got == 0) return OkStatus();
    const Status written = WriteAll(to, std::string_view(buffer.get(), *got));
    if (!written.ok()) return WithContext(written, to_path);
  }
}

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    if (descriptor_ >= 0) close(descriptor_);
    descriptor_ = other.release();
  }
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (descriptor_ >= 0) close(descriptor_);
}

int FileDescriptor::release() { return std::exchange(descriptor_, -1); }

Result<FileDescriptor> OpenForReading(const std::string& path) {
  FileDescriptor file(RetryOpen(path, O_RDONLY));
  if (!file.valid()) return ErrnoStatus(errno, fmt::format("open {}", path));
  return file;
}

Status WriteAll(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) {
        WaitFor(descriptor, POLLOUT);
        continue;
      }
      return ErrnoStatus(errno, "write");
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return OkStatus();
}

Result<size_t> ReadSome(int descriptor, char* buffer, size_t size) {
  while (true) {
    const ssize_t got = read(descriptor, buffer, size);
    if (got >= 0) return static_cast<size_t>(got);
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return ErrnoStatus(errno, "read");
    WaitFor(descriptor, POLLIN);
  }
}

Result<std::string> ReadFile(const std::string& path) {
  CAISSON_ASSIGN(const FileDescriptor file, OpenForReading(path));
  struct stat info;
  if (fstat(file.get(), &info) != 0) return ErrnoStatus(errno, fmt::format("read {}", path));
  if (S_ISDIR(info.st_mode)) return ErrnoStatus(EISDIR, fmt::format("read {}", path));
  // The size is only a hint: a file may grow meanwhile, and those of /proc say 0.
  std::string content(static_cast<size_t>(info.st_size) + 1, '\0');
  size_t filled = 0;
  while (true) {
    if (filled == content.size()) content.resize(std::max<size_t>(4096, content.size() * 2));
    const Result<size_t> got =
        ReadSome(file.get(), content.data() + filled, content.size() - filled);
    if (!got.ok()) return WithContext(got.status(), path);
    if (*got == 0) break;
    filled += *got;
  }
  content.resize(filled);
  return content;
}

Status WriteFileAtomic(const std::string& path, std::string_view bytes, uint32_t mode) {
  CAISSON_ASSIGN(PendingFile file, PendingFile::Create(path, mode));
  CAISSON_TRY(file.Append(bytes));
  return file.Commit();
}

Status AppendFile(const std::string& path, std::string_view bytes) {
  const FileDescriptor file(RetryOpen(path, O_WRONLY | O_APPEND | O_CREAT, 0644));
  if (!file.valid()) return ErrnoStatus(errno, fmt::format("open {}", path));
  const Status written = WriteAll(file.get(), bytes);
  return written.ok() ? written : WithContext(written, path);
}

bool FileExists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

Result<FileInfo> StatFile(const std::string& path, FollowLinks follow) {
  struct stat info;
  const int result =
      follow == FollowLinks::kYes ? stat(path.c_str(), &info) : lstat(path.c_str(), &info);
  if (result != 0) return ErrnoStatus(errno, fmt::format("look up {}", path));
  FileInfo answer;
  answer.kind = KindOfMode(info.st_mode);
  answer.identity.device = info.st_dev;
  answer.identity.inode = info.st_ino;
  answer.identity.size = static_cast<uint64_t>(info.st_size);
  answer.identity.mtime_nanos =
      int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + int64_t{info.st_mtim.tv_nsec};
  answer.mode = info.st_mode & 07777;
  return answer;
}

Status MakeDirectories(const std::string& path) {
  if (path.empty() || mkdir(path.c_str(), 0777) == 0) {
    return path.empty() ? OkStatus() : SyncDirectory(ParentPath(path));
  }
  if (errno == ENOENT) {
    const std::string parent = ParentPath(path);
    if (parent == path) return ErrnoStatus(ENOENT, fmt::format("make folder {}", path));
    CAISSON_TRY(MakeDirectories(parent));
    if (mkdir(path.c_str(), 0777) == 0) return SyncDirectory(parent);
  }
  const int error = errno;
  struct stat info;
  if (stat(path.c_str(), &info) == 0) {
    // Another thread may have made it first. A file in its place is the caller's problem.
    if (S_ISDIR(info.st_mode)) return OkStatus();
    return FailedPrecondition("cannot make folder {}: a file of that name is there", path);
  }
  return ErrnoStatus(error, fmt::format("make folder {}", path));
}

Status RemoveFile(const std::string& path) {
  if (unlink(path.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return OkStatus();
  return ErrnoStatus(errno, fmt::format("remove {}", path));
}

Status RemoveTree(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (!error || error.value() == ENOENT || error.value() == ENOTDIR) return OkStatus();
  return ErrnoStatus(error.value(), fmt::format("remove {}", path));
}

Status RenameFile(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) == 0) return OkStatus();
  return ErrnoStatus(errno, fmt::format("rename {} to {}", from, to));
}

Status SyncDirectory(const std::string& path) {
  const FileDescriptor folder(RetryOpen(path, O_RDONLY | O_DIRECTORY));
  if (!folder.valid()) return ErrnoStatus(errno, fmt::format("open {}", path));
  const Status synced = SyncDescriptor(folder.get(), path);
  // Some network file systems cannot sync a folder; their renames are synchronous.
  return synced.code() == StatusCode::kInvalidArgument ? OkStatus() : synced;
}

Status CopyFile(const std::string& from, const std::string& to) {
  CAISSON_ASSIGN(const FileDescriptor source, OpenForReading(from));
  struct stat info;
  if (fstat(source.get(), &info) != 0) return ErrnoStatus(errno, fmt::format("copy {}", from));
  if (S_ISDIR(info.st_mode)) return ErrnoStatus(EISDIR, fmt::format("copy {}", from));
  CAISSON_ASSIGN(PendingFile target, PendingFile::Create(to, info.st_mode & 0777));
  CAISSON_TRY(CopyBytes(source.get(), target.descriptor(), from, target.temporary_path()));
  return target.Commit(Durability::kUnsynced);
}

Result<std::vector<DirectoryEntry>> ListDirectory(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path.c_str()), closedir);
  if (folder == nullptr) return ErrnoStatus(errno, fmt::format("list {}", path));
  std::vector<DirectoryEntry> entries;
  while (true) {
    errno = 0;
    const dirent* entry = readdir(folder.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    FileKind kind = FileKind::kOther;
    if (entry->d_type == DT_UNKNOWN) {
      struct stat info;
      // An entry that went away meanwhile is left out.
      if (fstatat(dirfd(folder.get()), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
      kind = KindOfMode(info.st_mode);
    } else {
      kind = KindOfMode(DTTOIF(entry->d_type));
    }
    entries.push_back({std::string(name), kind});
  }
  if (errno != 0) return ErrnoStatus(errno, fmt::format("list {}", path));
  std::sort(entries.begin(), entries.end(),
            [](const DirectoryEntry& a, const DirectoryEntry& b) { return a.name < b.name; });
  return entries;
}

Result<PendingFile> PendingFile::Create(const std::string& final_path, uint32_t mode) {
  PendingFile result;
  result.final_path_ = final_path;
  const std::string folder = ParentPath(final_path);
  // The name does not hold the final one, which may already be as long as the file system allows.
  const std::string path =
      JoinPath(folder, fmt::format("{}{}", kTemporaryFilePrefix, RandomHex(8)));
  constexpr int kFlags = O_RDWR | O_CREAT | O_EXCL;
  int descriptor = RetryOpen(path, kFlags, static_cast<mode_t>(mode));
  if (descriptor < 0 && errno == ENOENT) {
    CAISSON_TRY(MakeDirectories(folder));
    descriptor = RetryOpen(path, kFlags, static_cast<mode_t>(mode));
  }
  if (descriptor < 0) return ErrnoStatus(errno, fmt::format("write {}", final_path));
  result.file_ = FileDescriptor(descriptor);
  result.temporary_path_ = path;
  return result;
}

PendingFile::PendingFile(PendingFile&& other) noexcept
    : file_(std::move(other.file_)),
      temporary_path_(std::exchange(other.temporary_path_, {})),
      final_path_(std::exchange(other.final_path_, {})) {}

PendingFile& PendingFile::operator=(PendingFile&& other) noexcept {
  if (this != &other) {
    Discard();
    file_ = std::move(other.file_);
    temporary_path_ = std::exchange(other.temporary_path_, {});
    final_path_ = std::exchange(other.final_path_, {});
  }
  return *this;
}

PendingFile::~PendingFile() { Discard(); }

void PendingFile::Discard() {
  if (!temporary_path_.empty()) unlink(temporary_path_.c_str());
  temporary_path_.clear();
  file_ = FileDescriptor();
}

Status PendingFile::Append(std::string_view bytes) {
  const Status written = WriteAll(file_.get(), bytes);
  return written.ok() ? written : WithContext(written, final_path_);
}

Status PendingFile::Commit(Durability durability) { return CommitAs(final_path_, durability); }

Status PendingFile::CommitAs(const std::string& other_path, Durability durability) {
  if (temporary_path_.empty()) {
    return FailedPrecondition("cannot write {}: it was committed before", other_path);
  }
  if (durability == Durability::kSynced) CAISSON_TRY(SyncDescriptor(file_.get(), other_path));
  const std::string folder = ParentPath(other_path);
  if (rename(temporary_path_.c_str(), other_path.c_str()) != 0) {
    if (errno != ENOENT) return ErrnoStatus(errno, fmt::format("write {}", other_path));
    CAISSON_TRY(MakeDirectories(folder));
    CAISSON_TRY(RenameFile(temporary_path_, other_path));
  }
  temporary_path_.clear();
  file_ = FileDescriptor();
  return durability == Durability::kSynced ? SyncDirectory(folder) : OkStatus();
}

Result<TemporaryDirectory> TemporaryDirectory::Create(std::string_view prefix) {
  const char* root = std::getenv("TMPDIR");
  std::string path =
      JoinPath(root != nullptr && *root != '\0' ? root : "/tmp", fmt::format("{}-XXXXXX", prefix));
  if (mkdtemp(path.data()) == nullptr) {
    return ErrnoStatus(errno, fmt::format("make a temporary folder {}", path));
  }
  return TemporaryDirectory(std::move(path));
}

TemporaryDirectory::~TemporaryDirectory() {
  if (!path_.empty()) RemoveTree(path_).IgnoreError();
}

Result<DiskSpace> GetDiskSpace(const std::string& path) {
  struct statvfs info;
  if (statvfs(path.c_str(), &info) != 0) {
    return ErrnoStatus(errno, fmt::format("look up the free space of {}", path));
  }
  DiskSpace space;
  // What an ordinary user may fill, without the blocks that are kept for root.
  space.free_bytes = uint64_t{info.f_bavail} * info.f_frsize;
  space.total_bytes = uint64_t{info.f_blocks} * info.f_frsize;
  return space;
}

}  // namespace caisson
