// caisson up: the server.
#include <unistd.h>

#include "app/application.h"
#include "app/commands/commands.h"
#include "app/output.h"
#include "app/shutdown.h"
#include "app/version.h"
#include "base/config.h"
#include "base/files.h"
#include "base/log.h"
#include "base/strings.h"
#include "base/yaml.h"

extern char** environ;

namespace caisson::app {
namespace {

const std::vector<SettingSpec>& Settings() {
  static const std::vector<SettingSpec> settings = {
      {"data", SettingKind::kString, "./caisson-data", "The data folder"},
      {"http", SettingKind::kString, "127.0.0.1:4600",
       "Where to serve HTTP; port 0 picks a free one"},
      {"listen", SettingKind::kString, "", "More addresses, separated by commas"},
      {"token-file", SettingKind::kString, "",
       "Who may come in; needed for any address but loopback (see `caisson token create`)"},
      {"ready-file", SettingKind::kString, "",
       "Gets the addresses and the pid as JSON once the server is ready"},
      {"log-level", SettingKind::kString, "info", "debug, info, warning or error"},
      {"workers", SettingKind::kInt, "0", "Worker threads; 0 chooses"},
      {"io-threads", SettingKind::kInt, "0", "I/O threads; 0 chooses"},
      {"job-threads", SettingKind::kInt, "2", "Jobs that run at a time"},
  };
  return settings;
}

// Variables that other parts of the program read by themselves.
const std::vector<std::string>& OtherVariables() {
  static const std::vector<std::string> names = {"CAISSON_URL",
                                                 "CAISSON_TOKEN",
                                                 "CAISSON_PROJECT_DIR",
                                                 "CAISSON_ENGINES_DIR",
                                                 "CAISSON_DUCKDB_LIBRARY",
                                                 "CAISSON_ONNXRUNTIME_LIBRARY",
                                                 "CAISSON_XGBOOST_LIBRARY",
                                                 "CAISSON_JOBS",
                                                 "CAISSON_PACKAGES",
                                                 "CAISSON_BINARY",
                                                 "CAISSON_FAULT_ROUNDS"};
  return names;
}

Result<Config> LoadConfig(const Invocation& invocation) {
  Config::Sources sources;
  sources.flags = invocation.GivenValues();
  sources.flags.erase("show-config");  // a question, no setting
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const size_t equals = text.find('=');
    if (equals != std::string_view::npos)
      sources.environment[std::string(text.substr(0, equals))] = text.substr(equals + 1);
  }
  sources.file_name = "caisson.yaml";
  if (FileExists(sources.file_name)) {
    CAISSON_ASSIGN(const YamlDocument document, ReadYamlFile(sources.file_name));
    sources.file = document.value["server"];
  }
  return Config::Load(Settings(), sources, OtherVariables());
}

void PrintBanner(const std::string& address, const std::string& folder) {
  const std::string url = "http://" + address;
  if (!OutputIsTerminal()) {
    CAISSON_LOG(kInfo, "app", "caisson {} serves {} from {}", Version(), url, folder);
    return;
  }
  Print(fmt::format(
      "{} {}\n\n  address  {}\n  data     {}\n\n"
      "Copy what you need:\n"
      "  export MLFLOW_TRACKING_URI={}\n"
      "  export CAISSON_URL={}\n"
      "  curl {}/v2/models/MODEL            # Open Inference Protocol; tritonclient takes {}\n\n"
      "Ctrl-C ends it; the data is kept.\n",
      Paint("caisson", Colour::kBold), Version(), url, folder, url, url, url, address));
}

Result<int> RunUp(const Invocation& invocation) {
  CAISSON_ASSIGN(const Config config, LoadConfig(invocation));
  CAISSON_ASSIGN(const LogLevel level, ParseLogLevel(config.String("log-level")));
  ConfigureLog(level, LogFormat::kAuto);
  if (invocation.Flag("show-config")) {
    PrintJson(config.Describe());
    return kExitOk;
  }
  CatchShutdownSignals();
  Application::Options options;
  options.data_folder = config.String("data");
  options.command = "caisson up";
  options.workers = static_cast<int>(config.Int("workers"));
  options.io_threads = static_cast<int>(config.Int("io-threads"));
  options.job_threads = static_cast<int>(config.Int("job-threads"));
  CAISSON_ASSIGN(const std::unique_ptr<Application> application, Application::Open(options));
  std::vector<std::string> addresses = {config.String("http")};
  for (const std::string& address : Split(config.String("listen"), ',')) {
    if (!address.empty()) addresses.push_back(address);
  }
  CAISSON_ASSIGN(const std::vector<std::string> listening,
                 application->Listen(addresses, config.String("token-file")));
  if (!config.String("ready-file").empty()) {
    const Json ready =
        Json::Of({{"http", listening.front()}, {"pid", static_cast<int64_t>(::getpid())}});
    CAISSON_TRY(WriteFileAtomic(config.String("ready-file"), WriteJson(ready) + "\n"));
  }
  PrintBanner(listening.front(), application->layout().root);
  WaitForShutdownSignal();
  CAISSON_LOG(kInfo, "app", "draining; a second signal ends at once");
  application->Stop();
  return kExitOk;
}

}  // namespace

std::vector<Command> UpCommands() {
  Command command;
  command.path = "up";
  command.summary = "Starts the server: all protocols on one address, everything in one folder.";
  command.example =
      "caisson up\ncaisson up --data /srv/caisson --http 127.0.0.1:0 --ready-file ready.json";
  for (const SettingSpec& setting : Settings()) {
    command.options.push_back(
        {setting.name,
         setting.help + (setting.fallback.empty() ? "" : " (default " + setting.fallback + ")"),
         OptionKind::kValue, "", "VALUE"});
  }
  command.options.push_back(
      {"show-config", "Prints each setting with its origin and ends", OptionKind::kFlag, "", ""});
  command.run = RunUp;
  return {command};
}

}  // namespace caisson::app
