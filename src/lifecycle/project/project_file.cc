#include "lifecycle/project/project_file.h"

#include "base/files.h"
#include "base/strings.h"

namespace caisson::project {
namespace {

constexpr std::string_view kFileName = "caisson.yaml";

// "caisson.yaml:12: endpoints.delay", so that an editor can jump there.
std::string Where(const YamlDocument& document, const std::string& path) {
  const auto position = document.positions.find(path);
  if (position == document.positions.end()) return fmt::format("{}: {}", kFileName, path);
  return fmt::format("{}:{}: {}", kFileName, position->second.line, path);
}

Status CheckName(std::string_view name, const std::string& where) {
  if (name.empty()) return InvalidArgument("{}: the name is empty", where);
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '_' && c != '.') {
      return InvalidArgument(
          "{}: the name '{}' has '{}' in it; letters, digits, '-', '_' and '.' are accepted", where,
          name, c);
    }
  }
  return OkStatus();
}

Status ParseData(const YamlDocument& document, const Json& checks, std::vector<DataSpec>& out) {
  if (!checks.is_null() && !checks.is_object()) {
    return InvalidArgument("{}: expected a map of data file to check suite, found {}",
                           Where(document, "checks"), checks.type_name());
  }
  for (const auto& [path, suite] : checks.object()) {
    if (!suite.is_string() && !suite.is_null()) {
      return InvalidArgument("{}: expected the path of a check suite, found {}",
                             Where(document, "checks." + path), suite.type_name());
    }
    out.push_back({NormalizePath(path), suite.AsString()});
  }
  return OkStatus();
}

Result<ModelSpec> ParseModel(const YamlDocument& document, const std::string& name,
                             const Json& json) {
  const std::string where = Where(document, "models." + name);
  CAISSON_TRY(CheckName(name, where));
  FieldReader fields(json, where);
  ModelSpec model;
  model.name = name;
  model.stage = fields.String("from");
  model.folder = fields.String("folder", "");
  const std::vector<std::string> rules = fields.Strings("gate");
  const Json& evaluate = fields.Raw("evaluate");
  CAISSON_TRY(fields.Finish());
  for (size_t i = 0; i < rules.size(); ++i) {
    Result<registry::GateRule> rule = registry::ParseGateRule(rules[i]);
    if (!rule.ok())
      return WithContext(rule.status(),
                         Where(document, fmt::format("models.{}.gate[{}]", name, i)));
    model.gate.push_back(*std::move(rule));
  }
  if (!evaluate.is_null()) {
    FieldReader evaluate_fields(evaluate, Where(document, "models." + name + ".evaluate"));
    model.evaluate_data = evaluate_fields.String("data");
    model.evaluate_target = evaluate_fields.String("target");
    CAISSON_TRY(evaluate_fields.Finish());
  }
  return model;
}

// The references between the sections.
Status CheckReferences(const YamlDocument& document, const ProjectFile& file) {
  std::vector<std::string> models;
  for (const ModelSpec& model : file.models) models.push_back(model.name);
  std::vector<std::string> endpoints;
  for (const serving::EndpointSpec& endpoint : file.endpoints) {
    endpoints.push_back(endpoint.name);
    if (std::find(models.begin(), models.end(), endpoint.model) == models.end()) {
      return InvalidArgument("{}: there is no model '{}' under models{}",
                             Where(document, "endpoints." + endpoint.name + ".model"),
                             endpoint.model, SuggestName(endpoint.model, models));
    }
  }
  for (const monitoring::MonitorSpec& monitor : file.monitors) {
    if (std::find(endpoints.begin(), endpoints.end(), monitor.endpoint) == endpoints.end()) {
      return InvalidArgument("{}: there is no endpoint '{}' to watch{}",
                             Where(document, "monitors." + monitor.endpoint), monitor.endpoint,
                             SuggestName(monitor.endpoint, endpoints));
    }
  }
  return OkStatus();
}

}  // namespace

Result<ProjectFile> ParseProjectFile(const YamlDocument& document, const std::string& folder) {
  if (!document.value.is_object()) {
    return InvalidArgument("{}: expected a map with the key 'project', found {}", kFileName,
                           document.value.type_name());
  }
  ProjectFile file;
  file.folder = folder;
  FieldReader fields(document.value, std::string(kFileName));
  file.name = fields.String("project");
  file.pipeline = fields.String("pipeline", "dvc.yaml");
  const Json& checks = fields.Raw("checks");
  const Json& models = fields.Raw("models");
  const Json& endpoints = fields.Raw("endpoints");
  const Json& monitors = fields.Raw("monitors");
  fields.Raw("server");
  CAISSON_TRY(fields.Finish());
  CAISSON_TRY(CheckName(file.name, Where(document, "project")));
  for (const auto& [key, section] : {std::pair<std::string, const Json*>{"models", &models},
                                     {"endpoints", &endpoints},
                                     {"monitors", &monitors}}) {
    if (!section->is_null() && !section->is_object()) {
      return InvalidArgument("{}: expected a map of names, found {}", Where(document, key),
                             section->type_name());
    }
  }

  CAISSON_TRY(ParseData(document, checks, file.data));
  for (const auto& [name, json] : models.object()) {
    CAISSON_ASSIGN(ModelSpec model, ParseModel(document, name, json));
    file.models.push_back(std::move(model));
  }
  for (const auto& [name, json] : endpoints.object()) {
    const std::string where = Where(document, "endpoints." + name);
    CAISSON_TRY(CheckName(name, where));
    CAISSON_ASSIGN(serving::EndpointSpec endpoint, serving::ParseEndpointSpec(name, json, where));
    file.endpoints.push_back(std::move(endpoint));
  }
  for (const auto& [name, json] : monitors.object()) {
    CAISSON_ASSIGN(monitoring::MonitorSpec monitor,
                   monitoring::ParseMonitorSpec(name, json, Where(document, "monitors." + name)));
    file.monitors.push_back(std::move(monitor));
  }
  CAISSON_TRY(CheckReferences(document, file));
  return file;
}

Result<ProjectFile> ReadProjectFile(const std::string& folder) {
  const std::string path = JoinPath(folder, kFileName);
  if (!FileExists(path)) {
    return NotFound("there is no {} in {}. `caisson init` writes one that runs", kFileName,
                    AbsolutePath(folder));
  }
  CAISSON_ASSIGN(const YamlDocument document, ReadYamlFile(path));
  return ParseProjectFile(document, AbsolutePath(folder));
}

}  // namespace caisson::project
