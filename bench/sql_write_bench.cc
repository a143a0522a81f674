// How many small rows a second go durably through sql::Database::Write, by threads and rows a
// write; beside it the same rows through SQLite's own C API on one thread, one transaction a batch.
//
//   sql_write_bench [--seconds S] [--folder DIR] [--durability full|normal]
//
// Each figure is the median of three rounds on a new file in a temporary folder below DIR (default:
// the system's), which must be on the disk to be measured.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <sqlite3.h>

#include "base/files.h"
#include "platform/sql/database.h"

namespace caisson {
namespace {

using std::chrono::steady_clock;

struct Settings {
  double seconds = 2;
  std::string folder;
  sql::Durability durability = sql::Durability::kFull;
};

// The shape of a tracked metric.
constexpr std::string_view kTable =
    "CREATE TABLE metrics (run_id TEXT NOT NULL, key TEXT NOT NULL, step INTEGER NOT NULL, time "
    "INTEGER NOT NULL,"
    " value REAL, PRIMARY KEY (run_id, key, step)) WITHOUT ROWID";
constexpr std::string_view kInsert =
    "INSERT INTO metrics (run_id, key, step, time, value) VALUES ($1, $2, $3, $4, $5)";

[[noreturn]] void Fail(std::string_view what) {
  std::fprintf(stderr, "sql_write_bench: %.*s\n", static_cast<int>(what.size()), what.data());
  std::exit(1);
}

std::string RunName(int thread) { return fmt::format("{:032x}", thread); }

struct Outcome {
  double rows_per_second = 0;
  double p50_millis = 0;  // of one write
  double p99_millis = 0;
};

std::string NewFile(const Settings& settings, std::string_view name) {
  return fmt::format("{}/{}.db", settings.folder, name);
}

Outcome MeasureWriter(const Settings& settings, int threads, int rows) {
  const SystemClock clock;
  telemetry::Registry metrics;
  const std::string path = NewFile(settings, "writer");
  for (const char* suffix : {"", "-wal", "-shm"}) (void)RemoveFile(path + suffix);
  sql::DatabaseOptions options;
  options.path = path;
  options.durability = settings.durability;
  auto database = sql::Database::Open(options, clock, metrics);
  if (!database.ok()) Fail(database.status().ToString());
  const Status migrated = (*database)->Migrate({"bench", {{1, "metrics", kTable}}});
  if (!migrated.ok()) Fail(migrated.ToString());

  std::atomic<bool> stop{false};
  std::atomic<int64_t> total{0};
  std::vector<std::vector<double>> latencies(threads);
  std::vector<std::thread> workers;
  const auto start = steady_clock::now();
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      const std::string run = RunName(t);
      int64_t step = 0;
      while (!stop) {
        const auto begin = steady_clock::now();
        const int64_t first = step;
        const Status status =
            (*database)->Write(Context::Background(), [&](sql::Transaction& transaction) -> Status {
              for (int64_t s = first; s < first + rows; ++s) {
                CAISSON_TRY(
                    transaction.Execute(kInsert, {run, "loss", s, 1'700'000'000'000 + s, 0.5}));
              }
              return OkStatus();
            });
        if (!status.ok()) Fail(status.ToString());
        step += rows;
        latencies[t].push_back(
            std::chrono::duration<double, std::milli>(steady_clock::now() - begin).count());
      }
      total += step;
    });
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(settings.seconds));
  stop = true;
  for (std::thread& worker : workers) worker.join();
  const double seconds = std::chrono::duration<double>(steady_clock::now() - start).count();

  std::vector<double> all;
  for (const auto& some : latencies) all.insert(all.end(), some.begin(), some.end());
  std::sort(all.begin(), all.end());
  return {static_cast<double>(total) / seconds, all[all.size() / 2], all[all.size() * 99 / 100]};
}

