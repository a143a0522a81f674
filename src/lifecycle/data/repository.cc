#include "lifecycle/data/repository.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/strings.h"
#include "base/yaml.h"
#include "lifecycle/data/internal/dvc_format.h"
#include "lifecycle/data/internal/ignore.h"
#include "lifecycle/data/internal/stat_index.h"

namespace caisson::data {
namespace {

using internal::DirMember;

constexpr uint32_t kCacheMode =
    0444;  // DVC trusts an object without hashing it again only with exactly this mode
constexpr size_t kReadBytes = 1 << 20;
constexpr std::string_view kDvcEnding = ".dvc";

int64_t NowNanos() { return SystemClock().now() * 1'000'000; }

// DVC's own lock, held while we write. DVC takes it with flock and without waiting, as we do.
class DvcLock {
 public:
  static Result<DvcLock> Take(const std::string& root) {
    const std::string path = JoinPath(root, ".dvc/tmp/lock");
    CAISSON_TRY(MakeDirectories(ParentPath(path)));
    const int descriptor = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    if (descriptor < 0) return ErrnoStatus(errno, "open " + path);
    DvcLock lock;
    lock.file_ = FileDescriptor(descriptor);
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
      return Aborted(
          "the DVC repository {} is in use by another command; try again when that has ended",
          root);
    }
    return lock;
  }

 private:
  FileDescriptor file_;
};

// The cache folder that the repository's configuration names, by default .dvc/cache. The later
// level wins.
std::string ReadCacheFolder(const std::string& root) {
  std::string folder = JoinPath(root, ".dvc/cache");
  for (const char* name : {"config", "config.local"}) {
    const Result<std::string> text = ReadFile(JoinPath(root, std::string(".dvc/") + name));
    if (!text.ok()) continue;
    std::string section;
    for (const std::string& line : Split(*text, '\n')) {
      const std::string_view trimmed = Trim(line);
      if (!trimmed.empty() && trimmed.front() == '[') section = ToLower(trimmed);
      const size_t equals = trimmed.find('=');
      if (section == "[cache]" && equals != std::string_view::npos &&
          ToLower(Trim(trimmed.substr(0, equals))) == "dir") {
        // Relative to the folder of the file that says it.
        folder = NormalizePath(JoinPath(JoinPath(root, ".dvc"), Trim(trimmed.substr(equals + 1))));
      }
    }
  }
  return folder;
}

Status WriteIfMissing(const std::string& path, std::string_view text) {
  return FileExists(path) ? OkStatus() : WriteFileAtomic(path, text);
}

bool InsideGit(std::string folder) {
  while (true) {
    if (FileExists(JoinPath(folder, ".git"))) return true;
    if (folder == "/") return false;
    folder = ParentPath(folder);
  }
}

}  // namespace

class Repository::Impl {
 public:
  explicit Impl(std::string root)
      : root_(std::move(root)),
        cache_(ReadCacheFolder(root_)),
        inside_git_(InsideGit(root_)),
        index_(JoinPath(root_, ".dvc/tmp/caisson-stat-index")) {
    index_.Load();
  }

  const std::string& root() const { return root_; }
  const std::string& cache() const { return cache_; }
  const HashCounters& counters() const { return counters_; }

  // The hash of what lies at the path; with `store`, the objects are in the cache when it returns.
  Result<OutEntry> Process(const Context& context, std::string_view path, bool store,
                           const DataProgress& progress) {
    OutEntry entry;
    CAISSON_ASSIGN(entry.path, RelativeToRoot(path));
    const std::string full = JoinPath(root_, entry.path);
    CAISSON_ASSIGN(const FileInfo info, StatFile(full));
    progress_ = {&progress, 0, 1, 0};
    if (info.kind == FileKind::kDirectory) {
      CAISSON_TRY(ProcessFolder(context, full, store, entry));
    } else if (info.kind == FileKind::kRegular) {
      CAISSON_ASSIGN(entry.md5, ProcessFile(context, full, info, store));
      entry.size = static_cast<int64_t>(info.identity.size);
      entry.is_executable = (info.mode & S_IXUSR) != 0;
    } else {
      return InvalidArgument("{} is neither a file nor a folder", full);
    }
    // Without a lock file to save, a read-only repository still answers.
    (void)index_.Save();
    return entry;
  }

