#include "base/process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/files.h"
#include "base/internal/child_process.h"
#include "base/strings.h"

namespace caisson {
namespace {

using internal::Child;
using internal::ChildOptions;
using internal::Pipe;
using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

// How long the output of a program is waited for after its end, when something that it started
// still holds the pipe.
constexpr std::chrono::seconds kOutputGrace{1};
// A cancellation is only a flag, so it has to be looked for.
constexpr milliseconds kTick{20};
constexpr milliseconds kLongestSampleInterval{1000};

bool IsProgram(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && access(path.c_str(), X_OK) == 0;
}

Result<std::string> FindProgram(const std::string& name,
                                const std::map<std::string, std::string>& environment) {
  // A path is taken as it is; a relative one counts from the child's working directory.
  if (name.find('/') != std::string::npos) return name;
  std::string folders = "/usr/local/bin:/usr/bin:/bin";
  if (const auto own = environment.find("PATH"); own != environment.end()) {
    folders = own->second;
  } else if (const char* inherited = std::getenv("PATH"); inherited != nullptr) {
    folders = inherited;
  }
  for (const std::string& folder : Split(folders, ':')) {
    const std::string path = JoinPath(folder.empty() ? "." : folder, name);
    if (IsProgram(path)) return AbsolutePath(path);
  }
  return NotFound("program '{}' is not in PATH ({}); install it or give its full path", name,
                  folders);
}

std::vector<std::string> MergedEnvironment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> result;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string name(text.substr(0, text.find('=')));
    if (!added.contains(name)) result.emplace_back(text);
  }
  for (const auto& [name, value] : added) result.push_back(fmt::format("{}={}", name, value));
  return result;
}

// Ends a process group when we die, however that happens: PR_SET_PDEATHSIG reaches the program
// itself but not what it started, and the commands of a stage's shell would go on writing their
// outputs. It is a shell that reads from a pipe whose other end is ours alone. Where there is no
// shell, PR_SET_PDEATHSIG has to do.
class GroupWatch {
 public:
  explicit GroupWatch(pid_t group) {
    Result<Pipe> pipe = internal::MakePipe();
    if (!pipe.ok()) return;
    ChildOptions options;
    options.program = "/bin/sh";
    options.arguments = {"sh", "-c", "read -r line; kill -s KILL -- \"-$1\"", "sh",
                         std::to_string(group)};
    options.working_directory = "/";
    options.input = pipe->read_end.get();
    options.dies_with_parent = false;
    Result<Child> child = Child::Start(options);
    if (!child.ok()) return;
    ours_ = std::move(pipe->write_end);
    child_.emplace(*std::move(child));
  }

 private:
  FileDescriptor ours_;
  // Declared last, so that the shell is gone before the pipe closes.
  std::optional<Child> child_;
};

int64_t StatusField(const std::string& path, std::string_view name) {
  const Result<std::string> text = ReadFile(path);
  if (!text.ok()) return 0;
  const size_t start = text->find(name);
  if (start == std::string::npos) return 0;
  return std::strtoll(text->c_str() + start + name.size(), nullptr, 10);
}

// The most memory that a process has held so far; 0 when it is gone.
int64_t HighWaterBytes(pid_t pid) {
  return StatusField(fmt::format("/proc/{}/status", pid), "VmHWM:") * 1024;
}

// The same over a process and all that descend from it.
int64_t TreeHighWaterBytes(pid_t pid, int depth = 0) {
  int64_t most = HighWaterBytes(pid);
  if (depth >= 32) return most;
  const Result<std::string> children = ReadFile(fmt::format("/proc/{}/task/{}/children", pid, pid));
  if (!children.ok()) return most;
  for (const std::string& child : Split(*children, ' ')) {
    const auto child_pid = ParseInt(child);
    if (!child_pid) continue;
    most = std::max(most, TreeHighWaterBytes(static_cast<pid_t>(*child_pid), depth + 1));
  }
  return most;
}

// Whether a process group holds more than zombies, which whoever adopted them may be slow to reap.
bool HasLiveMembers(pid_t group) {
  if (kill(-group, 0) != 0) return false;
  const auto processes = ListDirectory("/proc");
  if (!processes.ok()) return true;
  for (const DirectoryEntry& entry : *processes) {
    if (!ParseInt(entry.name)) continue;
    const Result<std::string> stat = ReadFile(fmt::format("/proc/{}/stat", entry.name));
    if (!stat.ok()) continue;
    // "pid (name) state parent group ...", where the name may hold anything.
    const size_t name_end = stat->rfind(") ");
    if (name_end == std::string::npos) continue;
    const std::vector<std::string> fields =
        Split(std::string_view(*stat).substr(name_end + 2), ' ');
    if (fields.size() > 2 && fields[0] != "Z" && fields[2] == std::to_string(group)) return true;
  }
  return false;
}

// Follows one program from its start to its end.
class ProcessRun {
 public:
  ProcessRun(const Context& context, const ProcessOptions& options, Child child,
             FileDescriptor output)
      : context_(context),
        options_(options),
        start_(SteadyClock::now()),
        own_peak_(HighWaterBytes(getpid())),
        child_(std::move(child)),
        group_(child_.pid()),
        output_(std::move(output)),
        end_signal_(static_cast<int>(syscall(SYS_pidfd_open, group_, 0))) {}

