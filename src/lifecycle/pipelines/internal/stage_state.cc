#include "lifecycle/pipelines/internal/stage_state.h"

#include <map>

#include "base/files.h"
#include "base/strings.h"
#include "base/yaml.h"

namespace caisson::pipelines::internal {
namespace {

std::string FullPath(const Pipeline& pipeline, const Stage& stage, std::string_view path) {
  return JoinPath(pipeline.folder, StagePath(stage, path));
}

Result<Json> ReadParams(const Pipeline& pipeline, const Stage& stage, const StageParams& params) {
  const std::string path = FullPath(pipeline, stage, params.file);
  if (!FileExists(path))
    return NotFound("the parameter file {} of stage {} is not there", params.file, stage.name);
  CAISSON_ASSIGN(const YamlDocument document, ReadYamlFile(path));
  Json values = Json::MakeObject();
  if (params.keys.empty()) {
    for (const auto& [key, value] : document.value.object()) values.Set(key, value);
  }
  std::vector<std::string> keys = params.keys;
  std::sort(keys.begin(), keys.end());
  for (const std::string& key : keys) {
    const Json* value = document.value.FindPath(key);
    if (value == nullptr)
      return NotFound("{} has no parameter '{}', which stage {} depends on", params.file, key,
                      stage.name);
    values.Set(key, *value);
  }
  return values;
}

// Lines of deps or outs by path.
std::map<std::string, const Json*> ByPath(const Json& lines) {
  std::map<std::string, const Json*> map;
  for (const Json& line : lines.array()) map[line["path"].AsString()] = &line;
  return map;
}

void CompareParams(const Json& locked, const Json& now, std::vector<std::string>& changes) {
  for (const auto& [file, values] : now.object()) {
    for (const auto& [key, value] : values.object()) {
      const Json* before = locked[file].Find(key);
      if (before == nullptr) {
        changes.push_back(fmt::format("{}: {} is new", file, key));
      } else if (!(*before == value)) {
        // Of a section, the parameter that changed is what a person wants to know.
        std::string inner = key;
        for (const auto& [name, member] : value.object()) {
          if (!((*before)[name] == member)) inner = key + "." + name;
        }
        changes.push_back(fmt::format("{}: {} changed", file, inner));
      }
    }
  }
  for (const auto& [file, values] : locked.object()) {
    for (const auto& [key, value] : values.object()) {
      if (now[file].Find(key) == nullptr)
        changes.push_back(fmt::format("{}: {} is gone", file, key));
    }
  }
}

}  // namespace

Json LockLine(const std::string& written_path, const data::OutEntry& entry) {
  Json line =
      Json::Of({{"path", written_path}, {"hash", "md5"}, {"md5", entry.md5}, {"size", entry.size}});
  if (entry.is_folder) line.Set("nfiles", entry.file_count);
  if (entry.is_executable) line.Set("isexec", true);
  return line;
}

data::OutEntry FromLockLine(const Json& line, const std::string& path) {
  data::OutEntry entry;
  entry.path = path;
  entry.md5 = line["md5"].AsString();
  entry.size = line["size"].AsInt();
  entry.file_count = line["nfiles"].AsInt(1);
  entry.is_folder = entry.md5.size() > 32;
  entry.is_executable = line["isexec"].AsBool();
  return entry;
}

Result<Json> InputEntry(const Context& context, data::Repository& repository,
                        const Pipeline& pipeline, const Stage& stage) {
  Json entry = Json::Of({{"cmd", stage.command}});
  std::vector<std::string> deps = stage.deps;
  std::sort(deps.begin(), deps.end());
  Json lines = Json::MakeArray();
  for (const std::string& dep : deps) {
    const std::string path = FullPath(pipeline, stage, dep);
    if (!FileExists(path))
      return NotFound("{}, which stage {} depends on, is not there", dep, stage.name);
    CAISSON_ASSIGN(const data::OutEntry found, repository.Hash(context, path));
    lines.Append(LockLine(dep, found));
  }
  if (!lines.empty()) entry.Set("deps", std::move(lines));
  Json params = Json::MakeObject();
  for (const StageParams& file : stage.params) {
    CAISSON_ASSIGN(Json values, ReadParams(pipeline, stage, file));
    params.Set(file.file, std::move(values));
  }
  if (!params.empty()) entry.Set("params", std::move(params));
  return entry;
}

std::vector<std::string> InputChanges(const Json& locked, const Json& now) {
  if (locked.is_null()) return {"never run"};
  std::vector<std::string> changes;
  if (!(locked["cmd"] == now["cmd"])) changes.push_back("the command changed");
  const auto before = ByPath(locked["deps"]);
  const auto after = ByPath(now["deps"]);
  for (const auto& [path, line] : after) {
    const auto old = before.find(path);
    if (old == before.end()) {
      changes.push_back(path + " is a new dependency");
    } else if (!((*old->second)["md5"] == (*line)["md5"])) {
      changes.push_back(path + " changed");
    }
  }
  for (const auto& [path, line] : before) {
    if (after.find(path) == after.end()) changes.push_back(path + " is no dependency any more");
  }
  CompareParams(locked["params"], now["params"], changes);
  return changes;
}

std::vector<std::string> OutputChanges(const Context& context, data::Repository& repository,
                                       const Pipeline& pipeline, const Stage& stage,
                                       const Json& locked) {
  std::vector<std::string> changes;
  const auto lines = ByPath(locked["outs"]);
  for (const StageOut& out : stage.outs) {
    const auto line = lines.find(out.path);
    if (line == lines.end()) {
      changes.push_back(out.path + " is a new output");
      continue;
    }
    const std::string path = FullPath(pipeline, stage, out.path);
    if (!FileExists(path)) {
      changes.push_back(out.path + " is missing");
      continue;
    }
    const Result<data::OutEntry> found = repository.Hash(context, path);
    if (!found.ok() || found->md5 != (*line->second)["md5"].AsString())
      changes.push_back(out.path + " was changed by hand");
  }
  return changes;
}

}  // namespace caisson::pipelines::internal
