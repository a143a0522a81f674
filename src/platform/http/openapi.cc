// The route table as an OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.0).
#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "base/strings.h"
#include "platform/http/internal/pattern.h"
#include "platform/http/router.h"

namespace caisson::http {

namespace {

// Path templates that differ only in their parameters' names are one path to OpenAPI; the first
// names hold.
class PathNames {
 public:
  struct Path {
    std::string text;
    std::vector<std::string> parameters;
  };

  const Path& For(const Pattern& pattern) {
    std::string shape;
    for (const PatternSegment& segment : pattern) {
      switch (segment.kind) {
        case PatternSegment::Kind::kLiteral:
          shape += "/" + segment.text;
          break;
        case PatternSegment::Kind::kParameter:
          shape += "/{}";
          break;
        case PatternSegment::Kind::kRest:
          shape += "/{...}";
          break;
      }
    }
    const auto [entry, added] = paths_.try_emplace(shape);
    if (added) entry->second = Describe(pattern);
    return entry->second;
  }

 private:
  // A rest parameter is told apart from a parameter in the same place by its name, since OpenAPI
  // knows no rest.
  Path Describe(const Pattern& pattern) {
    Path path;
    for (const PatternSegment& segment : pattern) {
      path.text += '/';
      if (segment.kind == PatternSegment::Kind::kLiteral) {
        path.text += segment.text;
        continue;
      }
      path.parameters.push_back(segment.text);
      path.text += '{' + segment.text + '}';
    }
    if (!texts_.insert(path.text).second) {
      path.text.insert(path.text.size() - 1, "_rest");
      path.parameters.back() += "_rest";
      texts_.insert(path.text);
    }
    return path;
  }

  std::map<std::string, Path> paths_;
  std::set<std::string> texts_;
};

std::string OperationId(const Route& route) {
  std::string id = ToLower(MethodName(route.method));
  for (const char c : route.pattern) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      id += c;
    } else if (id.back() != '_') {
      id += '_';
    }
  }
  while (id.back() == '_') id.pop_back();
  return id;
}

bool TakesBody(Method method) {
  return method == Method::kPost || method == Method::kPut || method == Method::kPatch;
}

Json Operation(const Route& route, const std::vector<std::string>& parameters) {
  Json operation = Json::MakeObject();
  operation.Set("operationId", Json(OperationId(route)));
  if (!route.summary.empty()) operation.Set("summary", Json(route.summary));
  if (!route.tag.empty()) operation.Set("tags", Json(Json::Array{Json(route.tag)}));
  if (!parameters.empty()) {
    Json list = Json::MakeArray();
    for (const std::string& name : parameters) {
      list.Append(Json::Of({{"name", Json(name)},
                            {"in", Json("path")},
                            {"required", Json(true)},
                            {"schema", Json::Of({{"type", Json("string")}})}}));
    }
    operation.Set("parameters", std::move(list));
  }
  if (TakesBody(route.method)) {
    const char* const type = route.body_mode == BodyMode::kStreamed ? "*/*" : "application/json";
    operation.Set("requestBody", Json::Of({{"content", Json::Of({{type, Json::MakeObject()}})}}));
  }
  operation.Set("responses",
                Json::Of({{"200", Json::Of({{"description", Json("The answer.")}})},
                          {"default", Json::Of({{"description", Json("An error.")}})}}));
  if (route.needs_login) {
    operation.Set("security", Json(Json::Array{Json::Of({{"bearer", Json::MakeArray()}})}));
  }
  return operation;
}

}  // namespace

Json Router::OpenApi(std::string_view title, std::string_view version) const {
  PathNames names;
  Json paths = Json::MakeObject();
  std::vector<std::string> tags;
  for (const Route* route : routes()) {
    const Result<Pattern> pattern = ParsePattern(route->pattern);
    if (!pattern.ok()) continue;  // Add refused it
    const PathNames::Path& path = names.For(*pattern);
    paths.Mutable(path.text).Set(ToLower(MethodName(route->method)),
                                 Operation(*route, path.parameters));
    if (!route->tag.empty() && std::find(tags.begin(), tags.end(), route->tag) == tags.end()) {
      tags.push_back(route->tag);
    }
  }
  Json tag_list = Json::MakeArray();
  for (const std::string& tag : tags) tag_list.Append(Json::Of({{"name", Json(tag)}}));
  return Json::Of({{"openapi", Json("3.1.0")},
                   {"info", Json::Of({{"title", Json(title)}, {"version", Json(version)}})},
                   {"tags", std::move(tag_list)},
                   {"paths", std::move(paths)},
                   {"components",
                    Json::Of({{"securitySchemes",
                               Json::Of({{"bearer", Json::Of({{"type", Json("http")},
                                                              {"scheme", Json("bearer")}})}})}})}});
}

}  // namespace caisson::http
