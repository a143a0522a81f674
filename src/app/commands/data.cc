// caisson data: versions, checks, profiles and leaks of data.
#include <unistd.h>

#include "app/api_client.h"
#include "app/commands/commands.h"
#include "app/commands/server_options.h"
#include "app/output.h"
#include "base/files.h"
#include "base/strings.h"
#include "lifecycle/data/check_catalogue.h"
#include "lifecycle/data/checks.h"
#include "lifecycle/data/leak_check.h"
#include "lifecycle/data/profile.h"
#include "lifecycle/data/repository.h"
#include "lifecycle/data/suggest.h"
#include "lifecycle/data/table_diff.h"

namespace caisson::app {
namespace {

const Context kContext = Context::Background();

// A database that spills into `folder`.
Result<std::unique_ptr<duckdb::Database>> OpenEngine(const TemporaryDirectory& folder) {
  return duckdb::Database::Open(
      {.threads = 2, .memory_limit = "1GB", .temporary_directory = folder.path()});
}

Result<int> Check(const Invocation& invocation) {
  if (!invocation.Given("suite")) {
    return InvalidArgument(
        "--suite is missing: which checks? `caisson data suggest {}` writes a first suite",
        invocation.Argument("file"));
  }
  CAISSON_ASSIGN(const data::CheckSuite suite, data::ReadCheckSuite(invocation.Value("suite")));
  CAISSON_ASSIGN(const TemporaryDirectory folder, TemporaryDirectory::Create());
  CAISSON_ASSIGN(const auto engine, OpenEngine(folder));
  CAISSON_ASSIGN(const data::CheckReport report,
                 data::RunChecks(kContext, *engine, suite, invocation.Argument("file")));
  if (invocation.Given("junit"))
    CAISSON_TRY(WriteFileAtomic(invocation.Value("junit"), report.ToJUnit()));
  if (invocation.Given("html"))
    CAISSON_TRY(WriteFileAtomic(invocation.Value("html"), report.ToHtml()));
  if (invocation.json_output()) {
    PrintJson(report.ToJson());
  } else {
    Print(report.ToText());
  }
  return report.passed ? kExitOk : kExitFailed;
}

std::string Cell(const Json& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return value.AsString();
  if (value.is_double()) return fmt::format("{:.6g}", value.AsDouble());
  return value.is_int() ? HumanCount(value.AsInt()) : WriteJson(value);
}

Result<data::TableDescription> Describe(const std::string& file) {
  CAISSON_ASSIGN(const TemporaryDirectory folder, TemporaryDirectory::Create());
  CAISSON_ASSIGN(const auto engine, OpenEngine(folder));
  if (!FileExists(file)) return NotFound("there is no file {}", file);
  return data::DescribeTable(kContext, *engine, file);
}

Result<int> Profile(const Invocation& invocation) {
  CAISSON_ASSIGN(const data::TableDescription description, Describe(invocation.Argument("file")));
  if (invocation.json_output()) {
    PrintJson(Json::Of({{"schema", description.schema}, {"profile", description.profile}}));
    return kExitOk;
  }
  TextTable table(
      {"column", "type", "nulls", "distinct", "min", "median", "mean", "max", "most frequent"});
  for (const Json& column : description.profile["columns"].array()) {
    const Json& top = column["top"][0];
    table.Add(
        {column["name"].AsString(), column["type"].AsString(), Cell(column["nulls"]),
         Cell(column["distinct"]), Cell(column["min"]), Cell(column["quantiles"]["0.5"]),
         Cell(column["mean"]), Cell(column["max"]),
         top.is_null() ? "-" : fmt::format("{} ({})", Cell(top["value"]), Cell(top["count"]))});
  }
  Print(table.ToString());
  Print(fmt::format("\n{} rows; distinct counts are estimates\n",
                    HumanCount(description.profile["rows"].AsInt())));
  return kExitOk;
}

Result<int> Suggest(const Invocation& invocation) {
  const std::string& file = invocation.Argument("file");
  CAISSON_ASSIGN(const data::TableDescription description, Describe(file));
  Print(data::SuggestSuite(description, file));
  return kExitOk;
}

Result<int> LeakCheck(const Invocation& invocation) {
  data::LeakCheck check;
  check.script.file = invocation.Value("file");
  for (const std::string& text : invocation.List("input")) {
    CAISSON_ASSIGN(data::NamedFile input, data::ParseNamedFile(text));
    check.script.inputs.push_back(std::move(input));
  }
  if (invocation.Given("params")) {
    CAISSON_ASSIGN(check.script.parameters, data::ReadParameters(invocation.Value("params")));
  }
  for (const char* required : {"file", "time", "label"}) {
    if (invocation.Value(required).empty()) return InvalidArgument("--{} is missing", required);
  }
  check.input = invocation.Value("label-input");
  check.time = invocation.Value("time");
  check.label = invocation.Value("label");
  check.target = invocation.Value("target");
  check.relations = invocation.List("relation");
  check.moments = invocation.List("at");
  CAISSON_ASSIGN(check.horizon, ParseDuration(invocation.Value("horizon")));
  CAISSON_ASSIGN(check.window, ParseDuration(invocation.Value("window")));
  ProgressLine progress;
  check.progress = [&](std::string_view text) {
    progress.Update(fmt::format("running the script {}", text));
  };
  const Result<data::LeakReport> report = data::CheckLeakage(kContext, check);
  progress.Clear();
  CAISSON_TRY(report);
  if (invocation.json_output()) {
    PrintJson(report->ToJson());
  } else {
    Print(report->ToText());
  }
  return report->passed() ? kExitOk : kExitFailed;
}

Result<int> Diff(const Invocation& invocation) {
  CAISSON_ASSIGN(const TemporaryDirectory folder, TemporaryDirectory::Create());
  CAISSON_ASSIGN(const auto engine, OpenEngine(folder));
  CAISSON_ASSIGN(const data::TableDiff diff,
                 data::CompareTables(kContext, *engine, invocation.Argument("before"),
                                     invocation.Argument("after"), invocation.List("key")));
  if (invocation.json_output()) {
    PrintJson(diff.ToJson());
  } else {
    Print(diff.ToText());
  }
  return diff.same() ? kExitOk : kExitFailed;
}

Result<int> Kinds(const Invocation& invocation) {
  const Json kinds = data::CheckCatalogue();
  if (invocation.json_output()) {
    PrintJson(kinds);
    return kExitOk;
  }
  TextTable table({"check", "of", "example", "meaning"});
  for (const Json& kind : kinds.array()) {
    table.Add({kind["name"].AsString(), kind["scope"].AsString(), kind["example"].AsString(),
               kind["summary"].AsString()});
  }
  Print(table.ToString());
  return kExitOk;
}

Result<int> ListVersions(const Invocation& invocation) {
  CAISSON_ASSIGN(const std::unique_ptr<ApiClient> client, ApiClient::Connect(invocation));
  const std::string& path = invocation.Argument("path");
  CAISSON_ASSIGN(
      const Json versions,
      client->Get("/api/v1/datasets" + (path.empty() ? "" : "?path=" + PercentEncode(path))));
  if (invocation.json_output()) {
    PrintJson(versions);
    return kExitOk;
  }
  TextTable table({"name", "size", "rows", "created"});
  for (const Json& version : versions["items"].array()) {
    table.Add({version["name"].AsString(), HumanBytes(version["size"].AsUint()),
               Cell(version["rows"]), version["created_at"].AsString()});
  }
  Print(table.ToString("No data yet. `caisson run` records what a project reads.\n"));
  return kExitOk;
}

Result<int> ListCheckRuns(const Invocation& invocation) {
  CAISSON_ASSIGN(const std::unique_ptr<ApiClient> client, ApiClient::Connect(invocation));
  const std::string& dataset = invocation.Argument("dataset");
  CAISSON_ASSIGN(const Json runs,
                 client->Get("/api/v1/check-runs" +
                             (dataset.empty() ? "" : "?dataset=" + PercentEncode(dataset))));
  if (invocation.json_output()) {
    PrintJson(runs);
    return kExitOk;
  }
  TextTable table({"dataset", "suite", "result", "checks", "time"});
  for (const Json& run : runs["items"].array()) {
    table.Add({run["dataset"].AsString(), run["suite"].AsString(),
               run["passed"].AsBool() ? "passed" : "failed",
               Cell(Json(static_cast<int64_t>(run["report"]["results"].size()))),
               run["time"].AsString()});
  }
  Print(table.ToString("No checks yet. `caisson run` keeps the results of a project's checks.\n"));
  return kExitOk;
}

Json ToJson(const data::OutEntry& entry) {
  return Json::Of({{"path", entry.path},
                   {"md5", entry.md5},
                   {"size", entry.size},
                   {"files", entry.file_count}});
}

Result<int> Add(const Invocation& invocation) {
  CAISSON_ASSIGN(const auto repository, data::Repository::OpenOrInit("."));
  Json added = Json::MakeArray();
  for (const std::string& path : invocation.Arguments("path")) {
    ProgressLine progress;
    CAISSON_ASSIGN(
        const data::OutEntry entry,
        repository->Add(kContext, AbsolutePath(path),
                        [&](int64_t done, int64_t total, int64_t bytes) {
                          progress.Update(fmt::format("{}: {} of {} files, {}", path,
                                                      HumanCount(done), HumanCount(total),
                                                      HumanBytes(static_cast<uint64_t>(bytes))));
                        }));
    progress.Clear();
    added.Append(ToJson(entry));
    if (invocation.json_output()) continue;
    Print(fmt::format(
        "{}  {}  {}{}\n", entry.md5, entry.path, HumanBytes(static_cast<uint64_t>(entry.size)),
        entry.is_folder ? fmt::format(" in {} files", HumanCount(entry.file_count)) : ""));
  }
  if (invocation.json_output()) PrintJson(added);
  return kExitOk;
}

Result<int> ShowStatus(const Invocation& invocation) {
  CAISSON_ASSIGN(const auto repository, data::Repository::Open("."));
  CAISSON_ASSIGN(const std::vector<data::TrackedState> states, repository->States(kContext));
  Json json = Json::MakeArray();
  TextTable table({"path", "state", "size"});
  bool clean = true;
  for (const data::TrackedState& state : states) {
    clean = clean && state.state == "unchanged";
    Json item = ToJson(state.recorded);
    item.Set("state", state.state);
    json.Append(std::move(item));
    table.Add(
        {state.recorded.path, state.state, HumanBytes(static_cast<uint64_t>(state.recorded.size))});
  }
  if (invocation.json_output()) {
    PrintJson(json);
    return kExitOk;
  }
  Print(table.ToString("Nothing is tracked. `caisson data add PATH` tracks a file or a folder.\n"));
  if (clean && !states.empty()) Print("\nEverything is as recorded.\n");
  return kExitOk;
}

Result<int> Checkout(const Invocation& invocation) {
  CAISSON_ASSIGN(const auto repository, data::Repository::Open("."));
  for (const std::string& path : invocation.Arguments("path")) {
    CAISSON_ASSIGN(const data::OutEntry entry, repository->Tracked(AbsolutePath(path)));
    CAISSON_TRY(repository->Checkout(kContext, entry));
    Print(fmt::format("{}  {}\n", entry.md5, entry.path));
  }
  return kExitOk;
}

Command CheckCommand() {
  Command command;
  command.path = "data check";
  command.summary = "Checks a table against a suite; exit code 1 when it does not hold.";
  command.example = "caisson data check data/flights.parquet --suite checks/flights.yaml";
  command.positionals = {{"file", "A Parquet, CSV or JSON file"}};
  command.options = {
      {"suite", "The checks, see `caisson data kinds`", OptionKind::kValue, "", "FILE"},
      {"junit", "Write a report in JUnit's XML", OptionKind::kValue, "", "FILE"},
      {"html", "Write a report as a page", OptionKind::kValue, "", "FILE"}};
  command.run = Check;
  return command;
}

Command LeakCheckCommand() {
  Command command;
  command.path = "data leakcheck";
  command.summary = "Looks for features that know the future; exit code 1 when there are any.";
  command.example =
      "caisson data leakcheck --file sql/prepare.sql --input flights=data/flights.parquet \\\n"
      "  --params params.yaml:prepare --time date --label delay --target late --horizon 1h";
  command.options = {
      {"file", "The script, as `caisson query` takes it", OptionKind::kValue, "", "FILE"},
      {"input", "A file that the script sees as a table; may be repeated", OptionKind::kList, "",
       "NAME=FILE"},
      {"params", "A YAML file and its section", OptionKind::kValue, "", "FILE:SECTION"},
      {"time", "The column with a row's time, in the input and in what the script makes",
       OptionKind::kValue, "", "COLUMN"},
      {"label", "The input's column that is known only later", OptionKind::kValue, "", "COLUMN"},
      {"label-input", "The input with the label, where there are several", OptionKind::kValue, "",
       "NAME"},
      {"target", "The column that may depend on the label; default: the label", OptionKind::kValue,
       "", "COLUMN"},
      {"horizon", "How long before a row its label-dependent features end", OptionKind::kValue,
       "0s", "DURATION"},
      {"window", "How far back rows are compared; 0s for all", OptionKind::kValue, "7d",
       "DURATION"},
      {"relation", "A table or view to compare; default: all with the time and the target",
       OptionKind::kList, "", "NAME"},
      {"at", "A moment from which labels are changed; default: three quantiles of the time",
       OptionKind::kList, "", "TIME"}};
  command.run = LeakCheck;
  return command;
}

std::vector<Command> TableCommands() {
  Command profile;
  profile.path = "data profile";
  profile.summary = "Describes a table, column by column.";
  profile.example = "caisson data profile data/flights.parquet";
  profile.positionals = {{"file", "A Parquet, CSV or JSON file"}};
  profile.run = Profile;

  Command suggest;
  suggest.path = "data suggest";
  suggest.summary = "Writes a first suite of checks for a table.";
  suggest.example = "caisson data suggest data/flights.parquet > checks/flights.yaml";
  suggest.positionals = {{"file", "A Parquet, CSV or JSON file"}};
  suggest.run = Suggest;

  Command diff;
  diff.path = "data diff";
  diff.summary = "Compares two tables: columns, rows and values; exit code 1 when they differ.";
  diff.example = "caisson data diff data/last.parquet data/flights.parquet --key id";
  diff.positionals = {{"before", "A Parquet, CSV or JSON file"}, {"after", "The other one"}};
  diff.options = {
      {"key", "A column that tells rows apart; may be repeated", OptionKind::kList, "", "COLUMN"}};
  diff.run = Diff;

  Command kinds;
  kinds.path = "data kinds";
  kinds.summary = "Lists the kinds of checks.";
  kinds.example = "caisson data kinds";
  kinds.run = Kinds;
  return {CheckCommand(), profile, suggest, diff, LeakCheckCommand(), kinds};
}

std::vector<Command> VersionedCommands() {
  Command add;
  add.path = "data add";
  add.summary = "Tracks files and folders by content, as `dvc add` does.";
  add.example = "caisson data add data/flights.parquet";
  add.positionals = {{"path", "A file or a folder", true, true}};
  add.run = Add;

  Command status;
  status.path = "data status";
  status.summary = "Shows what changed since it was added.";
  status.example = "caisson data status";
  status.run = ShowStatus;

  Command checkout;
  checkout.path = "data checkout";
  checkout.summary = "Puts files and folders back as they were added.";
  checkout.example = "caisson data checkout data/flights.parquet";
  checkout.positionals = {{"path", "A tracked file or folder", true, true}};
  checkout.run = Checkout;

  Command list;
  list.path = "data list";
  list.summary = "Lists the dataset versions that runs have used.";
  list.example = "caisson data list";
  list.positionals = {{"path", "Only versions of this path", false}};
  AddServerOptions(list);
  list.run = ListVersions;

  Command checks;
  checks.path = "data checks";
  checks.summary = "Lists the results of checks.";
  checks.example = "caisson data checks";
  checks.positionals = {{"dataset", "Only those of this version, as `data list` names it", false}};
  AddServerOptions(checks);
  checks.run = ListCheckRuns;
  return {add, status, checkout, list, checks};
}

}  // namespace

std::vector<Command> DataCommands() {
  std::vector<Command> all = TableCommands();
  for (Command& command : VersionedCommands()) all.push_back(std::move(command));
  return all;
}

}  // namespace caisson::app