  Result<ProcessOutcome> Finish() {
    const GroupWatch watch(group_);
    while (!child_.Ended()) {
      StopWhenTheContextEnds();
      SampleMemory();
      Wait();
    }
    end_signal_ = FileDescriptor();
    CAISSON_ASSIGN(const Child::End end, child_.Reap());
    if (stopped_) EndGroup();
    ReadRest();
    if (stopped_) {
      return WithContext(*stopped_, fmt::format("{} was stopped", options_.arguments[0]));
    }
    ProcessOutcome outcome;
    outcome.exit_code = end.exit_code;
    outcome.seconds = std::chrono::duration<double>(SteadyClock::now() - start_).count();
    // Before exec the child shared our memory, and the kernel counts that in: its figure is the
    // program's own only where it is above ours.
    outcome.peak_memory_bytes =
        end.peak_memory_bytes > own_peak_ ? end.peak_memory_bytes : sampled_peak_;
    return outcome;
  }

 private:
  void StopWhenTheContextEnds() {
    const auto now = SteadyClock::now();
    if (!stopped_) {
      const Status status = context_.Check();
      if (status.ok()) return;
      stopped_ = status;
      kill_at_ = now + options_.stop_grace;
      kill(-group_, SIGTERM);
    } else if (now >= kill_at_) {
      kill(-group_, SIGKILL);
    }
  }

  // What the program started may still be about to save its work, so it keeps the rest of the
  // grace. A process that hangs in the kernel outlives even SIGKILL and is not waited for.
  void EndGroup() {
    while (HasLiveMembers(group_) && SteadyClock::now() < kill_at_ + kOutputGrace) {
      if (SteadyClock::now() >= kill_at_) kill(-group_, SIGKILL);
      Wait();
    }
  }

  void SampleMemory() {
    const auto now = SteadyClock::now();
    if (now < next_sample_) return;
    sampled_peak_ = std::max(sampled_peak_, TreeHighWaterBytes(group_));
    next_sample_ = now + sample_interval_;
    sample_interval_ = std::min(sample_interval_ * 2, kLongestSampleInterval);
  }

  // Until there is output, the program ends or it is time to look around.
  void Wait() {
    std::array<pollfd, 2> entries{pollfd{output_.get(), POLLIN, 0},
                                  pollfd{end_signal_.get(), POLLIN, 0}};
    // A negative descriptor is one that poll leaves out.
    if (poll(entries.data(), entries.size(), static_cast<int>(kTick.count())) <= 0) return;
    if (entries[0].revents != 0) ReadOnce();
  }

  void ReadOnce() {
    const Result<size_t> got = ReadSome(output_.get(), buffer_.data(), buffer_.size());
    if (!got.ok() || *got == 0) {
      output_ = FileDescriptor();
      return;
    }
    options_.on_output(std::string_view(buffer_.data(), *got));
  }

  // A program may leave something behind that keeps the pipe open for ever.
  void ReadRest() {
    const auto end = SteadyClock::now() + kOutputGrace;
    while (output_.valid() && SteadyClock::now() < end) Wait();
  }

  const Context& context_;
  const ProcessOptions& options_;
  const SteadyClock::time_point start_;
  const int64_t own_peak_;
  Child child_;
  const pid_t group_;
  FileDescriptor output_;
  FileDescriptor end_signal_;  // readable when the program has ended; the tick stands in where the
                               // kernel has none
  std::optional<Status> stopped_;
  SteadyClock::time_point kill_at_;
  SteadyClock::time_point next_sample_;
  milliseconds sample_interval_{10};
  int64_t sampled_peak_ = 0;
  std::array<char, 65536> buffer_;
};

}  // namespace

Result<ProcessOutcome> RunProcess(const Context& context, const ProcessOptions& options) {
  if (options.arguments.empty()) return InvalidArgument("no program to run was given");
  CAISSON_TRY(context.Check());
  CAISSON_ASSIGN(const std::string program, FindProgram(options.arguments[0], options.environment));
  // A process group of its own is in the terminal's background, where reading would stop it.
  const FileDescriptor input =
      internal::AboveStandardDescriptors(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!input.valid()) return ErrnoStatus(errno, "open /dev/null");
  Pipe output;
  if (options.on_output) {
    CAISSON_ASSIGN(output, internal::MakePipe());
  }
  ChildOptions child_options;
  child_options.program = program;
  child_options.arguments = options.arguments;
  child_options.environment = MergedEnvironment(options.environment);
  child_options.working_directory = options.working_directory;
  child_options.input = input.get();
  child_options.output = output.write_end.get();
  CAISSON_ASSIGN(Child child, Child::Start(child_options));
  output.write_end = FileDescriptor();
  return std::make_unique<ProcessRun>(context, options, std::move(child),
                                      std::move(output.read_end))
      ->Finish();
}

std::string ExecutablePath() {
  std::string path(4096, '\0');
  const ssize_t size = readlink("/proc/self/exe", path.data(), path.size());
  path.resize(static_cast<size_t>(std::max<ssize_t>(size, 0)));
  // What the kernel adds when the file was replaced while it runs; the new one is what a caller
  // wants to start.
  constexpr std::string_view kDeleted = " (deleted)";
  if (path.ends_with(kDeleted)) path.resize(path.size() - kDeleted.size());
  return path;
}

int64_t ResidentMemoryBytes() {
  const Result<std::string> text = ReadFile("/proc/self/statm");
  if (!text.ok()) return 0;
  // The fields are the total and the resident size, in pages.
  const size_t space = text->find(' ');
  if (space == std::string::npos) return 0;
  return std::strtoll(text->c_str() + space, nullptr, 10) * sysconf(_SC_PAGESIZE);
}

}  // namespace caisson
