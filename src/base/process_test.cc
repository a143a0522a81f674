#include "base/process.h"

#include <chrono>
#include <cmath>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"

namespace caisson {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

struct Captured {
  Result<ProcessOutcome> outcome;
  std::string output;
};

Captured RunCaptured(ProcessOptions options, const Context& context = Context::Background()) {
  std::string output;
  options.on_output = [&](std::string_view piece) { output += piece; };
  auto outcome = RunProcess(context, options);
  return {std::move(outcome), std::move(output)};
}

Captured RunShell(const std::string& script, const Context& context = Context::Background()) {
  ProcessOptions options;
  options.arguments = {"sh", "-c", script};
  return RunCaptured(options, context);
}

bool IsRunning(pid_t pid) {
  const auto status = ReadFile(fmt::format("/proc/{}/stat", pid));
  // The state follows the name in parentheses; a zombie waits for whoever adopted it.
  return status.ok() && status->find(") Z ") == std::string::npos;
}

// Looks until it is true, for at most ten seconds.
bool Eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + seconds(10);
  while (std::chrono::steady_clock::now() < end) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return condition();
}

TEST(RunProcessTest, ReturnsExitCodeAndBothOutputs) {
  const Captured run = RunShell("echo out; echo err >&2; exit 3");
  ASSERT_TRUE(run.outcome.ok()) << run.outcome.status();
  EXPECT_EQ(run.outcome->exit_code, 3);
  EXPECT_EQ(run.output, "out\nerr\n");
  EXPECT_GT(run.outcome->seconds, 0);
  EXPECT_LT(run.outcome->seconds, 60);
}

TEST(RunProcessTest, ASignalIs128More) {
  EXPECT_EQ(RunShell("kill -TERM $$").outcome->exit_code, 128 + SIGTERM);
}

TEST(RunProcessTest, OutputLongerThanAPipeArrivesWhole) {
  const Captured run = RunShell("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done");
  ASSERT_TRUE(run.outcome.ok()) << run.outcome.status();
  EXPECT_EQ(std::count(run.output.begin(), run.output.end(), '\n'), 20000);
  EXPECT_THAT(run.output, EndsWith("line 19999\n"));
}

TEST(RunProcessTest, WithoutACallbackTheOutputGoesWhereOursGoes) {
  ProcessOptions options;
  options.arguments = {"sh", "-c", "echo to stderr >&2"};
  testing::internal::CaptureStderr();
  const auto outcome = RunProcess(Context::Background(), options);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "to stderr\n");
  EXPECT_TRUE(outcome.ok());
}

TEST(RunProcessTest, StandardInputIsEmpty) { EXPECT_EQ(RunShell("cat; echo end").output, "end\n"); }

TEST(RunProcessTest, EnvironmentIsAddedAndReplaced) {
  ProcessOptions options;
  options.arguments = {"sh", "-c", "echo $CAISSON_TEST_A:$HOME:${PATH:+path}"};
  options.environment = {{"CAISSON_TEST_A", "b c"}, {"HOME", "/nowhere"}};
  EXPECT_EQ(RunCaptured(options).output, "b c:/nowhere:path\n");
}

