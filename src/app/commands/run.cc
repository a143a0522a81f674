// caisson run and caisson plan.
#include "app/api_client.h"
#include "app/application.h"
#include "app/commands/commands.h"
#include "app/commands/server_options.h"
#include "app/output.h"
#include "base/files.h"
#include "base/strings.h"
#include "base/yaml.h"

namespace caisson::app {
namespace {

// Turns the lines of a run's log into what a person follows.
class RunPrinter {
 public:
  explicit RunPrinter(bool json) : json_(json) {}

  void Show(const Json& line) {
    if (json_) {
      Print(WriteJson(line) + "\n");
      return;
    }
    const std::string& step = line["step"].AsString();
    const std::string& state = line["state"].AsString();
    const std::string& detail = line["detail"].AsString();
    const std::string time = line["seconds"].is_number()
                                 ? HumanDuration(std::chrono::nanoseconds(
                                       static_cast<int64_t>(line["seconds"].AsDouble() * 1e9)))
                                 : "";
    if (state == "started") {
      progress_.Update(fmt::format("  ...  {:<16}{}", step, detail));
      return;
    }
    progress_.Clear();
    if (state == "output") {
      Print(Paint(fmt::format("       {:<16}| {}", "", detail), Colour::kDim) + "\n");
    } else if (state == "done") {
      Print(fmt::format("  {}   {:<16}{}  {}\n", Paint("ok", Colour::kGreen), step, detail,
                        Paint(time, Colour::kDim)));
    } else if (state == "skipped") {
      Print(fmt::format("  {}   {:<16}{}\n", Paint("--", Colour::kDim), step, detail));
    } else {
      Print(fmt::format("  {}  {:<16}{}\n", Paint("bad", Colour::kRed), step, detail));
    }
  }

  void Clear() { progress_.Clear(); }

 private:
  bool json_;
  ProgressLine progress_;
};

// Follows a job to its end; an error when it did not succeed.
Result<Json> FollowJob(ApiClient& client, const std::string& id, bool json) {
  RunPrinter printer(json);
  Json job;
  CAISSON_TRY(client.Follow(http::Method::kGet, "/api/v1/jobs/" + id + "/follow", Json(),
                            [&](const Json& line) -> Status {
                              if (line["job"].is_object()) {
                                job = line["job"];
                                return OkStatus();
                              }
                              CAISSON_ASSIGN(const Json entry, ParseJson(line["line"].AsString()));
                              printer.Show(entry);
                              return OkStatus();
                            }));
  printer.Clear();
  if (job["state"].AsString() == "succeeded") return job;
  return FailedPrecondition("the run did not finish: {}", job["error"].AsString());
}

// What `caisson run` works through: whoever holds the folder, or this process, which then serves on
// a free loopback port so that other commands can look in meanwhile.
class RunSession {
 public:
  static Result<std::unique_ptr<RunSession>> Open(const Invocation& invocation) {
    auto session = std::make_unique<RunSession>();
    const auto holder = DataFolder::FindHolder(invocation.Value("data"));
    // The same order as ApiClient::Connect: a folder that was named beats the environment.
    const bool named_server = invocation.Given("server") ||
                              (!invocation.Given("data") && std::getenv("CAISSON_URL") != nullptr);
    const bool elsewhere = named_server || (holder.has_value() && !holder->http_address.empty());
    if (!elsewhere) {
      CAISSON_ASSIGN(
          session->application_,
          Application::Open({.data_folder = invocation.Value("data"), .command = "caisson run"}));
      CAISSON_TRY(session->application_->Listen({"127.0.0.1:0"}, ""));
    }
    CAISSON_ASSIGN(session->client_, ApiClient::Connect(invocation));
    return session;
  }
  ApiClient& client() { return *client_; }