  Status WriteDvcFileFor(const OutEntry& entry) {
    const std::string path = JoinPath(root_, entry.path) + ".dvc";
    Json previous;
    if (const Result<std::string> text = ReadFile(path); text.ok()) {
      CAISSON_ASSIGN(const internal::DvcFile present, internal::ParseDvcFile(*text, path));
      if (present.out.md5 == entry.md5) return OkStatus();
      previous = present.document;
    }
    CAISSON_TRY(WriteFileAtomic(path, internal::WriteDvcFile(entry, previous)));
    return IgnoreInGit(entry.path);
  }

  Result<OutEntry> ReadTracked(std::string_view path) const {
    CAISSON_ASSIGN(const std::string relative, RelativeToRoot(path));
    const std::string file = JoinPath(root_, relative) + ".dvc";
    if (!FileExists(file))
      return NotFound("{} is not tracked: there is no {}.dvc", relative, relative);
    CAISSON_ASSIGN(const std::string text, ReadFile(file));
    CAISSON_ASSIGN(internal::DvcFile dvc, internal::ParseDvcFile(text, file));
    dvc.out.path = relative;
    return std::move(dvc.out);
  }

  Result<std::vector<TrackedState>> States(const Context& context) {
    std::vector<std::string> paths;
    internal::IgnoreRules ignore;
    CAISSON_TRY(FindTracked(ignore, "", paths, 0));
    std::vector<TrackedState> states;
    for (const std::string& path : paths) {
      TrackedState state;
      CAISSON_ASSIGN(state.recorded, ReadTracked(path));
      if (!FileExists(JoinPath(root_, state.recorded.path))) {
        state.state = "missing";
      } else {
        CAISSON_ASSIGN(const OutEntry present, Process(context, path, false, nullptr));
        const bool same = present.md5 == state.recorded.md5;
        state.state = !same ? "modified" : (InCache(state.recorded) ? "unchanged" : "not in cache");
      }
      states.push_back(std::move(state));
    }
    return states;
  }

  bool InCache(const OutEntry& entry) const {
    if (!FileExists(internal::ObjectPath(cache_, entry.md5))) return false;
    if (!entry.is_folder) return true;
    const Result<std::vector<DirMember>> members = ReadDirObject(entry.md5);
    return members.ok() &&
           std::all_of(members->begin(), members->end(), [&](const DirMember& member) {
             return FileExists(internal::ObjectPath(cache_, member.md5));
           });
  }

  Status Checkout(const Context& context, const OutEntry& entry) {
    const std::string target = JoinPath(root_, entry.path);
    CAISSON_TRY(CheckComplete(entry));
    if (!entry.is_folder) return Place(entry.md5, target, entry.is_executable);
    CAISSON_ASSIGN(const std::vector<DirMember> members, ReadDirObject(entry.md5));
    // Beside the target, which is left alone until everything is there.
    const std::string staging =
        fmt::format("{}/{}{}", ParentPath(target), kTemporaryFilePrefix, BaseName(target));
    CAISSON_TRY(RemoveTree(staging));
    Status status = MakeDirectories(staging);
    for (const DirMember& member : members) {
      if (status.ok()) status = context.Check();
      if (status.ok()) status = Place(member.md5, JoinPath(staging, member.relative_path), false);
    }
    if (status.ok()) status = RemoveTree(target);
    if (status.ok()) status = RenameFile(staging, target);
    if (!status.ok()) (void)RemoveTree(staging);
    return status;
  }

 private:
  Result<std::string> RelativeToRoot(std::string_view path) const {
    const std::string full = path.empty() || path.front() == '/'
                                 ? NormalizePath(path)
                                 : NormalizePath(JoinPath(root_, path));
    if (full != root_ && full.rfind(root_ + "/", 0) != 0)
      return InvalidArgument("{} lies outside the repository {}", path, root_);
    if (full == root_)
      return InvalidArgument("the repository itself ({}) cannot be tracked", root_);
    return full.substr(root_.size() + 1);
  }

