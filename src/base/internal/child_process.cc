#include "base/internal/child_process.h"

#include <cerrno>

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace caisson::internal {
namespace {

// Everything that the new process needs between its birth and exec, laid out before: from then on
// it may only make system calls, since it shares the memory of the thread that started it.
struct Launch {
  const char* program;
  char* const* arguments;
  char* const* environment;
  const char* working_directory;  // or null
  int input;
  int output;
  bool dies_with_parent;
  int failure_pipe;
  pid_t parent;
};

enum class LaunchStep : int { kWorkingDirectory, kExec };

struct LaunchFailure {
  LaunchStep step;
  int error_number;
};

[[noreturn]] void FailLaunch(const Launch& launch, LaunchStep step) {
  const LaunchFailure failure{step, errno};
  if (write(launch.failure_pipe, &failure, sizeof failure) < 0) _exit(126);
  _exit(127);
}

// Handlers of ours must not run in the child, and a program expects to be ended by SIGPIPE. What
// else is ignored stays so: under nohup, SIGHUP.
void ResetSignals() {
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action;
    if (sigaction(number, nullptr, &action) != 0 || action.sa_handler == SIG_DFL) continue;
    if (action.sa_handler == SIG_IGN && number != SIGPIPE) continue;
    action = {};
    action.sa_handler = SIG_DFL;
    sigaction(number, &action, nullptr);
  }
}

[[noreturn]] void RunChild(const Launch& launch) {
  setpgid(0, 0);
  if (launch.dies_with_parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // The parent may have died just before the call.
    if (getppid() != launch.parent) _exit(127);
  }
  ResetSignals();
  if (launch.input >= 0) dup2(launch.input, STDIN_FILENO);
  if (launch.output >= 0) {
    dup2(launch.output, STDOUT_FILENO);
    dup2(launch.output, STDERR_FILENO);
  }
  // A descriptor that a library left open for children would keep a lock or a port alive in them.
  syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC);
  if (launch.working_directory != nullptr && chdir(launch.working_directory) != 0) {
    FailLaunch(launch, LaunchStep::kWorkingDirectory);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execve(launch.program, launch.arguments, launch.environment);
  FailLaunch(launch, LaunchStep::kExec);
}

// vfork, unlike fork, costs the same however much memory we hold. Signals wait until the child has
// gone its own way. A function of its own, so that the child cannot disturb the variables of a
// caller.
[[gnu::noinline]] pid_t Spawn(const Launch& launch) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = vfork();
  if (pid == 0) RunChild(launch);
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  // exec takes pointers to writable text for reasons of age and writes nothing.
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

FileDescriptor AboveStandardDescriptors(int descriptor) {
  FileDescriptor given(descriptor);
  if (descriptor < 0 || descriptor > STDERR_FILENO) return given;
  return FileDescriptor(fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

Result<Pipe> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus(errno, "make a pipe");
  Pipe result{AboveStandardDescriptors(ends[0]), AboveStandardDescriptors(ends[1])};
  if (!result.read_end.valid() || !result.write_end.valid()) {
    return ErrnoStatus(errno, "make a pipe");
  }
  return result;
}

Result<Child> Child::Start(const ChildOptions& options) {
  CAISSON_ASSIGN(Pipe failure_pipe, MakePipe());
  const std::vector<char*> arguments = Pointers(options.arguments);
  const std::vector<char*> environment = Pointers(options.environment);
  const std::string& folder = options.working_directory;
  const Launch launch{.program = options.program.c_str(),
                      .arguments = arguments.data(),
                      .environment = environment.data(),
                      .working_directory = folder.empty() ? nullptr : folder.c_str(),
                      .input = options.input,
                      .output = options.output,
                      .dies_with_parent = options.dies_with_parent,
                      .failure_pipe = failure_pipe.write_end.get(),
                      .parent = getpid()};
  Child child(Spawn(launch));
  if (child.pid_ < 0) return ErrnoStatus(errno, fmt::format("start {}", options.program));
  failure_pipe.write_end = FileDescriptor();
  LaunchFailure failure;
  // The pipe closes by itself when exec succeeds; a message this short arrives in one piece.
  CAISSON_ASSIGN(const size_t got, ReadSome(failure_pipe.read_end.get(),
                                            reinterpret_cast<char*>(&failure), sizeof failure));
  if (got != sizeof failure) return child;
  const std::string what = failure.step == LaunchStep::kExec
                               ? fmt::format("run {}", options.program)
                               : fmt::format("run {} in folder {}", options.program, folder);
  return ErrnoStatus(failure.error_number, what);
}

Child::~Child() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  Reap().IgnoreError();
}

bool Child::Ended() const {
  siginfo_t info;
  info.si_pid = 0;
  const int result = waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
  return result != 0 || info.si_pid != 0;
}

Result<Child::End> Child::Reap() {
  const pid_t pid = std::exchange(pid_, -1);
  int status = 0;
  rusage usage{};
  while (wait4(pid, &status, 0, &usage) < 0) {
    if (errno == EINTR) continue;
    return Internal(
        "the exit status of process {} was lost: SIGCHLD is ignored, or other code waits for all "
        "children",
        pid);
  }
  End end;
  end.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  end.peak_memory_bytes = int64_t{usage.ru_maxrss} * 1024;
  return end;
}

}  // namespace caisson::internal