Outcome MeasureSqlite(const Settings& settings, int rows) {
  const std::string path = NewFile(settings, "sqlite");
  for (const char* suffix : {"", "-wal", "-shm"}) (void)RemoveFile(path + suffix);
  sqlite3* handle = nullptr;
  const auto run = [&](std::string_view text) {
    if (sqlite3_exec(handle, std::string(text).c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
      Fail(sqlite3_errmsg(handle));
  };
  if (sqlite3_open(path.c_str(), &handle) != SQLITE_OK) Fail("open");
  run("PRAGMA journal_mode=WAL; PRAGMA cache_size=-16000;");
  run(settings.durability == sql::Durability::kFull ? "PRAGMA synchronous=FULL"
                                                    : "PRAGMA synchronous=NORMAL");
  run(kTable);
  const auto prepare = [&](std::string_view text) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(handle, text.data(), static_cast<int>(text.size()), &statement,
                           nullptr) != SQLITE_OK)
      Fail("prepare");
    return statement;
  };
  sqlite3_stmt* begin = prepare("BEGIN IMMEDIATE");
  sqlite3_stmt* commit = prepare("COMMIT");
  sqlite3_stmt* insert = prepare(kInsert);
  const auto step_once = [&](sqlite3_stmt* statement) {
    if (sqlite3_step(statement) != SQLITE_DONE) Fail(sqlite3_errmsg(handle));
    sqlite3_reset(statement);
  };
  const std::string name = RunName(0);
  std::vector<double> latencies;
  int64_t step = 0;
  const auto start = steady_clock::now();
  while (std::chrono::duration<double>(steady_clock::now() - start).count() < settings.seconds) {
    const auto began = steady_clock::now();
    step_once(begin);
    for (int i = 0; i < rows; ++i, ++step) {
      sqlite3_bind_text(insert, 1, name.data(), static_cast<int>(name.size()), SQLITE_STATIC);
      sqlite3_bind_text(insert, 2, "loss", 4, SQLITE_STATIC);
      sqlite3_bind_int64(insert, 3, step);
      sqlite3_bind_int64(insert, 4, 1'700'000'000'000 + step);
      sqlite3_bind_double(insert, 5, 0.5);
      step_once(insert);
    }
    step_once(commit);
    latencies.push_back(
        std::chrono::duration<double, std::milli>(steady_clock::now() - began).count());
  }
  const double seconds = std::chrono::duration<double>(steady_clock::now() - start).count();
  for (sqlite3_stmt* statement : {begin, commit, insert}) sqlite3_finalize(statement);
  sqlite3_close(handle);
  std::sort(latencies.begin(), latencies.end());
  return {static_cast<double>(step) / seconds, latencies[latencies.size() / 2],
          latencies[latencies.size() * 99 / 100]};
}

template <typename Function>
Outcome Median(const Function& measure) {
  std::vector<Outcome> rounds;
  for (int i = 0; i < 3; ++i) rounds.push_back(measure());
  std::sort(rounds.begin(), rounds.end(), [](const Outcome& a, const Outcome& b) {
    return a.rows_per_second < b.rows_per_second;
  });
  return rounds[1];
}

int Run(Settings settings) {
  std::printf("durability %s, %.1f s a round, medians of 3\n",
              settings.durability == sql::Durability::kFull ? "full" : "normal", settings.seconds);
  std::printf("%-28s %8s %6s %12s %10s %10s %8s\n", "", "threads", "rows", "rows/s", "p50 ms",
              "p99 ms", "ratio");
  constexpr int kShapes[][2] = {{1, 1},   {64, 1},   {256, 1},  {16, 10},
                                {64, 10}, {64, 100}, {4, 1000}, {8, 1000}};
  for (const auto& [threads, rows] : kShapes) {
    const Outcome plain = Median([&] { return MeasureSqlite(settings, rows); });
    const Outcome ours = Median([&] { return MeasureWriter(settings, threads, rows); });
    std::printf("%-28s %8d %6d %12.0f %10.3f %10.3f\n", "sqlite3 C API", 1, rows,
                plain.rows_per_second, plain.p50_millis, plain.p99_millis);
    std::printf("%-28s %8d %6d %12.0f %10.3f %10.3f %8.2f\n", "sql::Database::Write", threads, rows,
                ours.rows_per_second, ours.p50_millis, ours.p99_millis,
                ours.rows_per_second / plain.rows_per_second);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace caisson

int main(int argc, char** argv) {
  caisson::Settings settings;
  std::string parent;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    if (flag == "--seconds") {
      settings.seconds = std::atof(argv[i + 1]);
    } else if (flag == "--folder") {
      parent = argv[i + 1];
    } else if (flag == "--durability") {
      settings.durability = std::string_view(argv[i + 1]) == "normal"
                                ? caisson::sql::Durability::kNormal
                                : caisson::sql::Durability::kFull;
    } else {
      caisson::Fail(
          "usage: sql_write_bench [--seconds S] [--folder DIR] [--durability full|normal]");
    }
  }
  // TemporaryDirectory follows TMPDIR.
  if (!parent.empty()) setenv("TMPDIR", parent.c_str(), 1);
  const auto folder = caisson::TemporaryDirectory::Create("caisson-bench");
  if (!folder.ok()) caisson::Fail(folder.status().ToString());
  settings.folder = folder->path();
  return caisson::Run(settings);
}