TEST(RunProcessTest, WorkingDirectory) {
  const auto folder = TemporaryDirectory::Create();
  ASSERT_TRUE(folder.ok());
  ASSERT_TRUE(
      WriteFileAtomic(JoinPath(folder->path(), "script"), "#!/bin/sh\npwd -P\n", 0755).ok());
  ProcessOptions options;
  options.working_directory = folder->path();
  options.arguments = {"./script"};
  EXPECT_THAT(RunCaptured(options).output, EndsWith(BaseName(folder->path()) + "\n"));
  options.working_directory = "/nonexistent";
  const Captured run = RunCaptured(options);
  EXPECT_EQ(run.outcome.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(Message(run.outcome.status()), HasSubstr("in folder /nonexistent"));
}

TEST(RunProcessTest, AProgramThatCannotRunIsAnError) {
  ProcessOptions options;
  EXPECT_EQ(RunProcess(Context::Background(), options).status().code(),
            StatusCode::kInvalidArgument);
  options.arguments = {"caisson-no-such-program"};
  const Status missing = RunProcess(Context::Background(), options).status();
  EXPECT_EQ(missing.code(), StatusCode::kNotFound);
  EXPECT_THAT(Message(missing), StartsWith("program 'caisson-no-such-program' is not in PATH ("));
  options.arguments = {"/nonexistent/program"};
  EXPECT_EQ(RunProcess(Context::Background(), options).status().code(), StatusCode::kNotFound);
  options.arguments = {"/etc/passwd"};
  const Status denied = RunProcess(Context::Background(), options).status();
  EXPECT_EQ(denied.code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(Message(denied), HasSubstr("/etc/passwd"));
}

TEST(RunProcessTest, ThePathOfTheGivenEnvironmentIsSearched) {
  const auto folder = TemporaryDirectory::Create();
  ASSERT_TRUE(folder.ok());
  ASSERT_TRUE(
      WriteFileAtomic(JoinPath(folder->path(), "own-tool"), "#!/bin/sh\necho found\n", 0755).ok());
  ProcessOptions options;
  options.arguments = {"own-tool"};
  options.environment = {{"PATH", "/nonexistent:" + folder->path()}};
  EXPECT_EQ(RunCaptured(options).output, "found\n");
}

TEST(RunProcessTest, TheDeadlineEndsTheWholeGroup) {
  const auto start = std::chrono::steady_clock::now();
  const Captured run = RunShell("sleep 1000 & echo $!; sleep 1000",
                                Context::Background().WithTimeout(milliseconds(200)));
  EXPECT_EQ(run.outcome.status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_THAT(Message(run.outcome.status()), StartsWith("sh was stopped: "));
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(4));
  const auto background = ParseInt(Trim(run.output));
  ASSERT_TRUE(background) << run.output;
  EXPECT_FALSE(IsRunning(static_cast<pid_t>(*background)));
}

TEST(RunProcessTest, CancellationLetsTheProgramTidyUp) {
  CancelSource source;
  ProcessOptions options;
  options.arguments = {"sh", "-c",
                       "trap 'echo saved; exit 0' TERM; echo ready; while :; do sleep 0.01; done"};
  std::string output;
  options.on_output = [&](std::string_view piece) {
    output += piece;
    if (output == "ready\n") source.Cancel();
  };
  const auto outcome = RunProcess(Context::Background().WithCancel(source), options);
  EXPECT_EQ(outcome.status().code(), StatusCode::kCancelled);
  EXPECT_THAT(output, EndsWith("saved\n"));
}

TEST(RunProcessTest, AContextThatHasEndedStartsNothing) {
  CancelSource source;
  source.Cancel();
  const Captured run = RunShell("echo started", Context::Background().WithCancel(source));
  EXPECT_EQ(run.outcome.status().code(), StatusCode::kCancelled);
  EXPECT_EQ(run.output, "");
}

TEST(RunProcessTest, SigtermThatIsIgnoredIsFollowedBySigkill) {
  CancelSource source;
  ProcessOptions options;
  options.arguments = {"sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"};
  options.stop_grace = milliseconds(300);
  options.on_output = [&](std::string_view) { source.Cancel(); };
  const auto start = std::chrono::steady_clock::now();
  const auto outcome = RunProcess(Context::Background().WithCancel(source), options);
  EXPECT_EQ(outcome.status().code(), StatusCode::kCancelled);
  const auto elapsed = std::chrono::steady_clock::now() - start;
  EXPECT_GE(elapsed, milliseconds(300));
  EXPECT_LT(elapsed, seconds(4));
}

TEST(RunProcessTest, SomethingLeftInTheBackgroundIsNotWaitedFor) {
  const auto start = std::chrono::steady_clock::now();
  const Captured run = RunShell("sleep 1000 & echo $!");
  ASSERT_TRUE(run.outcome.ok()) << run.outcome.status();
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(5));
  const auto background = ParseInt(Trim(run.output));
  ASSERT_TRUE(background);
  EXPECT_EQ(kill(static_cast<pid_t>(*background), SIGKILL), 0);
}

TEST(RunProcessTest, DescriptorsOfOursAreNotInherited) {
  const auto folder = TemporaryDirectory::Create();
  ASSERT_TRUE(folder.ok());
  const std::string path = JoinPath(folder->path(), "lock");
  // Opened without O_CLOEXEC, as a careless library does.
  const FileDescriptor lock(open(path.c_str(), O_RDWR | O_CREAT, 0644));
  ASSERT_TRUE(lock.valid());
  const Captured run = RunShell("ls -l /proc/self/fd");
  EXPECT_EQ(run.output.find(path), std::string::npos) << run.output;
}

TEST(RunProcessTest, SignalsReachTheProgramWhateverWeBlockOrIgnore) {
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const auto handler = signal(SIGPIPE, SIG_IGN);
  const Captured term = RunShell("kill -TERM $$; echo survived");
  const Captured pipe = RunShell("kill -PIPE $$; echo survived");
  signal(SIGPIPE, handler);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(term.outcome->exit_code, 128 + SIGTERM);
  EXPECT_EQ(pipe.outcome->exit_code, 128 + SIGPIPE);
}

TEST(RunProcessTest, PeakMemoryIsTheProgramsOwn) {
  // Held by us at the start, it must not count for a program that is smaller.
  std::string ours(200'000'000, 'x');
  const Captured small = RunShell("sleep 0.05");
  ASSERT_TRUE(small.outcome.ok()) << small.outcome.status();
  EXPECT_GT(small.outcome->peak_memory_bytes, 100'000);
  EXPECT_LT(small.outcome->peak_memory_bytes, 50'000'000);
  EXPECT_EQ(ours[100], 'x');
}

TEST(RunProcessTest, PeakMemoryOfALargeProgram) {
  const Captured large = RunShell("head -c 300000000 /dev/zero | tail -n 1 | wc -c");
  ASSERT_TRUE(large.outcome.ok()) << large.outcome.status();
  EXPECT_EQ(Trim(large.output), "300000000");
  EXPECT_GT(large.outcome->peak_memory_bytes, 300'000'000);
  EXPECT_LT(large.outcome->peak_memory_bytes, 700'000'000);
}

TEST(RunProcessTest, KillingUsKillsTheWholeGroup) {
  const auto folder = TemporaryDirectory::Create();
  ASSERT_TRUE(folder.ok());
  const std::string pids = JoinPath(folder->path(), "pids");
  // A process that runs RunProcess and is killed in the middle of it.
  const pid_t victim = fork();
  if (victim == 0) {
    ProcessOptions options;
    options.arguments = {"sh", "-c",
                         "sleep 1000 & echo $$ $! > '" + pids + ".new'; mv '" + pids + ".new' '" +
                             pids + "'; sleep 1000; echo"};
    RunProcess(Context::Background(), options).IgnoreError();
    _exit(1);
  }
  ASSERT_TRUE(Eventually([&] { return FileExists(pids); }));
  const std::vector<std::string> words = Split(Trim(*ReadFile(pids)), ' ');
  ASSERT_EQ(words.size(), 2u);
  kill(victim, SIGKILL);
  waitpid(victim, nullptr, 0);
  for (const std::string& word : words) {
    const auto pid = static_cast<pid_t>(*ParseInt(word));
    EXPECT_TRUE(Eventually([&] { return !IsRunning(pid); })) << word;
  }
}

TEST(RunProcessTest, ManyAtOnceFromManyThreads) {
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&right, i] {
      for (int n = 0; n < 5; ++n) {
        const Captured run = RunShell(fmt::format("echo {}; exit {}", i, n));
        right +=
            run.outcome.ok() && run.outcome->exit_code == n && run.output == fmt::format("{}\n", i);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 40);
}

TEST(ProcessTest, KnowsItself) {
  EXPECT_THAT(ExecutablePath(), EndsWith("base_test"));
  EXPECT_TRUE(FileExists(ExecutablePath()));
  const int64_t before = ResidentMemoryBytes();
  EXPECT_GT(before, 1'000'000);
  std::string block(100'000'000, 'x');
  EXPECT_GT(ResidentMemoryBytes(), before + 90'000'000);
  EXPECT_EQ(block[7], 'x');
}

TEST(DynamicLibraryTest, BindsFunctions) {
  const auto library = DynamicLibrary::Open("libm.so.6");
  ASSERT_TRUE(library.ok()) << library.status();
  double (*cosine)(double) = nullptr;
  ASSERT_TRUE(library->Bind("cos", cosine).ok());
  EXPECT_EQ(cosine(0), 1.0);
  const Status missing = library->Bind("caisson_none", cosine);
  EXPECT_EQ(missing.code(), StatusCode::kNotFound);
  EXPECT_THAT(Message(missing), AllOf(HasSubstr("caisson_none"), HasSubstr("libm.so.6")));
}

TEST(DynamicLibraryTest, ErrorsNameTheLibrary) {
  EXPECT_EQ(DynamicLibrary::Open("/nonexistent/lib.so").status().code(), StatusCode::kNotFound);
  const Status not_one = DynamicLibrary::Open("/etc/passwd").status();
  EXPECT_EQ(not_one.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(not_one), HasSubstr("/etc/passwd"));
}

}  // namespace
}  // namespace caisson