  Result<std::string> ProcessFile(const Context& context, const std::string& path,
                                  const FileInfo& info, bool store) {
    CAISSON_TRY(context.Check());
    if (const auto known = index_.Find(path, info.identity); known.has_value()) {
      ++counters_.files_reused;
      if (!store || FileExists(internal::ObjectPath(cache_, *known))) {
        Report(info.identity.size);
        return *known;
      }
    }
    std::string md5;
    if (store) {
      CAISSON_ASSIGN(md5, CopyIntoCache(context, path));
    } else {
      CAISSON_ASSIGN(md5, HashFile(HashKind::kMd5, path));
    }
    ++counters_.files_hashed;
    counters_.bytes_hashed += static_cast<int64_t>(info.identity.size);
    CAISSON_ASSIGN(const FileInfo after, StatFile(path));
    if (!(after.identity == info.identity)) {
      return Aborted("{} changed while it was read; try again when nothing writes to it", path);
    }
    index_.Put(path, info.identity, md5, NowNanos());
    Report(info.identity.size);
    return md5;
  }

  // Reads once: the hash is known when the copy is whole, and names it.
  Result<std::string> CopyIntoCache(const Context& context, const std::string& path) {
    CAISSON_ASSIGN(const FileDescriptor file, OpenForReading(path));
    CAISSON_ASSIGN(
        PendingFile pending,
        PendingFile::Create(JoinPath(cache_, "files/md5/tmp-" + BaseName(path)), kCacheMode));
    Hasher hasher(HashKind::kMd5);
    std::string buffer(kReadBytes, '\0');
    while (true) {
      CAISSON_ASSIGN(const size_t count, ReadSome(file.get(), buffer.data(), buffer.size()));
      if (count == 0) break;
      const std::string_view piece(buffer.data(), count);
      hasher.Update(piece);
      CAISSON_TRY(pending.Append(piece));
      CAISSON_TRY(context.Check());
    }
    const std::string md5 = hasher.Finish();
    const std::string target = internal::ObjectPath(cache_, md5);
    if (FileExists(target)) return md5;
    CAISSON_TRY(MakeDirectories(ParentPath(target)));
    CAISSON_TRY(pending.CommitAs(target));
    return md5;
  }

  Status ProcessFolder(const Context& context, const std::string& folder, bool store,
                       OutEntry& entry) {
    std::vector<std::pair<std::string, FileInfo>> files;
    CAISSON_ASSIGN(const internal::IgnoreRules ignore, RulesDownTo(entry.path));
    CAISSON_TRY(ListFiles(ignore, folder, "", files, 0));
    progress_.total = static_cast<int64_t>(files.size());
    std::vector<DirMember> members;
    for (const auto& [relative, info] : files) {
      CAISSON_ASSIGN(std::string md5,
                     ProcessFile(context, JoinPath(folder, relative), info, store));
      entry.size += static_cast<int64_t>(info.identity.size);
      members.push_back({relative, std::move(md5)});
    }
    entry.is_folder = true;
    entry.file_count = static_cast<int64_t>(members.size());
    const std::string object = internal::WriteDirObject(std::move(members));
    entry.md5 = Md5(object) + ".dir";
    // After its members, so that a directory object never promises what is not there.
    const std::string target = internal::ObjectPath(cache_, entry.md5);
    if (store && !FileExists(target)) CAISSON_TRY(WriteFileAtomic(target, object, kCacheMode));
    return OkStatus();
  }

  // The paths, without ".dvc", of all .dvc files below a folder of the repository.
  Status FindTracked(internal::IgnoreRules& ignore, const std::string& folder,
                     std::vector<std::string>& paths, int depth) {
    if (depth > 100) return OkStatus();
    CAISSON_TRY(ignore.AddFile(root_, folder));
    CAISSON_ASSIGN(const std::vector<DirectoryEntry> entries,
                   ListDirectory(JoinPath(root_, folder)));
    for (const DirectoryEntry& entry : entries) {
      const std::string relative = folder.empty() ? entry.name : folder + "/" + entry.name;
      const bool is_folder = entry.kind == FileKind::kDirectory;
      if (ignore.Ignores(relative, is_folder)) continue;
      if (is_folder) {
        CAISSON_TRY(FindTracked(ignore, relative, paths, depth + 1));
      } else if (entry.kind == FileKind::kRegular && entry.name.size() > kDvcEnding.size() &&
                 entry.name.ends_with(kDvcEnding)) {
        paths.push_back(relative.substr(0, relative.size() - kDvcEnding.size()));
      }
    }
    return OkStatus();
  }

