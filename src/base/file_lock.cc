#include <cerrno>
#include <ctime>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/files.h"
#include "base/json.h"
#include "base/strings.h"

namespace caisson {
namespace {

std::string Encode(const LockHolder& holder) {
  return WriteJson(Json::Of({{"pid", holder.pid},
                             {"since", FormatTime(holder.since)},
                             {"command", holder.command},
                             {"http_address", holder.http_address}})) +
         "\n";
}

// The holder as far as it can be read: a holder that was killed while writing leaves part of a
// line.
LockHolder Decode(std::string_view text) {
  LockHolder holder;
  const auto json = ParseJson(text.substr(0, text.find('\n')));
  if (!json.ok()) return holder;
  holder.pid = (*json)["pid"].AsInt();
  holder.since = ParseTime((*json)["since"].AsString()).value_or(0);
  holder.command = (*json)["command"].AsString();
  holder.http_address = (*json)["http_address"].AsString();
  return holder;
}

Result<LockHolder> ReadHolderFrom(int descriptor) {
  char buffer[4096];
  const ssize_t size = ::pread(descriptor, buffer, sizeof(buffer), 0);
  if (size < 0) return ErrnoStatus(errno, "read the holder of a lock");
  return Decode({buffer, static_cast<size_t>(size)});
}

// One write and then a cut, so that a reader in between sees the new line whole.
Status WriteHolder(int descriptor, const std::string& path, const LockHolder& holder) {
  const std::string text = Encode(holder);
  size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = ::pwrite(descriptor, text.data() + written, text.size() - written,
                                   static_cast<off_t>(written));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, fmt::format("write the lock file {}", path));
    written += static_cast<size_t>(count);
  }
  if (::ftruncate(descriptor, static_cast<off_t>(text.size())) != 0) {
    return ErrnoStatus(errno, fmt::format("write the lock file {}", path));
  }
  return OkStatus();
}

enum class Attempt { kTaken, kHeld };

// `operation` is LOCK_EX or LOCK_SH; never waits.
Result<Attempt> TryLock(int descriptor, const std::string& path, int operation) {
  while (::flock(descriptor, operation | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return Attempt::kHeld;
    if (errno != EINTR) return ErrnoStatus(errno, fmt::format("lock {}", path));
  }
  return Attempt::kTaken;
}

std::string Describe(const LockHolder& holder) {
  if (holder.pid == 0) return "another process";
  std::string out = fmt::format("process {}", holder.pid);
  if (!holder.command.empty()) out += fmt::format(" ({})", holder.command);
  if (holder.since != 0) out += fmt::format(" since {}", FormatTime(holder.since));
  if (!holder.http_address.empty()) out += fmt::format(", serving on {}", holder.http_address);
  return out;
}

}  // namespace

Result<FileLock> FileLock::Acquire(const std::string& path, const LockHolder& holder) {
  FileLock lock;
  lock.path_ = path;
  lock.file_ = FileDescriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!lock.file_.valid()) return ErrnoStatus(errno, fmt::format("open the lock file {}", path));
  // Someone who only asks for the holder (ReadHolder) has a shared lock for a moment; that is no
  // reason to give up.
  constexpr int kAttempts = 200;
  for (int i = 0; i < kAttempts; ++i) {
    CAISSON_ASSIGN(const Attempt exclusive, TryLock(lock.file_.get(), path, LOCK_EX));
    if (exclusive == Attempt::kTaken) {
      CAISSON_TRY(WriteHolder(lock.file_.get(), path, holder));
      return lock;
    }
    CAISSON_ASSIGN(const Attempt shared, TryLock(lock.file_.get(), path, LOCK_SH));
    if (shared == Attempt::kHeld) break;
    ::flock(lock.file_.get(), LOCK_UN);
    const timespec pause{0, 1'000'000};
    ::nanosleep(&pause, nullptr);
  }
  CAISSON_ASSIGN(const LockHolder present, ReadHolderFrom(lock.file_.get()));
  return Aborted("{} is held by {}; stop it first, or use another folder", path, Describe(present));
}

Result<LockHolder> FileLock::ReadHolder(const std::string& path) {
  CAISSON_ASSIGN(const FileDescriptor file, OpenForReading(path));
  CAISSON_ASSIGN(const Attempt shared, TryLock(file.get(), path, LOCK_SH));
  if (shared == Attempt::kTaken) return NotFound("nobody holds {}", path);
  return ReadHolderFrom(file.get());
}

Status FileLock::UpdateHolder(const LockHolder& holder) {
  return WriteHolder(file_.get(), path_, holder);
}

}  // namespace caisson
