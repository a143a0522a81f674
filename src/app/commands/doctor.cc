// caisson doctor: is this machine fit, and if not, what to do.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <unistd.h>

#include "app/commands/commands.h"
#include "app/data_folder.h"
#include "app/output.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/strings.h"
#include "engines/duckdb/duckdb.h"
#include "engines/onnxruntime/onnxruntime.h"
#include "engines/xgboost/xgboost.h"

namespace caisson::app {
namespace {

enum class Verdict { kGood, kWarning, kBad };

struct Finding {
  std::string check;
  Verdict verdict = Verdict::kGood;
  std::string observed;
  std::string next_step;  // empty when all is well
};

std::string_view VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kGood:
      return "ok";
    case Verdict::kWarning:
      return "warning";
    case Verdict::kBad:
      return "bad";
  }
  return "bad";
}

Finding CheckDisk(const std::string& folder) {
  const Result<DiskSpace> space = GetDiskSpace(folder);
  if (!space.ok())
    return {"disk space", Verdict::kBad, Message(space.status()),
            "Choose another folder with --data."};
  Finding finding{"disk space", Verdict::kGood, HumanBytes(space->free_bytes) + " free", ""};
  if (space->free_bytes < (1ull << 30)) {
    finding.verdict = space->free_bytes < (100ull << 20) ? Verdict::kBad : Verdict::kWarning;
    finding.next_step =
        "Free some space: below 1 GB a training run may not fit, below 100 MB writes are at risk.";
  }
  return finding;
}

Finding CheckSync(const std::string& folder) {
  const std::string path = JoinPath(folder, ".doctor-sync");
  const int descriptor = ::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    return {"fsync latency", Verdict::kBad, Message(ErrnoStatus(errno, "write to " + folder)),
            "Make the folder writable, or choose another with --data."};
  }
  const FileDescriptor file(descriptor);
  std::vector<double> millis;
  for (int i = 0; i < 20; ++i) {
    const auto start = std::chrono::steady_clock::now();
    if (!WriteAll(file.get(), "doctor").ok() || ::fdatasync(file.get()) != 0) {
      return {"fsync latency", Verdict::kBad, Message(ErrnoStatus(errno, "sync " + path)),
              "Check the disk and its mount."};
    }
    millis.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
            .count());
  }
  ::unlink(path.c_str());
  std::sort(millis.begin(), millis.end());
  const double median = millis[millis.size() / 2];
  Finding finding{"fsync latency", Verdict::kGood, fmt::format("{:.2f} ms (median of 20)", median),
                  ""};
  if (median > 20) {
    finding.verdict = Verdict::kWarning;
    finding.next_step =
        "Every registry change waits for this disk; a local SSD answers in under 5 ms.";
  }
  return finding;
}

Finding CheckClock() {
  timex state{};
  const int code = ::adjtimex(&state);
  Finding finding{"clock", Verdict::kGood, FormatTime(SystemClock().now()), ""};
  if (SystemClock().now() < 1'700'000'000'000) {
    finding.verdict = Verdict::kBad;
    finding.next_step =
        "The clock stands in the past; set it, or history and tokens will be wrong.";
  } else if (code == TIME_ERROR || (state.status & STA_UNSYNC) != 0) {
    finding.observed += ", not synchronised";
    finding.verdict = Verdict::kWarning;
    finding.next_step =
        "Run a time service (systemd-timesyncd or chrony) when several machines work together.";
  } else {
    finding.observed += ", synchronised";
  }
  return finding;
}

Finding CheckPort(int port, std::string_view use) {
  const FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int yes = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  const std::string check = fmt::format("port {} ({})", port, use);
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
    return {check, Verdict::kGood, "free", ""};
  }
  return {check, Verdict::kWarning, "in use",
          fmt::format("Choose another with --{} 127.0.0.1:PORT, or 0 for any.", use)};
}

Finding CheckEngine(std::string_view name, const Result<std::string>& version) {
  if (version.ok()) return {std::string(name), Verdict::kGood, *version, ""};
  return {std::string(name), Verdict::kBad, Message(version.status()),
          "Run ./dev setup, or install the library."};
}

Finding CheckHolder(const std::string& folder) {
  const auto holder = DataFolder::FindHolder(folder);
  if (!holder.has_value())
    return {"data folder", Verdict::kGood, AbsolutePath(folder) + ", not in use", ""};
  return {"data folder", Verdict::kGood,
          fmt::format("{}, held by pid {} ({}) since {}{}", AbsolutePath(folder), holder->pid,
                      holder->command, FormatTime(holder->since),
                      holder->http_address.empty() ? "" : " at http://" + holder->http_address),
          ""};
}

Result<int> RunDoctor(const Invocation& invocation) {
  const std::string& data = invocation.Value("data");
  std::string probe = AbsolutePath(data);
  while (!FileExists(probe) && probe != "/") probe = ParentPath(probe);
  const auto holder = DataFolder::FindHolder(data);
  std::vector<Finding> findings = {CheckHolder(data), CheckDisk(probe), CheckSync(probe),
                                   CheckClock()};
  if (!holder.has_value()) {
    findings.push_back(CheckPort(4600, "http"));
  }
  findings.push_back(CheckEngine("DuckDB", duckdb::Version()));
  findings.push_back(CheckEngine("ONNX Runtime", onnxruntime::Version()));
  findings.push_back(CheckEngine("XGBoost", xgboost::Version()));

  bool bad = false;
  Json json = Json::MakeArray();
  TextTable table({"check", "state", "observed"});
  std::string steps;
  for (const Finding& finding : findings) {
    bad = bad || finding.verdict == Verdict::kBad;
    json.Append(Json::Of({{"check", finding.check},
                          {"state", VerdictName(finding.verdict)},
                          {"observed", finding.observed},
                          {"next_step", finding.next_step}}));
    table.Add({finding.check, std::string(VerdictName(finding.verdict)), finding.observed});
    if (!finding.next_step.empty())
      steps += fmt::format("  {}: {}\n", finding.check, finding.next_step);
  }
  if (invocation.json_output()) {
    PrintJson(Json::Of({{"healthy", !bad}, {"checks", json}}));
  } else {
    Print(table.ToString());
    if (!steps.empty()) Print("\nWhat to do:\n" + steps);
  }
  return bad ? kExitFailed : kExitOk;
}

}  // namespace

std::vector<Command> DoctorCommands() {
  Command command;
  command.path = "doctor";
  command.summary = "Checks disk, fsync latency, clock, ports and engines, and says what to do.";
  command.example = "caisson doctor";
  command.options = {{"data", "The data folder", OptionKind::kValue, "./caisson-data", "DIR"}};
  command.run = RunDoctor;
  return {command};
}

}  // namespace caisson::app