  // The rules of the root and of every folder on the way to, not in, a tracked one.
  Result<internal::IgnoreRules> RulesDownTo(const std::string& path) const {
    internal::IgnoreRules rules;
    CAISSON_TRY(rules.AddFile(root_, ""));
    for (size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      CAISSON_TRY(rules.AddFile(root_, path.substr(0, slash)));
    }
    return rules;
  }

  Status ListFiles(const internal::IgnoreRules& ignore, const std::string& folder,
                   const std::string& prefix, std::vector<std::pair<std::string, FileInfo>>& files,
                   int depth) {
    if (depth > 100)
      return InvalidArgument("{} is nested more than 100 deep; is there a loop of links?", folder);
    CAISSON_ASSIGN(const std::vector<DirectoryEntry> entries, ListDirectory(folder));
    for (const DirectoryEntry& entry : entries) {
      const std::string relative = prefix.empty() ? entry.name : prefix + "/" + entry.name;
      const std::string full = JoinPath(folder, entry.name);
      CAISSON_ASSIGN(const FileInfo info, StatFile(full));
      const bool is_folder = info.kind == FileKind::kDirectory;
      if (ignore.Ignores(full.substr(root_.size() + 1), is_folder)) continue;
      if (entry.name == ".dvcignore") {
        return InvalidArgument(
            "{} lies in a tracked folder; DVC accepts a .dvcignore only outside of it", full);
      }
      if (is_folder) {
        CAISSON_TRY(ListFiles(ignore, full, relative, files, depth + 1));
      } else if (info.kind == FileKind::kRegular) {
        files.emplace_back(relative, info);
      }
    }
    return OkStatus();
  }

  void Report(uint64_t bytes) {
    progress_.done += 1;
    progress_.bytes += static_cast<int64_t>(bytes);
    if (progress_.callback != nullptr && *progress_.callback)
      (*progress_.callback)(progress_.done, progress_.total, progress_.bytes);
  }

  // As DVC does: "/name" in the .gitignore beside the data, inside a git repository only.
  Status IgnoreInGit(const std::string& relative) {
    if (!inside_git_) return OkStatus();
    const std::string path = JoinPath(ParentPath(JoinPath(root_, relative)), ".gitignore");
    const std::string line = "/" + BaseName(relative);
    const Result<std::string> present = ReadFile(path);
    std::string text = present.ok() ? *present : "";
    const std::vector<std::string> lines = Split(text, '\n');
    if (std::find(lines.begin(), lines.end(), line) != lines.end()) return OkStatus();
    if (!text.empty() && text.back() != '\n') text += '\n';
    return WriteFileAtomic(path, text + line + "\n");
  }

  Result<std::vector<DirMember>> ReadDirObject(std::string_view md5) const {
    const std::string path = internal::ObjectPath(cache_, md5);
    CAISSON_ASSIGN(const std::string bytes, ReadFile(path));
    if (Md5(bytes) + ".dir" != md5)
      return DataLoss("the cache object {} is damaged; remove it and fetch it again", path);
    return internal::ParseDirObject(bytes);
  }

  Status CheckComplete(const OutEntry& entry) const {
    if (!FileExists(internal::ObjectPath(cache_, entry.md5))) {
      return NotFound("{} ({}) is not in the cache; fetch it with `dvc pull`", entry.path,
                      entry.md5);
    }
    if (!entry.is_folder) return OkStatus();
    CAISSON_ASSIGN(const std::vector<DirMember> members, ReadDirObject(entry.md5));
    std::vector<std::string> missing;
    for (const DirMember& member : members) {
      if (!FileExists(internal::ObjectPath(cache_, member.md5)))
        missing.push_back(member.relative_path);
    }
    if (missing.empty()) return OkStatus();
    const size_t count = missing.size();
    missing.resize(std::min<size_t>(count, 5));
    return NotFound("{} of the files of {} are not in the cache ({}{}); fetch them with `dvc pull`",
                    count, entry.path, Join(missing, ", "), count > 5 ? ", ..." : "");
  }

