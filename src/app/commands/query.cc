// caisson query: SQL over files, as a stage of a pipeline.
#include "app/commands/commands.h"
#include "app/output.h"
#include "base/strings.h"
#include "lifecycle/data/query_script.h"

namespace caisson::app {
namespace {

Result<int> RunQuery(const Invocation& invocation) {
  data::QueryScript script;
  script.file = invocation.Value("file");
  if (script.file.empty()) {
    return InvalidArgument("--file is missing: which script? For example --file sql/prepare.sql");
  }
  for (const std::string& text : invocation.List("input")) {
    CAISSON_ASSIGN(data::NamedFile input, data::ParseNamedFile(text));
    script.inputs.push_back(std::move(input));
  }
  for (const std::string& text : invocation.List("output")) {
    CAISSON_ASSIGN(data::NamedFile output, data::ParseNamedFile(text));
    script.outputs.push_back(std::move(output));
  }
  if (invocation.Given("params")) {
    CAISSON_ASSIGN(script.parameters, data::ReadParameters(invocation.Value("params")));
  }
  const auto threads = ParseInt(invocation.Value("threads"));
  if (!threads.has_value() || *threads < 1 || *threads > 1024) {
    return InvalidArgument("--threads is {}; 1 to 1024 is accepted", invocation.Value("threads"));
  }
  script.threads = static_cast<int>(*threads);
  script.memory_limit = invocation.Value("memory-limit");
  CAISSON_ASSIGN(const data::QueryOutcome outcome,
                 data::RunQueryScript(Context::Background(), script));
  if (invocation.json_output()) {
    PrintJson(outcome.ToJson());
    return kExitOk;
  }
  for (const auto& output : outcome.outputs) {
    Print(fmt::format("{}: {} rows, {} in {}\n", output.name, HumanCount(output.rows),
                      HumanBytes(static_cast<uint64_t>(output.bytes)), output.path));
  }
  return kExitOk;
}

}  // namespace

std::vector<Command> QueryCommands() {
  Command command;
  command.path = "query";
  command.summary = "Runs a SQL script over files and writes what it makes.";
  command.example =
      "caisson query --file sql/prepare.sql --input flights=data/flights.parquet \\\n"
      "  --params params.yaml:prepare --output train=features/train.parquet";
  command.options = {
      {"file", "The script, in DuckDB's SQL", OptionKind::kValue, "", "FILE"},
      {"input", "A file that the script sees as a table; may be repeated", OptionKind::kList, "",
       "NAME=FILE"},
      {"output", "A table or view of the script and where to write it; may be repeated",
       OptionKind::kList, "", "NAME=FILE"},
      {"params", "A YAML file and its section; each member is a variable: getvariable('name')",
       OptionKind::kValue, "", "FILE:SECTION"},
      {"threads", "Threads of DuckDB", OptionKind::kValue, "2", "N"},
      {"memory-limit", "Memory of DuckDB; beyond it, it spills to disk", OptionKind::kValue, "1GB",
       "SIZE"}};
  command.run = RunQuery;
  return {command};
}

}  // namespace caisson::app
