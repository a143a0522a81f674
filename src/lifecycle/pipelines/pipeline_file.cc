#include "lifecycle/pipelines/pipeline_file.h"

#include <map>

#include "base/files.h"
#include "base/strings.h"
#include "lifecycle/pipelines/internal/template.h"

namespace caisson::pipelines {
namespace {

using internal::MergeContext;
using internal::ResolveTemplates;

// Reads one stage body with its templates resolved.
class StageReader {
 public:
  StageReader(std::string name, const Json& body, std::string where)
      : where_(std::move(where)), fields_(body, where_) {
    stage_.name = std::move(name);
  }

  Result<Stage> Read() {
    CAISSON_TRY(ReadCommands(fields_.Raw("cmd")));
    stage_.working_directory = fields_.String("wdir", ".");
    stage_.deps = fields_.Strings("deps");
    CAISSON_TRY(ReadParams(fields_.Raw("params")));
    for (const char* section : {"outs", "metrics", "plots"})
      CAISSON_TRY(ReadOuts(section, fields_.Raw(section)));
    stage_.frozen = fields_.Bool("frozen", false);
    stage_.always_changed = fields_.Bool("always_changed", false);
    stage_.description = fields_.String("desc", "");
    fields_.Raw("meta");
    fields_.Raw("vars");
    CAISSON_TRY(fields_.Finish());
    return std::move(stage_);
  }

 private:
  Status ReadCommands(const Json& commands) {
    if (commands.is_string()) stage_.commands = {commands.AsString()};
    for (const Json& command : commands.array()) {
      if (!command.is_string())
        return InvalidArgument("{}.cmd: expected texts, found {}", where_, command.type_name());
      stage_.commands.push_back(command.AsString());
    }
    if (stage_.commands.empty())
      return InvalidArgument("{} has no `cmd`: the command that makes the stage's outputs", where_);
    return OkStatus();
  }

  // "lr", or {"other.yaml": ["a", "b"]}, or {"other.yaml": null} for the whole file.
  Status ReadParams(const Json& params) {
    if (!params.is_null() && !params.is_array())
      return InvalidArgument("{}.params: expected a list, found {}", where_, params.type_name());
    StageParams own{"params.yaml", {}};
    for (const Json& param : params.array()) {
      if (param.is_string()) {
        own.keys.push_back(param.AsString());
        continue;
      }
      if (!param.is_object())
        return InvalidArgument("{}.params: {} is not a key or a file", where_, WriteJson(param));
      for (const auto& [file, keys] : param.object()) {
        StageParams other{file, {}};
        for (const Json& key : keys.array()) other.keys.push_back(key.AsString());
        stage_.params.push_back(std::move(other));
      }
    }
    if (!own.keys.empty()) stage_.params.insert(stage_.params.begin(), std::move(own));
    return OkStatus();
  }

  Status ReadOuts(std::string_view section, const Json& outs) {
    if (!outs.is_null() && !outs.is_array())
      return InvalidArgument("{}.{}: expected a list, found {}", where_, section, outs.type_name());
    for (const Json& out : outs.array()) {
      if (out.is_string()) {
        stage_.outs.push_back({out.AsString()});
      } else if (out.size() == 1) {
        const auto& [path, flags] = out.object().front();
        stage_.outs.push_back({path, flags["cache"].AsBool(true), flags["persist"].AsBool(false)});
      } else {
        return InvalidArgument("{}.{}: {} is neither a path nor a path with its flags", where_,
                               section, WriteJson(out));
      }
    }
    return OkStatus();
  }