  // A copy of the object; its bytes are hashed on the way, so that a damaged object never reaches
  // the work tree.
  Status Place(const std::string& md5, const std::string& target, bool executable) {
    CAISSON_ASSIGN(const FileDescriptor file, OpenForReading(internal::ObjectPath(cache_, md5)));
    CAISSON_ASSIGN(PendingFile pending, PendingFile::Create(target, executable ? 0744 : 0644));
    Hasher hasher(HashKind::kMd5);
    std::string buffer(kReadBytes, '\0');
    while (true) {
      CAISSON_ASSIGN(const size_t count, ReadSome(file.get(), buffer.data(), buffer.size()));
      if (count == 0) break;
      hasher.Update({buffer.data(), count});
      CAISSON_TRY(pending.Append({buffer.data(), count}));
    }
    if (hasher.Finish() != md5) {
      return DataLoss("the cache object {} is damaged; remove it and fetch it again",
                      internal::ObjectPath(cache_, md5));
    }
    // A file takes the place of a file by itself, not that of a folder.
    const Result<FileInfo> present = StatFile(target, FollowLinks::kNo);
    if (present.ok() && present->kind == FileKind::kDirectory) CAISSON_TRY(RemoveTree(target));
    return pending.Commit();
  }

  struct Progress {
    const DataProgress* callback = nullptr;
    int64_t done = 0;
    int64_t total = 0;
    int64_t bytes = 0;
  };

  std::string root_;
  std::string cache_;
  bool inside_git_ = false;
  internal::StatIndex index_;
  HashCounters counters_;
  Progress progress_;
};

Repository::Repository(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Repository::~Repository() = default;

Result<std::unique_ptr<Repository>> Repository::Open(const std::string& folder) {
  std::string root = AbsolutePath(folder);
  while (!FileExists(JoinPath(root, ".dvc"))) {
    if (root == "/")
      return NotFound("{} is in no DVC repository; `dvc init` or `caisson run` makes one",
                      AbsolutePath(folder));
    root = ParentPath(root);
  }
  return std::unique_ptr<Repository>(new Repository(std::make_unique<Impl>(std::move(root))));
}

Result<std::unique_ptr<Repository>> Repository::OpenOrInit(const std::string& folder) {
  Result<std::unique_ptr<Repository>> present = Open(folder);
  if (present.ok()) return present;
  const std::string root = AbsolutePath(folder);
  const bool git_root = FileExists(JoinPath(root, ".git"));
  const std::string settings = git_root ? "" : "[core]\n    no_scm = True\n";
  CAISSON_TRY(MakeDirectories(JoinPath(root, ".dvc/tmp")));
  CAISSON_TRY(WriteIfMissing(JoinPath(root, ".dvc/config"), settings));
  CAISSON_TRY(WriteIfMissing(JoinPath(root, ".dvc/.gitignore"), "/config.local\n/tmp\n/cache\n"));
  CAISSON_TRY(WriteIfMissing(JoinPath(root, ".dvcignore"),
                             "# What dvc leaves out, in the syntax of .gitignore. The data folder "
                             "holds copies of projects.\n"
                             "/caisson-data\n"));
  return Open(folder);
}

const std::string& Repository::root() const { return impl_->root(); }
const std::string& Repository::cache_folder() const { return impl_->cache(); }
const HashCounters& Repository::counters() const { return impl_->counters(); }
bool Repository::InCache(const OutEntry& entry) const { return impl_->InCache(entry); }
Result<OutEntry> Repository::Tracked(std::string_view path) const {
  return impl_->ReadTracked(path);
}

Result<std::vector<TrackedState>> Repository::States(const Context& context) {
  return impl_->States(context);
}

Result<OutEntry> Repository::Hash(const Context& context, std::string_view path,
                                  const DataProgress& progress) {
  return impl_->Process(context, path, false, progress);
}

Result<OutEntry> Repository::Commit(const Context& context, std::string_view path,
                                    const DataProgress& progress) {
  CAISSON_ASSIGN(const DvcLock lock, DvcLock::Take(impl_->root()));
  return impl_->Process(context, path, true, progress);
}

Result<OutEntry> Repository::Add(const Context& context, std::string_view path,
                                 const DataProgress& progress) {
  CAISSON_ASSIGN(const DvcLock lock, DvcLock::Take(impl_->root()));
  CAISSON_ASSIGN(OutEntry entry, impl_->Process(context, path, true, progress));
  CAISSON_TRY(impl_->WriteDvcFileFor(entry));
  return entry;
}

Status Repository::Checkout(const Context& context, const OutEntry& entry) {
  CAISSON_ASSIGN(const DvcLock lock, DvcLock::Take(impl_->root()));
  return impl_->Checkout(context, entry);
}

}  // namespace caisson::data
