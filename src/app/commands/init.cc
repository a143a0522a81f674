// caisson init: a project that runs.
#include "app/commands/commands.h"
#include "app/output.h"
#include "app/resources.h"
#include "base/files.h"
#include "base/strings.h"
#include "lifecycle/data/query_script.h"

namespace caisson::app {
namespace {

struct TemplateFile {
  std::string_view path;
  std::string_view text;
};

constexpr TemplateFile kFiles[] = {
    {"caisson.yaml", resources::kTemplatesInitCaissonYaml},
    {"dvc.yaml", resources::kTemplatesInitDvcYaml},
    {"params.yaml", resources::kTemplatesInitParamsYaml},
    {"checks/visits.yaml", resources::kTemplatesInitChecksVisitsYaml},
    {"sql/make_data.sql", resources::kTemplatesInitSqlMakeDataSql},
    {"sql/prepare.sql", resources::kTemplatesInitSqlPrepareSql},
    {".gitignore", resources::kTemplatesInitGitignore},
};

// Nothing of the user's is overwritten.
Status CheckFree(const std::string& folder) {
  std::vector<std::string> present;
  for (const TemplateFile& file : kFiles) {
    if (FileExists(JoinPath(folder, file.path))) present.emplace_back(file.path);
  }
  if (present.empty()) return OkStatus();
  return AlreadyExists("{} is there already in {}; init writes only where nothing is",
                       Join(present, ", "), AbsolutePath(folder));
}

Result<int> Init(const Invocation& invocation) {
  const std::string folder =
      invocation.Argument("folder").empty() ? "." : invocation.Argument("folder");
  CAISSON_TRY(CheckFree(folder));
  Json written = Json::MakeArray();
  for (const TemplateFile& file : kFiles) {
    CAISSON_TRY(WriteFileAtomic(JoinPath(folder, file.path), file.text));
    written.Append(file.path);
  }
  data::QueryScript script;
  script.file = JoinPath(folder, "sql/make_data.sql");
  script.outputs = {{"visits", JoinPath(folder, "data/visits.parquet")}};
  CAISSON_TRY(data::RunQueryScript(Context::Background(), script).status());
  written.Append("data/visits.parquet");
  if (invocation.json_output()) {
    PrintJson(Json::Of({{"folder", AbsolutePath(folder)}, {"files", written}}));
    return kExitOk;
  }
  for (const Json& file : written.array()) Print(fmt::format("  wrote {}\n", file.AsString()));
  Print(fmt::format("\nNext: {}caisson run, then caisson up\n",
                    folder == "." ? "" : "cd " + folder + " && "));
  return kExitOk;
}

}  // namespace

std::vector<Command> InitCommands() {
  Command command;
  command.path = "init";
  command.summary = "Writes a small commented project that runs as it stands, with made-up data.";
  command.example = "mkdir shop && cd shop && caisson init && caisson run";
  command.positionals = {{"folder", "Where; by default here", false}};
  command.run = Init;
  return {command};
}

}  // namespace caisson::app
