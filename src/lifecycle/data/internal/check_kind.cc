#include "lifecycle/data/internal/check_kind.h"

#include "lifecycle/data/check_catalogue.h"

namespace caisson::data::internal {
namespace {

struct Group {
  std::string_view title;
  std::vector<Kind> (*make)();
};

constexpr Group kGroups[] = {{"The table", TableKinds},
                             {"The table or a column, against another file", ReferenceKinds},
                             {"Values of a column", ValueKinds},
                             {"Texts", TextKinds},
                             {"Statistics of a column", StatisticKinds},
                             {"Values among each other", OrderKinds},
                             {"The distribution, against another file", DistributionKinds}};

std::string_view TypeWords(ParameterType type) {
  switch (type) {
    case ParameterType::kNumber:
      return "a number";
    case ParameterType::kBound:
      return "a number or a text";
    case ParameterType::kText:
      return "a text";
    case ParameterType::kSql:
      return "SQL";
    case ParameterType::kNames:
      return "columns";
    case ParameterType::kValues:
      return "a list";
    case ParameterType::kTuples:
      return "a list of lists";
    case ParameterType::kTypes:
      return "types";
    case ParameterType::kFlag:
      return "true or false";
    case ParameterType::kFile:
      return "a file";
  }
  return "";
}

std::string ShortForm(const Kind& kind) {
  if (kind.primary.empty()) return "";
  if (kind.primary == kBothBounds) return fmt::format("`{}: 5` sets both bounds", kind.name);
  return fmt::format("what stands directly behind `{}:` is `{}`", kind.name, kind.primary);
}

Json KindAsJson(const Kind& kind, std::string_view group) {
  Json parameters = Json::MakeArray();
  for (const Parameter& parameter : kind.parameters) {
    parameters.Append(Json::Of({{"name", parameter.name},
                                {"type", TypeWords(parameter.type)},
                                {"required", parameter.required},
                                {"help", parameter.help}}));
  }
  return Json::Of({{"name", kind.name},
                   {"scope", kind.scope == Scope::kTable ? "table" : "column"},
                   {"group", group},
                   {"summary", kind.summary},
                   {"example", kind.example},
                   {"mostly", kind.takes_mostly},
                   {"short", ShortForm(kind)},
                   {"parameters", std::move(parameters)}});
}

}  // namespace

const std::vector<Kind>& CheckKinds() {
  static const std::vector<Kind> kinds = [] {
    std::vector<Kind> all;
    for (const Group& group : kGroups) {
      for (Kind& kind : group.make()) all.push_back(std::move(kind));
    }
    return all;
  }();
  return kinds;
}

const Kind* FindKind(Scope scope, std::string_view name) {
  for (const Kind& kind : CheckKinds()) {
    if (kind.scope == scope && kind.name == name) return &kind;
  }
  return nullptr;
}

}  // namespace caisson::data::internal

namespace caisson::data {

Json CheckCatalogue() {
  Json kinds = Json::MakeArray();
  for (const internal::Group& group : internal::kGroups) {
    for (const internal::Kind& kind : group.make()) {
      kinds.Append(internal::KindAsJson(kind, group.title));
    }
  }
  return kinds;
}

std::string CheckCatalogueMarkdown() {
  std::string out;
  std::string group;
  const Json catalogue = CheckCatalogue();
  for (const Json& kind : catalogue.array()) {
    if (kind["group"].AsString() != group) {
      group = kind["group"].AsString();
      out += fmt::format("### {}\n\n", group);
    }
    out += fmt::format("**`{}`**{} {}\n\n    - {}\n\n", kind["name"].AsString(),
                       kind["mostly"].AsBool() ? " (`mostly`)" : "", kind["summary"].AsString(),
                       kind["example"].AsString());
    std::string details;
    for (const Json& parameter : kind["parameters"].array()) {
      details += fmt::format("- `{}`: {}, {}{}\n", parameter["name"].AsString(),
                             parameter["type"].AsString(), parameter["help"].AsString(),
                             parameter["required"].AsBool() ? "" : "; optional");
    }
    const std::string& short_form = kind["short"].AsString();
    if (!short_form.empty()) details += fmt::format("- short: {}\n", short_form);
    if (!details.empty()) out += details + "\n";
  }
  return out;
}

}  // namespace caisson::data