 private:
  std::unique_ptr<Application> application_;
  std::unique_ptr<ApiClient> client_;
};

Result<Json> ParseOverrides(const std::vector<std::string>& texts) {
  Json overrides;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos)
      return InvalidArgument("--set {}: expected NAME=VALUE, for example prepare.as_of=2001-06-01",
                             text);
    CAISSON_ASSIGN(const YamlDocument value,
                   ParseYaml(text.substr(equals + 1), "--set " + text.substr(0, equals)));
    overrides.Set(text.substr(0, equals), value.value);
  }
  return overrides;
}

Result<int> Run(const Invocation& invocation) {
  CAISSON_ASSIGN(const Json overrides, ParseOverrides(invocation.List("set")));
  CAISSON_ASSIGN(const std::unique_ptr<RunSession> session, RunSession::Open(invocation));
  Json request = Json::Of({{"folder", AbsolutePath(invocation.Value("project"))},
                           {"targets", Json::ArrayOf(invocation.Arguments("stage"))},
                           {"force", invocation.Flag("force")}});
  if (!overrides.is_null()) request.Set("overrides", overrides);
  CAISSON_ASSIGN(const Json started, session->client().Post("/api/v1/projects/run", request));
  CAISSON_ASSIGN(const Json job, FollowJob(session->client(), started["job_id"].AsString(),
                                           invocation.json_output()));
  if (invocation.json_output()) {
    Print(WriteJson(Json::Of({{"result", job["result"]}})) + "\n");
    return kExitOk;
  }
  for (const Json& model : job["result"]["models"].array()) {
    const bool admitted = model["admitted"].AsBool();
    Print(fmt::format("\n{} version {} was {}.\n", model["model"].AsString(),
                      model["version"].AsInt(),
                      admitted ? "admitted" : "refused by its gate; the champion stays"));
    Print(fmt::format("Next: caisson explain model_version {}/{}\n", model["model"].AsString(),
                      model["version"].AsInt()));
  }
  return kExitOk;
}

Result<int> Plan(const Invocation& invocation) {
  CAISSON_ASSIGN(const std::unique_ptr<ApiClient> client, ApiClient::Connect(invocation));
  CAISSON_ASSIGN(const Json plan,
                 client->Post("/api/v1/projects/plan",
                              Json::Of({{"folder", AbsolutePath(invocation.Value("project"))}})));
  if (invocation.json_output()) {
    PrintJson(plan);
    return kExitOk;
  }
  TextTable table({"what", "name", "action", "reason"});
  for (const char* section : {"data", "stages", "models", "endpoints", "monitors"}) {
    for (const Json& item : plan[section].array()) {
      table.Add(
          {section, item["name"].AsString(), item["action"].AsString(), item["reason"].AsString()});
    }
  }
  Print(table.ToString());
  return kExitOk;
}

}  // namespace

std::vector<Command> RunCommands() {
  Command run;
  run.path = "run";
  run.summary =
      "Makes caisson.yaml true: data, checks, stages, candidates, gate, endpoints, monitors.";
  run.example =
      "caisson run\ncaisson run --set prepare.as_of=2001-06-01     # in a copy, with another "
      "parameter";
  run.options = {{"project", "The folder with caisson.yaml", OptionKind::kValue, ".", "DIR"},
                 {"force", "Run stages even where nothing changed", OptionKind::kFlag, "", ""},
                 {"set", "Another value for a parameter of params.yaml (repeatable)",
                  OptionKind::kList, "", "NAME=VALUE"}};
  run.positionals = {{"stage", "Only these stages, with what they need", false, true}};
  AddServerOptions(run);
  run.run = Run;

  Command plan;
  plan.path = "plan";
  plan.summary = "Shows what `caisson run` would do, and why; changes nothing.";
  plan.example = "caisson plan";
  plan.options = {{"project", "The folder with caisson.yaml", OptionKind::kValue, ".", "DIR"}};
  AddServerOptions(plan);
  plan.run = Plan;
  return {run, plan};
}

}  // namespace caisson::app
