#include "lifecycle/data/query_script.h"

#include <chrono>
#include <set>

#include "base/files.h"
#include "base/strings.h"
#include "base/yaml.h"
#include "lifecycle/data/checks.h"
#include "lifecycle/data/internal/script_session.h"

namespace caisson::data {
namespace {

using internal::ScriptSession;

Status CheckNames(const QueryScript& script) {
  std::set<std::string> inputs;
  for (const NamedFile& input : script.inputs) {
    if (!inputs.insert(input.name).second) {
      return InvalidArgument("the input {} is given twice", input.name);
    }
  }
  std::set<std::string> paths;
  for (const NamedFile& output : script.outputs) {
    if (!paths.insert(AbsolutePath(output.path)).second) {
      return InvalidArgument("two outputs are to be written to {}", output.path);
    }
  }
  return script.outputs.empty()
             ? InvalidArgument("the script has no output: give --output name=path")
             : OkStatus();
}

Status DefineInputs(const Context& context, const QueryScript& script, ScriptSession& session) {
  for (const NamedFile& input : script.inputs) {
    if (!FileExists(input.path)) {
      return NotFound("the input {} is not there: {}", input.name, input.path);
    }
    CAISSON_ASSIGN(const std::string source, SourceExpression(input.path));
    const Status status = session.DefineInput(context, input.name, source);
    CAISSON_TRY(context.Check());
    if (!status.ok()) {
      return InvalidArgument("the input {} ({}) cannot be read: {}", input.name, input.path,
                             Message(status));
    }
  }
  return OkStatus();
}

Result<PendingFile> WriteOutput(const Context& context, ScriptSession& session,
                                const NamedFile& output, QueryOutcome& outcome) {
  CAISSON_ASSIGN(PendingFile file, PendingFile::Create(output.path));
  CAISSON_ASSIGN(const int64_t rows,
                 internal::CopyTo(context, session.database(),
                                  "SELECT * FROM " + duckdb::QuoteName(output.name),
                                  file.temporary_path(), output.path));
  if (rows == 0) {
    return InvalidArgument(
        "the output {} has no rows, and nothing was written; look at its conditions and parameters",
        output.name);
  }
  CAISSON_ASSIGN(const FileInfo info, StatFile(file.temporary_path()));
  outcome.outputs.push_back(
      {output.name, output.path, rows, static_cast<int64_t>(info.identity.size)});
  return file;
}

}  // namespace

Result<QueryOutcome> RunQueryScript(const Context& context, const QueryScript& script) {
  const auto start = std::chrono::steady_clock::now();
  CAISSON_TRY(CheckNames(script));
  CAISSON_ASSIGN(const std::string text, ReadFile(script.file));
  CAISSON_ASSIGN(ScriptSession session, ScriptSession::Open(script.threads, script.memory_limit));
  CAISSON_TRY(DefineInputs(context, script, session));
  CAISSON_TRY(session.Run(context, script.file, text, script.parameters));
  CAISSON_ASSIGN(const std::vector<std::string> relations, session.Relations(context));
  QueryOutcome outcome;
  std::vector<PendingFile> files;
  for (const NamedFile& output : script.outputs) {
    if (std::find(relations.begin(), relations.end(), output.name) == relations.end()) {
      return InvalidArgument("{} makes no table or view {}{}", script.file, output.name,
                             SuggestName(output.name, relations));
    }
    CAISSON_ASSIGN(PendingFile file, WriteOutput(context, session, output, outcome));
    files.push_back(std::move(file));
  }
  for (PendingFile& file : files) CAISSON_TRY(file.Commit());
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return outcome;
}

Json QueryOutcome::ToJson() const {
  Json list = Json::MakeArray();
  for (const Output& output : outputs) {
    list.Append(Json::Of({{"name", output.name},
                          {"path", output.path},
                          {"rows", output.rows},
                          {"bytes", output.bytes}}));
  }
  return Json::Of({{"outputs", std::move(list)}, {"seconds", seconds}});
}

Result<Json> ReadParameters(const std::string& file_and_section) {
  const size_t colon = file_and_section.rfind(':');
  const std::string file = file_and_section.substr(0, colon);
  CAISSON_ASSIGN(const YamlDocument document, ReadYamlFile(file));
  if (colon == std::string::npos) {
    if (!document.value.is_object()) return InvalidArgument("{} is not a map of parameters", file);
    return document.value;
  }
  const std::string section = file_and_section.substr(colon + 1);
  const Json* value = document.value.FindPath(section);
  if (value == nullptr || !value->is_object()) {
    std::vector<std::string> names;
    for (const auto& [name, member] : document.value.object()) names.push_back(name);
    return NotFound("{} has no section `{}`{}", file, section, SuggestName(section, names));
  }
  return *value;
}

Result<NamedFile> ParseNamedFile(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0 || equals + 1 == text.size()) {
    return InvalidArgument("`{}` is not of the form name=path, as in train=features/train.parquet",
                           text);
  }
  return NamedFile{std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

}  // namespace caisson::data