  std::string where_;
  FieldReader fields_;
  Stage stage_;
};

// One line of a foreach or a matrix: the stage's name suffix, and what ${item} and ${key} stand
// for.
struct Expansion {
  std::string suffix;
  Json context;
};

std::string NameOf(const Json& value) {
  if (value.is_double()) return FormatDouble(value.AsDouble());
  return value.is_string() ? value.AsString() : WriteJson(value);
}

bool IsComposite(const Json& value) { return value.is_object() || value.is_array(); }

std::vector<Expansion> ExpandForeach(const Json& items) {
  std::vector<Expansion> expansions;
  for (const auto& [key, value] : items.object())
    expansions.push_back({key, Json::Of({{"key", key}, {"item", value}})});
  const bool composite = std::any_of(items.array().begin(), items.array().end(), IsComposite);
  for (size_t i = 0; i < items.array().size(); ++i) {
    const Json& item = items[i];
    const std::string name = composite ? std::to_string(i) : NameOf(item);
    expansions.push_back({name, Json::Of({{"key", name}, {"item", item}})});
  }
  return expansions;
}

std::vector<Expansion> ExpandMatrix(const Json& axes) {
  std::vector<Expansion> expansions = {{"", Json::Of({{"item", Json::MakeObject()}})}};
  for (const auto& [axis, values] : axes.object()) {
    std::vector<Expansion> next;
    for (const Expansion& expansion : expansions) {
      for (size_t i = 0; i < values.size(); ++i) {
        Expansion grown = expansion;
        const std::string part =
            IsComposite(values[i]) ? axis + std::to_string(i) : NameOf(values[i]);
        grown.suffix += (grown.suffix.empty() ? "" : "-") + part;
        grown.context.Mutable("item").Set(axis, values[i]);
        next.push_back(std::move(grown));
      }
    }
    expansions = std::move(next);
  }
  for (Expansion& expansion : expansions) expansion.context.Set("key", expansion.suffix);
  return expansions;
}

// Expands and reads the entry `name` of `stages`.
Status ReadStageEntry(const std::string& name, const Json& entry, const Json& context,
                      const std::string& where, std::vector<Stage>& stages) {
  if (!entry.is_object())
    return InvalidArgument("{}: expected a map with `cmd`, found {}", where, entry.type_name());
  Json stage_context = context;
  for (const Json& vars : entry["vars"].array()) {
    if (vars.is_object()) CAISSON_TRY(MergeContext(stage_context, vars, where + ".vars"));
  }
  const Json* foreach_items = entry.Find("foreach");
  const Json* matrix = entry.Find("matrix");
  if (foreach_items == nullptr && matrix == nullptr) {
    const Result<Json> body = ResolveTemplates(entry, stage_context);
    if (!body.ok()) return WithContext(body.status(), where);
    CAISSON_ASSIGN(Stage stage, StageReader(name, *body, where).Read());
    stages.push_back(std::move(stage));
    return OkStatus();
  }
  const Result<Json> items =
      ResolveTemplates(foreach_items != nullptr ? *foreach_items : *matrix, stage_context);
  if (!items.ok()) return WithContext(items.status(), where);
  Json body = foreach_items != nullptr ? entry["do"] : entry;
  body.Remove("matrix");
  if (!body.is_object())
    return InvalidArgument("{}: `foreach` needs `do`: the stage that is repeated", where);
  for (const Expansion& expansion :
       foreach_items != nullptr ? ExpandForeach(*items) : ExpandMatrix(*items)) {
    Json item_context = stage_context;
    for (const auto& [key, value] : expansion.context.object()) item_context.Set(key, value);
    const Result<Json> resolved = ResolveTemplates(body, item_context);
    if (!resolved.ok()) return WithContext(resolved.status(), where);
    CAISSON_ASSIGN(Stage stage,
                   StageReader(name + "@" + expansion.suffix, *resolved, where).Read());
    stages.push_back(std::move(stage));
  }
  return OkStatus();
}

Result<Json> ReadContext(const std::string& folder, const Json& document, const std::string& file) {
  Json context = Json::MakeObject();
  const std::string params = JoinPath(folder, "params.yaml");
  if (FileExists(params)) {
    CAISSON_ASSIGN(const YamlDocument values, ReadYamlFile(params));
    if (values.value.is_object()) context = values.value;
  }
  for (const Json& vars : document["vars"].array()) {
    if (vars.is_object()) {
      CAISSON_TRY(MergeContext(context, vars, file + ": vars"));
    } else if (vars.is_string()) {
      const std::vector<std::string> parts = Split(vars.AsString(), ':');
      CAISSON_ASSIGN(const YamlDocument values, ReadYamlFile(JoinPath(folder, parts[0])));
      Json chosen = parts.size() < 2 ? values.value : Json::MakeObject();
      if (parts.size() > 1) {
        for (const std::string& key : Split(parts[1], ',')) chosen.Set(key, values.value[key]);
      }
      CAISSON_TRY(MergeContext(context, chosen, file + ": vars: " + vars.AsString()));
    }
  }
  return context;
}

bool Contains(std::string_view folder, std::string_view path) {
  return path == folder || (path.size() > folder.size() &&
                            path.substr(0, folder.size()) == folder && path[folder.size()] == '/');
}

// For each stage, the stages whose outputs it reads.
std::vector<std::vector<size_t>> Needs(const Pipeline& pipeline) {
  std::vector<std::vector<size_t>> needs(pipeline.stages.size());
  for (size_t reader = 0; reader < pipeline.stages.size(); ++reader) {
    for (const std::string& dep : pipeline.stages[reader].deps) {
      const std::string path = StagePath(pipeline.stages[reader], dep);
      for (size_t maker = 0; maker < pipeline.stages.size(); ++maker) {
        const Stage& candidate = pipeline.stages[maker];
        const bool makes =
            std::any_of(candidate.outs.begin(), candidate.outs.end(), [&](const StageOut& out) {
              const std::string made = StagePath(candidate, out.path);
              return Contains(made, path) || Contains(path, made);
            });
        if (makes) needs[reader].push_back(maker);
      }
    }
  }
  return needs;
}

// Depth first; `trail` is the way from the target, so that a cycle can be shown.
Status Visit(const Pipeline& pipeline, const std::vector<std::vector<size_t>>& needs, size_t index,
             std::vector<int>& state, std::vector<size_t>& trail, std::vector<size_t>& order) {
  if (state[index] == 2) return OkStatus();
  trail.push_back(index);
  if (state[index] == 1) {
    std::vector<std::string> names;
    for (auto it = std::find(trail.begin(), trail.end(), index); it != trail.end(); ++it)
      names.push_back(pipeline.stages[*it].name);
    return InvalidArgument(
        "the stages need each other in a circle: {}. Take one dependency or output out of it",
        Join(names, " -> "));
  }
  state[index] = 1;
  for (const size_t need : needs[index])
    CAISSON_TRY(Visit(pipeline, needs, need, state, trail, order));
  state[index] = 2;
  trail.pop_back();
  order.push_back(index);
  return OkStatus();
}

}  // namespace

std::string StagePath(const Stage& stage, std::string_view path) {
  return NormalizePath(JoinPath(stage.working_directory, path));
}

Result<Pipeline> ReadPipeline(const std::string& folder, const std::string& file) {
  const std::string path = JoinPath(folder, file);
  if (!FileExists(path)) return NotFound("there is no {} in {}", file, folder);
  CAISSON_ASSIGN(const YamlDocument document, ReadYamlFile(path));
  static const std::vector<std::string> kKnown = {"stages", "vars",      "params",  "metrics",
                                                  "plots",  "artifacts", "datasets"};
  for (const auto& [key, value] : document.value.object()) {
    if (std::find(kKnown.begin(), kKnown.end(), key) == kKnown.end()) {
      return InvalidArgument("{}: unknown key '{}'{}", file, key, SuggestName(key, kKnown));
    }
  }
  if (!document.value["stages"].is_object()) return InvalidArgument("{} has no map `stages`", file);
  CAISSON_ASSIGN(const Json context, ReadContext(folder, document.value, file));
  Pipeline pipeline;
  pipeline.folder = AbsolutePath(folder);
  for (const auto& [name, entry] : document.value["stages"].object()) {
    const auto position = document.positions.find("stages." + name);
    const std::string where =
        position == document.positions.end()
            ? fmt::format("{}: stages.{}", file, name)
            : fmt::format("{}:{}: stages.{}", file, position->second.line, name);
    CAISSON_TRY(ReadStageEntry(name, entry, context, where, pipeline.stages));
  }
  return pipeline;
}

Result<std::vector<size_t>> StageOrder(const Pipeline& pipeline,
                                       const std::vector<std::string>& targets) {
  std::map<std::string, std::string> makers;
  std::vector<std::string> names;
  for (const Stage& stage : pipeline.stages) {
    names.push_back(stage.name);
    for (const StageOut& out : stage.outs) {
      const auto [entry, fresh] = makers.emplace(StagePath(stage, out.path), stage.name);
      if (!fresh)
        return InvalidArgument("{} is an output of both {} and {}", out.path, entry->second,
                               stage.name);
    }
  }
  const std::vector<std::vector<size_t>> needs = Needs(pipeline);
  std::vector<int> state(pipeline.stages.size(), 0);
  std::vector<size_t> order;
  std::vector<size_t> wanted;
  for (const std::string& target : targets) {
    bool found = false;
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i] != target && names[i].rfind(target + "@", 0) != 0) continue;
      wanted.push_back(i);
      found = true;
    }
    if (!found)
      return InvalidArgument("there is no stage '{}'{}", target, SuggestName(target, names));
  }
  if (targets.empty()) {
    for (size_t i = 0; i < names.size(); ++i) wanted.push_back(i);
  }
  for (const size_t index : wanted) {
    std::vector<size_t> trail;
    CAISSON_TRY(Visit(pipeline, needs, index, state, trail, order));
  }
  return order;
}

}  // namespace caisson::pipelines
