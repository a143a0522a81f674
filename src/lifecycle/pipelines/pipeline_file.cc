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
    CAISSON_TRY(fields_.Finish());
    return std::move(stage_);
  }

 private:
  // As in DVC, each line of a text is a command of its own, so that one that fails ends the stage.
  Status ReadCommands(const Json& commands) {
    stage_.command = commands;
    if (commands.is_string()) {
      for (const std::string& line : Split(commands.AsString(), '\n')) {
        if (!Trim(line).empty()) stage_.commands.push_back(line);
      }
    }
    for (const Json& command : commands.array()) {
      if (!command.is_string()) {
        return InvalidArgument("{}.cmd: expected texts, found {}", where_, command.type_name());
      }
      stage_.commands.push_back(command.AsString());
    }
    if (stage_.commands.empty()) {
      return InvalidArgument("{} has no `cmd`: the command that makes the stage's outputs", where_);
    }
    return OkStatus();
  }

  // "lr", or {"other.yaml": ["a", "b"]}, or {"other.yaml": null} for the whole file.
  Status ReadParams(const Json& params) {
    if (!params.is_null() && !params.is_array()) {
      return InvalidArgument("{}.params: expected a list, found {}", where_, params.type_name());
    }
    StageParams own{"params.yaml", {}};
    std::map<std::string, StageParams> others;  // dvc.lock has them by name
    for (const Json& param : params.array()) {
      if (param.is_string()) {
        own.keys.push_back(param.AsString());
        continue;
      }
      if (!param.is_object()) {
        return InvalidArgument("{}.params: {} is not a key or a file", where_, WriteJson(param));
      }
      for (const auto& [file, keys] : param.object()) {
        StageParams& other = others[file];
        other.file = file;
        if (!keys.is_null() && !keys.is_array()) {
          return InvalidArgument("{}.params: {}: expected a list of keys, found {}", where_, file,
                                 keys.type_name());
        }
        for (const Json& key : keys.array()) {
          if (!key.is_string()) {
            return InvalidArgument("{}.params: {}: {} is not a key", where_, file, WriteJson(key));
          }
          other.keys.push_back(key.AsString());
        }
      }
    }
    if (!own.keys.empty()) stage_.params.push_back(std::move(own));
    for (auto& [file, other] : others) stage_.params.push_back(std::move(other));
    return OkStatus();
  }

  Status ReadOuts(std::string_view section, const Json& outs) {
    const std::string where = fmt::format("{}.{}", where_, section);
    if (!outs.is_null() && !outs.is_array()) {
      return InvalidArgument("{}: expected a list, found {}", where, outs.type_name());
    }
    for (const Json& out : outs.array()) {
      if (out.is_string()) {
        stage_.outs.push_back({out.AsString()});
      } else if (out.is_object() && out.size() == 1) {
        const auto& [path, flags] = out.object().front();
        CAISSON_TRY(ReadOut(path, flags, where + "." + path));
      } else {
        return InvalidArgument("{}: {} is neither a path nor a path with its flags", where,
                               WriteJson(out));
      }
      CAISSON_TRY(CheckOutput(stage_.outs.back().path, where));
    }
    return OkStatus();
  }

  Status ReadOut(const std::string& path, const Json& flags, const std::string& where) {
    FieldReader fields(flags, where);
    StageOut out{path, fields.Bool("cache", true), fields.Bool("persist", false)};
    // What says nothing about how the output is made: of DVC's remotes, reports and plots.
    for (const char* other : {"remote", "push", "desc", "type", "labels", "meta", "template", "x",
                              "y", "x_label", "y_label", "title", "header"}) {
      fields.Raw(other);
    }
    CAISSON_TRY(fields.Finish());
    stage_.outs.push_back(std::move(out));
    return OkStatus();
  }

  // Outputs are removed before the command runs: one that is the pipeline's folder, or holds it,
  // would take the whole project along. The executor refuses what lies outside the repository.
  Status CheckOutput(const std::string& path, const std::string& where) const {
    const std::string from_folder = StagePath(stage_, path);
    const bool climbs = from_folder == ".." || (from_folder.size() > 2 &&
                                                from_folder.rfind("/..") == from_folder.size() - 3);
    const bool refused = path.empty() || from_folder.empty() || from_folder.front() == '/' ||
                         from_folder == "." || climbs;
    if (!refused) return OkStatus();
    return InvalidArgument(
        "{}: '{}' is not accepted; an output is a relative path that does not hold the pipeline "
        "file",
        where, path);
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

constexpr size_t kMostExpansions = 10'000;

bool IsComposite(const Json& value) { return value.is_object() || value.is_array(); }

Result<std::vector<Expansion>> ExpandForeach(const Json& items) {
  if (!items.is_object() && !items.is_array()) {
    return InvalidArgument("`foreach` expects a list or a map, found {}", items.type_name());
  }
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

Result<std::vector<Expansion>> ExpandMatrix(const Json& axes) {
  if (!axes.is_object() || axes.empty()) {
    return InvalidArgument("`matrix` expects a map of lists, found {}",
                           axes.is_object() ? "an empty one" : axes.type_name());
  }
  std::vector<Expansion> expansions = {{"", Json::Of({{"item", Json::MakeObject()}})}};
  for (const auto& [axis, values] : axes.object()) {
    if (!values.is_array() || values.empty()) {
      return InvalidArgument("`matrix`: {} expects a list of values, found {}", axis,
                             values.is_array() ? "an empty one" : values.type_name());
    }
    if (expansions.size() * values.size() > kMostExpansions) {
      return InvalidArgument("`matrix` makes more than {} stages", kMostExpansions);
    }
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

// Merges `vars`: maps, "file.yaml", and "file.yaml:key,other" for some keys of a file.
Status MergeVars(Json& context, const Json& list, const std::string& folder,
                 const std::string& where) {
  if (!list.is_null() && !list.is_array()) {
    return InvalidArgument("{}: expected a list, found {}", where, list.type_name());
  }
  for (const Json& vars : list.array()) {
    if (vars.is_object()) {
      CAISSON_TRY(MergeContext(context, vars, where));
      continue;
    }
    if (!vars.is_string()) {
      return InvalidArgument("{}: {} is neither a map nor a file", where, WriteJson(vars));
    }
    const std::vector<std::string> parts = Split(vars.AsString(), ':');
    const std::string path = JoinPath(folder, parts[0]);
    if (!FileExists(path)) return NotFound("{}: {} is not there", where, parts[0]);
    CAISSON_ASSIGN(const YamlDocument values, ReadYamlFile(path));
    Json chosen = parts.size() < 2 ? values.value : Json::MakeObject();
    if (parts.size() > 1) {
      for (const std::string& key : Split(parts[1], ',')) {
        const Json* value = values.value.Find(key);
        if (value == nullptr) return NotFound("{}: {} has no key '{}'", where, parts[0], key);
        chosen.Set(key, *value);
      }
    }
    CAISSON_TRY(MergeContext(context, chosen, where + ": " + vars.AsString()));
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
  CAISSON_TRY(MergeVars(context, document["vars"], folder, file + ": vars"));
  return context;
}

// Expands and reads the entries of `stages`.
class StagesReader {
 public:
  StagesReader(const std::string& folder, const Json& context, std::vector<Stage>& stages)
      : folder_(folder), context_(context), stages_(stages) {}

  Status Read(const std::string& name, const Json& entry, const std::string& where) {
    if (!entry.is_object()) {
      return InvalidArgument("{}: expected a map with `cmd`, found {}", where, entry.type_name());
    }
    const bool repeated = entry.Find("foreach") != nullptr || entry.Find("matrix") != nullptr;
    return repeated ? ReadRepeated(name, entry, where) : ReadStage(name, entry, context_, where);
  }

 private:
  Status ReadRepeated(const std::string& name, const Json& entry, const std::string& where) {
    const Json* matrix = entry.Find("matrix");
    Json body = entry;
    if (matrix == nullptr) {
      FieldReader fields(entry, where);
      fields.Raw("foreach");
      body = fields.Raw("do");
      CAISSON_TRY(fields.Finish());
      if (!body.is_object()) {
        return InvalidArgument("{}: `foreach` needs `do`: the stage that is repeated", where);
      }
    }
    body.Remove("matrix");
    const Result<Json> items =
        ResolveTemplates(matrix != nullptr ? *matrix : entry["foreach"], context_);
    if (!items.ok()) return WithContext(items.status(), where);
    const auto expansions = matrix != nullptr ? ExpandMatrix(*items) : ExpandForeach(*items);
    if (!expansions.ok()) return WithContext(expansions.status(), where);
    for (const Expansion& expansion : *expansions) {
      Json context = context_;
      for (const auto& [key, value] : expansion.context.object()) context.Set(key, value);
      CAISSON_TRY(ReadStage(name + "@" + expansion.suffix, body, context, where));
    }
    return OkStatus();
  }

  Status ReadStage(const std::string& name, const Json& body, const Json& outer,
                   const std::string& where) {
    Json context = outer;
    CAISSON_TRY(MergeVars(context, body["vars"], folder_, where + ".vars"));
    Json without_vars = body;
    without_vars.Remove("vars");
    const Result<Json> resolved = ResolveTemplates(without_vars, context);
    if (!resolved.ok()) return WithContext(resolved.status(), where);
    CAISSON_ASSIGN(Stage stage, StageReader(name, *resolved, where).Read());
    const bool known = std::any_of(stages_.begin(), stages_.end(),
                                   [&](const Stage& other) { return other.name == name; });
    if (known) return InvalidArgument("{}: there is a stage '{}' already", where, name);
    stages_.push_back(std::move(stage));
    return OkStatus();
  }

  const std::string& folder_;
  const Json& context_;
  std::vector<Stage>& stages_;
};

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

// No output is made twice, nor lies in another one.
Status CheckMakers(const Pipeline& pipeline) {
  std::map<std::string, std::string> makers;
  for (const Stage& stage : pipeline.stages) {
    for (const StageOut& out : stage.outs) {
      const auto [entry, fresh] = makers.emplace(StagePath(stage, out.path), stage.name);
      if (!fresh) {
        return InvalidArgument("{} is an output of both {} and {}", out.path, entry->second,
                               stage.name);
      }
    }
  }
  for (const auto& [path, stage] : makers) {
    for (size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      const auto outer = makers.find(path.substr(0, slash));
      if (outer == makers.end()) continue;
      return InvalidArgument("{} lies in {}: it is an output of both {} and {}", path, outer->first,
                             outer->second, stage);
    }
  }
  return OkStatus();
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
  StagesReader stages(folder, context, pipeline.stages);
  for (const auto& [name, entry] : document.value["stages"].object()) {
    const auto position = document.positions.find("stages." + name);
    const std::string where =
        position == document.positions.end()
            ? fmt::format("{}: stages.{}", file, name)
            : fmt::format("{}:{}: stages.{}", file, position->second.line, name);
    CAISSON_TRY(stages.Read(name, entry, where));
  }
  return pipeline;
}

Result<std::vector<size_t>> StageOrder(const Pipeline& pipeline,
                                       const std::vector<std::string>& targets) {
  std::vector<std::string> names;
  for (const Stage& stage : pipeline.stages) names.push_back(stage.name);
  CAISSON_TRY(CheckMakers(pipeline));
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
