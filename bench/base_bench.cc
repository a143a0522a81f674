// What the operating-system half of base and its neighbours cost: durable writes beside a bare
// fsync, digests beside coreutils, starting a program beside posix_spawn, a metric and a log line.
//
//   base_bench [--folder DIR]
//
// Each figure is the median of five rounds. The files are made in a temporary folder below DIR
// (default: the system's), which must be on the disk to be measured.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/process.h"
#include "base/strings.h"
#include "base/sync_latency.h"
#include "platform/blob/blob_store.h"
#include "platform/telemetry/metrics.h"

namespace caisson {
namespace {

using std::chrono::steady_clock;

constexpr int kRounds = 5;

void Require(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "base_bench: %s\n", Message(status).c_str());
  std::exit(1);
}

// The median time of a call, in seconds.
double MedianSeconds(const std::function<void()>& call) {
  std::vector<double> seconds;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = steady_clock::now();
    call();
    seconds.push_back(std::chrono::duration<double>(steady_clock::now() - start).count());
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[kRounds / 2];
}

void OnThreads(int threads, const std::function<void(int)>& work) {
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i) running.emplace_back(work, i);
  for (std::thread& thread : running) thread.join();
}

void BenchDurableWrites(const std::string& folder) {
  const auto latency = MeasureSyncLatency(Context::Background(), folder, 200);
  Require(latency.status());
  const double floor = std::chrono::duration<double>(latency->median).count();
  fmt::print("small append + fdatasync          {:8.0f} us median, {:.0f} us worst of 200\n",
             floor * 1e6, std::chrono::duration<double>(latency->worst).count() * 1e6);
  auto store = blob::BlobStore::Open(JoinPath(folder, "blobs"));
  Require(store.status());
  const std::string bytes(4096, 'x');
  constexpr int kFiles = 40;
  for (const int threads : {1, 4, 16}) {
    const double atomic = MedianSeconds([&] {
      OnThreads(threads, [&](int thread) {
        for (int i = 0; i < kFiles; ++i) {
          Require(WriteFileAtomic(fmt::format("{}/atomic/{}-{}", folder, thread, i), bytes));
        }
      });
    });
    const double blobs = MedianSeconds([&] {
      OnThreads(threads, [&](int) {
        for (int i = 0; i < kFiles; ++i) Require((*store)->Put(RandomHex(2048)).status());
      });
    });
    const double count = threads * kFiles;
    fmt::print(
        "WriteFileAtomic 4 KiB, {:2} threads {:8.0f} files/s, {:.2f}x the time of an append\n",
        threads, count / atomic, atomic * threads / count / floor);
    fmt::print("BlobStore::Put 4 KiB, {:2} threads  {:8.0f} blobs/s\n", threads, count / blobs);
  }
}

void BenchHashes(const std::string& folder) {
  constexpr size_t kBytes = 256'000'000;
  const std::string path = JoinPath(folder, "large");
  std::string bytes(kBytes, '\0');
  for (size_t i = 0; i < kBytes; ++i) bytes[i] = static_cast<char>(i * 2654435761u >> 13);
  Require(WriteFileAtomic(path, bytes));
  const std::pair<HashKind, const char*> kinds[] = {{HashKind::kSha256, "sha256sum"},
                                                    {HashKind::kMd5, "md5sum"}};
  for (const auto& [kind, program] : kinds) {
    const double ours = MedianSeconds([&, kind = kind] { Require(HashFile(kind, path).status()); });
    ProcessOptions options;
    options.arguments = {program, path};
    options.on_output = [](std::string_view) {};
    const double theirs =
        MedianSeconds([&] { Require(RunProcess(Context::Background(), options).status()); });
    fmt::print("HashFile as {:<10}             {:8.0f} MB/s, {:.2f}x the rate of {}\n", program,
               kBytes / ours / 1e6, theirs / ours, program);
  }
  const double xxh3 = MedianSeconds([&] {
    std::atomic<uint64_t> result = Xxh3(bytes);
    static_cast<void>(result.load());
  });
  fmt::print("Xxh3                              {:8.0f} MB/s\n", kBytes / xxh3 / 1e6);
}

void SpawnTrue() {
  char name[] = "/bin/true";
  char* arguments[] = {name, nullptr};
  pid_t child = 0;
  if (posix_spawn(&child, name, nullptr, nullptr, arguments, environ) != 0) std::exit(1);
  waitpid(child, nullptr, 0);
}

void BenchProcesses() {
  ProcessOptions options;
  options.arguments = {"/bin/true"};
  constexpr int kRuns = 50;
  for (const size_t megabytes : {0, 1000}) {
    // Memory that we hold must not make the start of a program slower.
    const std::string held(megabytes * 1'000'000, 'x');
    const double ours = MedianSeconds([&] {
      for (int i = 0; i < kRuns; ++i) Require(RunProcess(Context::Background(), options).status());
    });
    const double theirs = MedianSeconds([&] {
      for (int i = 0; i < kRuns; ++i) SpawnTrue();
    });
    fmt::print("RunProcess, {:4} MB held           {:8.2f} ms, {:.2f}x the time of posix_spawn\n",
               megabytes, ours / kRuns * 1e3, ours / theirs);
  }
}

void BenchSmallThings() {
  constexpr int kCalls = 1'000'000;
  telemetry::Registry registry;
  telemetry::Counter& counter = registry.GetCounter("calls_total", "Calls.");
  telemetry::Histogram& histogram =
      registry.GetHistogram("seconds", "Time.", {}, telemetry::LatencyBuckets());
  const double count = MedianSeconds([&] {
    for (int i = 0; i < kCalls; ++i) counter.Increment();
  });
  const double observe = MedianSeconds([&] {
    for (int i = 0; i < kCalls; ++i) histogram.Observe(1e-6 * i);
  });
  const double id = MedianSeconds([&] {
    for (int i = 0; i < kCalls; ++i) NewId(i);
  });
  // Standard error becomes /dev/null for a moment; the time is that of a line and its system call.
  const FileDescriptor saved(dup(STDERR_FILENO));
  const FileDescriptor null(open("/dev/null", O_WRONLY | O_CLOEXEC));
  dup2(null.get(), STDERR_FILENO);
  ConfigureLog(LogLevel::kInfo, LogFormat::kJson);
  const double log = MedianSeconds([&] {
    for (int i = 0; i < kCalls / 10; ++i) CAISSON_LOG(kInfo, "bench", "line {} of many", i);
  });
  dup2(saved.get(), STDERR_FILENO);
  fmt::print("Counter::Increment                {:8.1f} ns\n", count / kCalls * 1e9);
  fmt::print("Histogram::Observe                {:8.1f} ns\n", observe / kCalls * 1e9);
  fmt::print("NewId                             {:8.1f} ns\n", id / kCalls * 1e9);
  fmt::print("a JSON log line to /dev/null      {:8.1f} ns\n", log / (kCalls / 10) * 1e9);
}

int Main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--folder") {
    setenv("TMPDIR", argv[2], 1);
  } else if (argc != 1) {
    std::fputs("usage: base_bench [--folder DIR]\n", stderr);
    return 2;
  }
  auto folder = TemporaryDirectory::Create("caisson-base-bench");
  Require(folder.status());
  BenchDurableWrites(folder->path());
  BenchHashes(folder->path());
  BenchProcesses();
  BenchSmallThings();
  return 0;
}

}  // namespace
}  // namespace caisson

int main(int argc, char** argv) { return caisson::Main(argc, argv); }
